use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::fault::{Fault, Means};
use crate::trial::{Size, Store};

/// What happens in a run, all of it drawn from one seed.
#[derive(Clone, Debug)]
pub(super) struct Scenario {
    pub(super) seed: u64,
    pub(super) bound: Duration,
    pub(super) lookup_timeout: Duration,
    /// One, or two that come independently of each other.
    pub(super) faults: Vec<Planned>,
    /// When keys are revoked, from the start of the run, and by which node.
    pub(super) revocations: Vec<(Duration, usize)>,
    /// Whether a pooler lies between the victim and the primary.
    pub(super) pooled: bool,
    pub(super) lookups: Lookups,
    /// How long nodes are watched after all is well again.
    pub(super) afterwards: Duration,
}

/// A fault of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Planned {
    pub(super) fault: Fault,
    /// From the start of the run.
    pub(super) after: Duration,
    pub(super) lasts: Duration,
}

/// Who answers the victim's lookups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lookups {
    Primary,
    /// One that follows as fast as it can.
    Replica,
    /// One that is half a minute behind.
    DelayedReplica,
}

/// The node that things break around, and one that revokes beside it.
pub(super) const VICTIM: usize = 0;
pub(super) const BYSTANDER: usize = 1;

/// Keys that are good all the while.
pub(super) const GOOD_KEYS: usize = 3;

/// A bound for most runs, so that many of them take minutes.
const SHORT: Duration = Duration::from_millis(1_500);
const DEFAULT: Duration = Duration::from_secs(5);

/// How long a node is paused in a few runs.
const LONG_PAUSE: Duration = Duration::from_secs(60);

impl Scenario {
    pub(super) fn draw(seed: u64, size: Size, store: Store) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let full = size == Size::Full;
        let bound = if full && random.random_ratio(1, 5) { DEFAULT } else { SHORT };
        let mut faults = vec![Planned::draw(&mut random, bound, store, full)];
        if random.random_ratio(1, 3) {
            let second = Planned::draw(&mut random, bound, store, false);
            if second.fault.means() != faults[0].fault.means() {
                faults.push(second);
            }
        }
        let end = faults.iter().map(|planned| planned.after + planned.lasts).max();
        let all = end.unwrap_or_default() + Duration::from_millis(200);
        let revocations = (0..random.random_range(3..9))
            .map(|_| {
                let by = if random.random_ratio(1, 4) { VICTIM } else { BYSTANDER };
                (all.mul_f64(random.random()), by)
            })
            .collect();
        let pooler_killed = faults.iter().any(|planned| planned.fault == Fault::PoolerKilled);
        let lookups = match random.random_range(0..10) {
            0..4 => Lookups::Primary,
            4..9 => Lookups::Replica,
            _ => Lookups::DelayedReplica,
        };
        Self {
            seed,
            bound,
            lookup_timeout: bound.min(Duration::from_secs(2)),
            faults,
            revocations,
            pooled: pooler_killed || random.random_ratio(1, 3),
            lookups,
            afterwards: Duration::from_millis(100),
        }
    }

    /// The plainest: a node that hears nothing any more from its store, while another revokes.
    pub(super) fn plain() -> Self {
        let (after, lasts) = (Duration::from_secs(1), Duration::from_secs(8));
        Self {
            seed: 0,
            bound: DEFAULT,
            lookup_timeout: Duration::from_secs(1),
            faults: vec![Planned { fault: Fault::BlackHoled, after, lasts }],
            revocations: vec![(Duration::from_secs(2), BYSTANDER)],
            pooled: false,
            lookups: Lookups::Primary,
            afterwards: Duration::from_secs(1),
        }
    }

    /// Whether it needs a server of its own.
    pub(super) fn breaks_server(&self) -> bool {
        self.faults.iter().any(|planned| planned.fault.means() == Means::Server)
    }
}

impl Planned {
    fn draw(random: &mut StdRng, bound: Duration, store: Store, long: bool) -> Self {
        let fault = Fault::draw(random, store);
        let after = Duration::from_millis(random.random_range(50..500));
        // Shorter than the bound, or longer.
        let mut lasts = bound.mul_f64(random.random_range(0.1..2.5));
        if long && fault == Fault::Paused && random.random_ratio(1, 4) {
            lasts = LONG_PAUSE;
        }
        Self { fault, after, lasts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seed_is_all_that_a_scenario_is_made_of() {
        for seed in 0..20 {
            let drawn = || format!("{:?}", Scenario::draw(seed, Size::Full, Store::Postgres));
            assert_eq!(drawn(), drawn());
        }
    }

    #[test]
    fn every_fault_is_drawn_and_no_two_by_the_same_means() {
        let mut names = std::collections::BTreeSet::new();
        for seed in 0..400 {
            let Scenario { faults, .. } = Scenario::draw(seed, Size::Full, Store::Postgres);
            names.extend(faults.iter().map(|planned| planned.fault.name()));
            let means: Vec<_> = faults.iter().map(|planned| planned.fault.means()).collect();
            assert!(means.len() == 1 || means[0] != means[1], "{faults:?}");
        }
        assert_eq!(names.len(), 14, "{names:?}");
    }
}
