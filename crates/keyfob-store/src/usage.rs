use std::fmt;

use crate::{KeyId, OrganizationId, Timestamp};

/// An hour, UTC: the grain in which usage is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hour(i64);

const MICROS: i64 = 3_600_000_000;
const DAY: i64 = 24;

impl Hour {
    /// The hour that a moment lies in.
    #[must_use]
    pub const fn of(at: Timestamp) -> Self {
        Self(at.as_micros().div_euclid(MICROS))
    }

    /// So many hours after the epoch.
    #[must_use]
    pub const fn from_number(hours: i64) -> Self {
        Self(hours)
    }

    /// How many hours after the epoch it is.
    #[must_use]
    pub const fn number(self) -> i64 {
        self.0
    }

    /// The first hour of its day (UTC), or the first hour of all, where its day began before that.
    #[must_use]
    pub const fn first_of_day(self) -> Self {
        Self(self.0.div_euclid(DAY).saturating_mul(DAY))
    }

    /// Its first moment.
    #[must_use]
    pub const fn start(self) -> Timestamp {
        Timestamp::from_micros(self.0.saturating_mul(MICROS))
    }
}

/// What a verification came to, of a key that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// It was accepted.
    Accepted,
    /// It was refused as disabled.
    Disabled,
    /// It was refused as expired.
    Expired,
    /// The secret was refused, since a newer one has taken its place.
    Retired,
    /// It was refused as revoked.
    Revoked,
    /// It was refused since its organization was deleted.
    OrganizationDeleted,
    /// It was good, and of the wrong environment for the request.
    WrongEnvironment,
    /// It was good, and lacked a scope for the request.
    MissingScope,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 8] = [
        Self::Accepted,
        Self::Disabled,
        Self::Expired,
        Self::Retired,
        Self::Revoked,
        Self::OrganizationDeleted,
        Self::WrongEnvironment,
        Self::MissingScope,
    ];

    /// The word for it, as stores keep it: `accepted`, `missing_scope`…
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Disabled => "disabled",
            Self::Expired => "expired",
            Self::Retired => "retired",
            Self::Revoked => "revoked",
            Self::OrganizationDeleted => "organization_deleted",
            Self::WrongEnvironment => "wrong_environment",
            Self::MissingScope => "missing_scope",
        }
    }

    /// The outcome of a word that a store kept.
    #[must_use]
    pub fn from_stored(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == word)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Counts to be added, once, however often the batch is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageBatch {
    /// Random, and the same when the batch is sent again because its answer was lost.
    pub id: [u8; 16],
    /// When it was gathered, by the clock of the one who did. That one may be wrong, so a store does
    /// not go by it alone: an id is remembered for at least a day after it came first, by the
    /// store's own clock, whatever this and later batches say.
    pub at: Timestamp,
    /// What to add.
    pub counts: Vec<UsageCount>,
}

/// How often one secret of one key came to one outcome within one hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageCount {
    /// Who owns the key.
    pub organization: OrganizationId,
    /// The key.
    pub key: KeyId,
    /// Which of its secrets: see [`SecretRecord::generation`](crate::SecretRecord::generation).
    pub secret: u32,
    /// When.
    pub hour: Hour,
    /// With what outcome.
    pub outcome: Outcome,
    /// How often.
    pub count: u64,
    /// When it happened last.
    pub last_at: Timestamp,
}

/// Which usage of an organization to read: hours from `from` up to and without `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsageQuery {
    /// The first hour.
    pub from: Hour,
    /// The hour after the last.
    pub to: Hour,
    /// Only that of this key.
    pub key: Option<KeyId>,
    /// Whether to add up the hours of a day (UTC).
    pub grain: UsageGrain,
}

/// How finely usage is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageGrain {
    /// By the hour.
    Hour,
    /// By the day: each row's hour is the first of its day.
    Day,
}

/// A row of usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsageRow {
    /// The key.
    pub key: KeyId,
    /// Which of its secrets.
    pub secret: u32,
    /// The hour, or the first of the day.
    pub hour: Hour,
    /// The outcome.
    pub outcome: Outcome,
    /// How often. At `i64::MAX` the counter has reached its end, and stays there.
    pub count: u64,
}

impl UsageRow {
    /// Where a counter ends: stores keep it in 64 bits with a sign.
    pub const MOST: u64 = i64::MAX as u64;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour_of(micros: i64) -> Hour {
        Hour::of(Timestamp::from_micros(micros))
    }

    #[test]
    fn hour_of_a_time_before_the_epoch_is_the_one_it_lies_in() {
        for (micros, hour) in [
            (0, 0),
            (MICROS - 1, 0),
            (MICROS, 1),
            (-1, -1),
            (-MICROS, -1),
            (-MICROS - 1, -2),
            (i64::MAX, 2_562_047_788),
            (i64::MIN, -2_562_047_789),
        ] {
            assert_eq!(hour_of(micros), Hour::from_number(hour), "{micros}");
        }
    }

    #[test]
    fn start_of_an_hour_lies_in_it_and_nothing_before_does() {
        let (first, last) = (hour_of(i64::MIN).number() + 1, hour_of(i64::MAX).number());
        for number in [first, -473_352, -25, -1, 0, 1, 24, 473_352, last] {
            let start = Hour::from_number(number).start();
            assert_eq!(Hour::of(start).number(), number);
            assert_eq!(hour_of(start.as_micros() - 1).number(), number - 1);
        }
    }

    #[test]
    fn start_of_an_hour_beyond_time_is_the_edge_of_it() {
        assert_eq!(Hour::from_number(i64::MAX).start(), Timestamp::MAX);
        assert_eq!(Hour::from_number(i64::MIN).start().as_micros(), i64::MIN);
        // The first hour of all began before time did.
        assert_eq!(hour_of(i64::MIN).start().as_micros(), i64::MIN);
    }

    #[test]
    fn day_begins_with_its_first_hour_on_both_sides_of_the_epoch() {
        for (hour, first) in [(0, 0), (23, 0), (24, 24), (-1, -24), (-24, -24), (-25, -48)] {
            assert_eq!(Hour::from_number(hour).first_of_day(), Hour::from_number(first), "{hour}");
        }
        let (least, most) = (Hour::from_number(i64::MIN), Hour::from_number(i64::MAX));
        assert_eq!(least.first_of_day(), least);
        assert_eq!(most.first_of_day().number(), i64::MAX - i64::MAX % 24);
    }

    #[test]
    fn words_of_outcomes_are_what_stores_keep() {
        // Rows of older releases are read by these words, so none of them may ever change.
        let words = Outcome::ALL.map(Outcome::as_str);
        let kept = [
            "accepted",
            "disabled",
            "expired",
            "retired",
            "revoked",
            "organization_deleted",
            "wrong_environment",
            "missing_scope",
        ];
        assert_eq!(words, kept);
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::from_stored(outcome.as_str()), Some(outcome));
            assert_eq!(outcome.to_string(), outcome.as_str());
        }
        for unknown in ["", "Accepted", "accepted ", "ok"] {
            assert_eq!(Outcome::from_stored(unknown), None, "{unknown:?}");
        }
    }

    #[test]
    fn outcomes_are_in_the_order_that_usage_is_read() {
        assert!(Outcome::ALL.is_sorted());
    }
}
