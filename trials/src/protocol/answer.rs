use keyfob::VerifyError;
use serde::{Deserialize, Serialize};

use crate::monotonic::Monotonic;

/// What a verification came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// Yes.
    Accepted,
    /// No, for this reason.
    Refused(String),
    /// Cannot tell.
    Unavailable,
}

impl Answer {
    pub(crate) fn of<T>(verified: &Result<T, VerifyError>) -> Self {
        match verified {
            Ok(_) => Self::Accepted,
            Err(VerifyError::Refused(refusal)) => Self::Refused(refusal.as_str().to_owned()),
            // And whatever a later release adds, which is no acceptance and no refusal.
            Err(_) => Self::Unavailable,
        }
    }

    /// Whether it is a refusal.
    #[must_use]
    pub(crate) const fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused(_))
    }
}

/// The same answer, again and again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Segment {
    /// What was answered.
    pub(crate) answer: Answer,
    /// How many times.
    pub(crate) count: u64,
    /// When the first of these verifications began.
    pub(crate) first_began: Monotonic,
    /// When the first of them was answered.
    pub(crate) first_ended: Monotonic,
    /// When the last of them began.
    pub(crate) last_began: Monotonic,
    /// When the last of them was answered.
    pub(crate) last_ended: Monotonic,
}

/// Every answer that a node gave about a key while it watched it, in the order in which they came.
///
/// A key is accepted *at* the moment when the verification began: whoever presents it later than
/// that is not the one who was let in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sight {
    segments: Vec<Segment>,
    /// Whether answers changed so often that the last ones are missing.
    truncated: bool,
}

/// More changes of answer than a watch can bring that is not broken.
const MOST_SEGMENTS: usize = 4_096;

impl Sight {
    pub(crate) fn add(&mut self, answer: Answer, began: Monotonic, ended: Monotonic) {
        let full = self.segments.len() == MOST_SEGMENTS;
        match self.segments.last_mut() {
            Some(last) if last.answer == answer => {
                last.count += 1;
                // A lookup is answered after hits that began later.
                last.last_began = last.last_began.max(began);
                last.first_began = last.first_began.min(began);
                last.last_ended = ended;
            }
            _ if full => self.truncated = true,
            _ => self.segments.push(Segment {
                answer,
                count: 1,
                first_began: began,
                first_ended: ended,
                last_began: began,
                last_ended: ended,
            }),
        }
    }

    /// The answers.
    #[must_use]
    pub(crate) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Whether nothing is missing.
    #[must_use]
    pub(crate) const fn is_complete(&self) -> bool {
        !self.truncated
    }

    /// When the last verification began that was accepted.
    #[must_use]
    pub(crate) fn last_acceptance(&self) -> Option<Monotonic> {
        self.began_last(|answer| *answer == Answer::Accepted)
    }

    /// When the last verification began that came to such an answer.
    pub(crate) fn began_last(&self, is_such: impl Fn(&Answer) -> bool) -> Option<Monotonic> {
        let such = self.segments.iter().filter(|segment| is_such(&segment.answer));
        such.map(|segment| segment.last_began).max()
    }

    /// When the first verification was answered so that began after that moment, to the precision
    /// with which segments tell it: of a segment that spans the moment, the moment itself.
    pub(crate) fn answered_after(
        &self,
        moment: Monotonic,
        is_such: impl Fn(&Answer) -> bool,
    ) -> Option<Monotonic> {
        let such = self.segments.iter().filter(|segment| is_such(&segment.answer));
        let after = such.filter(|segment| segment.last_began >= moment);
        after.map(|segment| segment.first_ended.max(moment)).min()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn sight(answers: &[(Answer, u64, u64)]) -> (Monotonic, Sight) {
        let start = Monotonic::now();
        let at = |millis| start.plus(Duration::from_millis(millis));
        let mut sight = Sight::default();
        for (answer, began, ended) in answers {
            sight.add(answer.clone(), at(*began), at(*ended));
        }
        (start, sight)
    }

    #[test]
    fn same_answers_become_one_segment() {
        let (start, sight) = sight(&[
            (Answer::Accepted, 0, 1),
            (Answer::Accepted, 2, 3),
            (Answer::Unavailable, 4, 9),
            (Answer::Accepted, 5, 10),
        ]);
        let counts: Vec<_> = sight.segments().iter().map(|segment| segment.count).collect();
        assert_eq!(counts, [2, 1, 1]);
        assert_eq!(sight.last_acceptance(), Some(start.plus(Duration::from_millis(5))));
    }

    #[test]
    fn acceptance_counts_by_the_moment_when_it_began() {
        // A lookup that was answered late, after a hit that began later.
        let (start, sight) = sight(&[(Answer::Accepted, 5, 6), (Answer::Accepted, 1, 7)]);
        assert_eq!(sight.last_acceptance(), Some(start.plus(Duration::from_millis(5))));
    }

    #[test]
    fn answer_after_a_moment_is_found_within_a_segment_too() {
        let (start, sight) = sight(&[
            (Answer::Accepted, 0, 1),
            (Answer::Unavailable, 2, 3),
            (Answer::Accepted, 4, 6),
            (Answer::Accepted, 8, 9),
        ]);
        let at = |millis| start.plus(Duration::from_millis(millis));
        let accepted_after =
            |millis| sight.answered_after(at(millis), |answer| *answer == Answer::Accepted);
        assert_eq!(accepted_after(2), Some(at(6)));
        assert_eq!(accepted_after(7), Some(at(7)));
        assert_eq!(accepted_after(9), None);
    }

    #[test]
    fn sight_without_end_is_cut_and_says_so() {
        let mut sight = Sight::default();
        let now = Monotonic::now();
        for turn in 0..=MOST_SEGMENTS {
            let answer = if turn % 2 == 0 { Answer::Accepted } else { Answer::Unavailable };
            assert!(sight.is_complete());
            sight.add(answer, now, now);
        }
        assert!(!sight.is_complete());
        assert_eq!(sight.segments().len(), MOST_SEGMENTS);
    }
}
