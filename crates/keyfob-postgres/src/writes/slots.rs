use keyfob_store::Timestamp;

use super::needs::SlotsNeed;

/// How many keys hold a slot of an organization's plan, at any time of a span.
///
/// What is counted may have been cut off where there is more than any request compares with. As much more was
/// counted as the requests of the transaction can free, so that it never looks as if there were room.
#[derive(Clone, Debug)]
pub(crate) struct Slots {
    need: SlotsNeed,
    /// Held at every time of the span: they expire behind it, or never.
    throughout: u64,
    /// When those expire that do within the span.
    expiries: Vec<Timestamp>,
}

impl Slots {
    pub(crate) fn new(need: SlotsNeed, throughout: u64, expiries: Vec<Timestamp>) -> Self {
        Self { need, throughout, expiries }
    }

    pub(crate) fn in_use(&self, at: Timestamp) -> u64 {
        let later = self.expiries.iter().filter(|expiry| **expiry > at).count();
        self.throughout.saturating_add(later as u64)
    }

    /// A key that expires then takes a slot.
    pub(crate) fn take(&mut self, expires_at: Option<Timestamp>) {
        match expires_at {
            Some(expiry) if expiry <= self.need.to => {
                if expiry > self.need.from {
                    self.expiries.push(expiry);
                }
            }
            _ => self.throughout += 1,
        }
    }

    /// A key that expires then no longer holds one.
    pub(crate) fn free(&mut self, expires_at: Option<Timestamp>) {
        match expires_at {
            Some(expiry) if expiry <= self.need.to => {
                if let Some(place) = self.expiries.iter().position(|known| *known == expiry) {
                    self.expiries.swap_remove(place);
                }
            }
            _ => self.throughout = self.throughout.saturating_sub(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    #[test]
    fn slots_are_counted_at_any_time_of_the_span() {
        let need = SlotsNeed { from: at(10), to: at(20), most: 5 };
        let mut slots = Slots::new(need, 2, vec![at(15)]);
        let in_use = |slots: &Slots| [10, 14, 15, 20].map(|time| slots.in_use(at(time)));
        assert_eq!(in_use(&slots), [3, 3, 2, 2]);
        for expiry in [None, Some(at(21)), Some(at(12)), Some(at(10))] {
            slots.take(expiry);
        }
        assert_eq!(in_use(&slots), [6, 5, 4, 4]);
        for expiry in [None, Some(at(21)), Some(at(12)), Some(at(10)), Some(at(15))] {
            slots.free(expiry);
        }
        assert_eq!(in_use(&slots), [2, 2, 2, 2]);
    }
}
