use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::fault::{self, Fault};
use crate::trial::Size;

/// What happens in a run, all of it drawn from one seed.
#[derive(Clone, Debug)]
pub(super) struct Scenario {
    pub(super) seed: u64,
    pub(super) bound: Duration,
    pub(super) fault: Fault,
    /// From the start of the run to the fault.
    pub(super) fault_after: Duration,
    pub(super) fault_lasts: Duration,
    /// When keys are revoked, from the start of the run, and by which node.
    pub(super) revocations: Vec<(Duration, usize)>,
    /// How long nodes are watched after all is well again.
    pub(super) afterwards: Duration,
}

/// The node that things break around, and one that revokes beside it.
pub(super) const VICTIM: usize = 0;
pub(super) const BYSTANDER: usize = 1;

/// Keys that are good all the while.
pub(super) const GOOD_KEYS: usize = 3;

/// A bound for most runs, so that many of them take minutes.
const SHORT: Duration = Duration::from_millis(1_500);
const DEFAULT: Duration = Duration::from_secs(5);

impl Scenario {
    pub(super) fn draw(seed: u64, size: Size) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let default = size == Size::Full && random.random_ratio(1, 5);
        let bound = if default { DEFAULT } else { SHORT };
        let fault = Fault::draw(&mut random);
        let fault_after = Duration::from_millis(random.random_range(50..500));
        let fault_lasts = fault::span(&mut random, bound);
        let all = fault_after + fault_lasts + Duration::from_millis(200);
        let revocations = (0..random.random_range(3..9))
            .map(|_| {
                let by = if random.random_ratio(1, 4) { VICTIM } else { BYSTANDER };
                (all.mul_f64(random.random()), by)
            })
            .collect();
        let afterwards = Duration::from_millis(100);
        Self { seed, bound, fault, fault_after, fault_lasts, revocations, afterwards }
    }

    /// The plainest: a node that hears nothing any more from its store, while another revokes.
    pub(super) fn plain() -> Self {
        Self {
            seed: 0,
            bound: DEFAULT,
            fault: Fault::Hanging,
            fault_after: Duration::from_secs(1),
            fault_lasts: Duration::from_secs(8),
            revocations: vec![(Duration::from_secs(2), BYSTANDER)],
            afterwards: Duration::from_secs(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seed_is_all_that_a_scenario_is_made_of() {
        for seed in 0..20 {
            let drawn = || format!("{:?}", Scenario::draw(seed, Size::Full));
            assert_eq!(drawn(), drawn());
        }
    }
}
