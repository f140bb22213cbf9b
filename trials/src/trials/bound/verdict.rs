use std::time::Duration;

use super::RECOVERY;
use super::fault::{Fault, Means};
use super::run::{Broken, Run};
use super::scenario::VICTIM;
use crate::distribution::Millis;
use crate::findings::Findings;
use crate::monotonic::Monotonic;
use crate::protocol::{Answer, Sight};
use crate::trial::Size;

impl Run {
    /// How long after each revocation its key was accepted last, anywhere.
    pub(super) fn lateness(&self) -> impl Iterator<Item = Duration> {
        self.revoked.iter().enumerate().map(|(key, (_, revoked))| {
            let last = self.sights.iter().filter_map(|sights| sights[key].last_acceptance()).max();
            last.map_or(Duration::ZERO, |last| last.since(revoked.returned))
        })
    }

    /// How long after the fault was over each node accepted every good key again, and went on.
    pub(super) fn recovery(&self) -> impl Iterator<Item = Duration> {
        self.sights.iter().map(|sights| {
            let good = &sights[self.revoked.len()..];
            let recovered = good.iter().map(|sight| recovered(sight, self.healed));
            recovered.max().unwrap_or_default()
        })
    }

    pub(super) fn check(&self, size: Size, findings: &mut Findings) {
        let seed = self.scenario.seed;
        for (node, sights) in self.sights.iter().enumerate() {
            let told = |what: &str| format!("seed {seed}, node {node}: {what}");
            let complete = sights.iter().all(Sight::is_complete);
            findings.promise(complete, || told("answers do not change without end"));
            let (gone, good) = sights.split_at(self.revoked.len());
            self.check_revoked(node, gone, findings);
            for sight in good {
                findings.promise(refusals(sight).next().is_none(), || {
                    let refusals: Vec<_> = refusals(sight).collect();
                    told(&format!("a good key is never refused: {refusals:?}"))
                });
            }
            self.check_cut_off(node, sights, findings);
        }
        if size == Size::Full {
            for recovery in self.recovery() {
                findings.promise(recovery <= RECOVERY, || {
                    format!("seed {seed}: a node serves again in time: {}", Millis(recovery))
                });
            }
        }
    }

    fn check_revoked(&self, node: usize, sights: &[Sight], findings: &mut Findings) {
        let (seed, bound) = (self.scenario.seed, self.scenario.bound);
        for (sight, (by, revoked)) in sights.iter().zip(&self.revoked) {
            let last = sight.last_acceptance();
            let late = last.map_or(Duration::ZERO, |last| last.since(revoked.returned));
            findings.promise(late <= bound, || {
                format!(
                    "seed {seed}, node {node}: no acceptance comes later than the bound: {}",
                    Millis(late)
                )
            });
            findings.promise(*by != node || late.is_zero(), || {
                format!(
                    "seed {seed}, node {node}: who revokes accepts nothing afterwards: {}",
                    Millis(late)
                )
            });
            let segments = sight.segments().iter();
            let mut early = segments.filter(|segment| segment.first_ended < revoked.began);
            findings.promise(!early.any(|segment| segment.answer.is_refusal()), || {
                format!("seed {seed}, node {node}: a key is not refused before it is revoked")
            });
        }
    }

    /// Once the bound has passed, a node that learns nothing accepts nothing and refuses nothing.
    fn check_cut_off(&self, node: usize, sights: &[Sight], findings: &mut Findings) {
        let blinding = self.broken.iter().filter(|Broken { fault, .. }| {
            fault.cuts_off() && (node == VICTIM || fault.means() == Means::Server)
        });
        for Broken { fault, there, going, .. } in blinding {
            if node != VICTIM && *fault == Fault::PoolerKilled {
                continue;
            }
            let blind = there.plus(self.scenario.bound);
            for segment in sights.iter().flat_map(Sight::segments) {
                let certain = segment.answer != Answer::Unavailable;
                // A lookup that hung until the fault was over may well be answered.
                let first = segment.first_began > blind && segment.first_ended < *going;
                let last = segment.last_began > blind && segment.last_ended < *going;
                findings.promise(!(certain && (first || last)), || {
                    format!(
                        "seed {}: who is cut off can't tell: {:?} after {}",
                        self.scenario.seed,
                        segment.answer,
                        Millis(segment.last_began.since(*there))
                    )
                });
            }
        }
    }
}

fn refusals(sight: &Sight) -> impl Iterator<Item = &Answer> {
    sight.segments().iter().map(|segment| &segment.answer).filter(|answer| answer.is_refusal())
}

/// After the last answer that was none, or the first acceptance, whichever is later.
fn recovered(sight: &Sight, healed: Monotonic) -> Duration {
    let accepted = sight.answered_after(healed, |answer| *answer == Answer::Accepted);
    let failing = sight.began_last(|answer| *answer != Answer::Accepted);
    let again = failing
        .filter(|failing| *failing > healed)
        .and_then(|failing| sight.answered_after(failing, |answer| *answer == Answer::Accepted));
    again.max(accepted).map_or(Duration::MAX, |at| at.since(healed))
}
