use std::time::Duration;

use super::run::{Broken, Run};
use super::scenario::{BYSTANDER, VICTIM};
use crate::chart::{Strip, Timeline};

/// A run with one fault, in which the first key is revoked while it lasts, drawn.
pub(super) fn of(run: &Run) -> Timeline {
    let (_, revoked) = run.revoked[0];
    let good = run.revoked.len();
    let strip = |label: &str, node: usize, key: usize| Strip {
        label: label.into(),
        sight: run.sights[node][key].clone(),
    };
    let Broken { fault, there, going, .. } = run.broken[0];
    let bound = run.scenario.bound;
    Timeline {
        title: format!(
            "A node that is cut off from its store, with a staleness bound of {} s",
            bound.as_secs()
        ),
        from: run.began,
        to: run.healed.plus(Duration::from_secs(1)),
        fault: (format!("node A: {}", fault.name()), there, going),
        revoked: revoked.returned,
        bound: revoked.returned.plus(bound),
        strips: vec![
            strip("node A, a good key", VICTIM, good),
            strip("node A, the revoked key", VICTIM, 0),
            strip("node B, a good key", BYSTANDER, good),
            strip("node B, the revoked key", BYSTANDER, 0),
        ],
    }
}
