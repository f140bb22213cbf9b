use std::iter;

use keyfob_core::KeyHash;
use keyfob_store::{KeyId, OrganizationId, Timestamp};

/// So many keys as they come together over the years: of organizations that have 10 to 100 each, made
/// in turns, so that an organization's keys lie far apart; and of one that has a hundredth of them all.
///
/// Keys are numbered in the order in which they were made, with which that of their hashes has nothing
/// to do. Nobody knows a text to these hashes.
#[derive(Debug)]
pub struct Population {
    /// The organization of each key.
    owners: Vec<u32>,
    organizations: u32,
}

/// The organization that has a hundredth of all keys.
const LARGE: u32 = 0;

/// No power of two or ten divides it, so its multiples pass by each number below one once.
const STRIDE: usize = 617_363_881;

impl Population {
    /// So many keys, a power of ten of them.
    ///
    /// # Panics
    /// If they are fewer than 1,000 or more than 10⁹, or no power of ten.
    #[must_use]
    pub fn new(keys: usize) -> Self {
        let powers = iter::successors(Some(1_000), |power| Some(power * 10)).take(7);
        assert!(powers.into_iter().any(|power| power == keys), "a power of ten, 1,000 or more");
        let organizations = u32::try_from(keys / 55).expect("fewer than 10⁹ keys");
        let mut others = (0..100).flat_map(|round| {
            (LARGE + 1..organizations).filter(move |organization| 10 + organization % 91 > round)
        });
        let mut owner = |number| {
            if number % 100 == 0 { LARGE } else { others.next().unwrap_or(LARGE + 1) }
        };
        Self { owners: (0..keys).map(&mut owner).collect(), organizations }
    }

    /// How many keys there are.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.owners.len()
    }

    /// How many organizations there are.
    #[must_use]
    pub const fn organizations(&self) -> u32 {
        self.organizations
    }

    /// When the key of this number was made.
    #[must_use]
    pub fn made_at(number: usize) -> Timestamp {
        const SECONDS: i64 = 1_000_000;
        let number = i64::try_from(number).expect("63 bits are enough");
        Timestamp::from_micros((1_700_000_000 + 3 * number) * SECONDS)
    }

    /// The id of the key of this number.
    #[must_use]
    pub fn id(number: usize) -> KeyId {
        KeyId::new(Self::made_at(number), scramble(number as u64).to_be_bytes())
    }

    /// Whose the key of this number is.
    #[must_use]
    pub fn owner(&self, number: usize) -> OrganizationId {
        Self::organization(self.owners[number])
    }

    /// The id of the organization of this number. The first is the large one.
    ///
    /// # Panics
    /// Never: the id is well-formed.
    #[must_use]
    pub fn organization(organization: u32) -> OrganizationId {
        let digits = format!("{:016x}", scramble(organization.into()));
        let id = format!(
            "{}-{}-4{}-8000-{organization:012}",
            &digits[..8],
            &digits[8..12],
            &digits[13..]
        );
        OrganizationId::new(&id).expect("36 visible characters")
    }

    /// The hash of the key of this number. No two have the same: each is somewhere in its own share of
    /// all hashes.
    #[must_use]
    pub fn hash(&self, number: usize) -> KeyHash {
        let rank = self.scattered(number);
        let step = u64::MAX / self.keys() as u64;
        let mut hash = [0; 32];
        for (part, bytes) in hash.chunks_exact_mut(8).enumerate() {
            let noise = scramble((rank * 4 + part) as u64);
            let word = if part == 0 { rank as u64 * step + noise % step } else { noise };
            bytes.copy_from_slice(&word.to_be_bytes());
        }
        KeyHash::from_bytes(hash)
    }

    /// The keys' numbers in another order, far from each other.
    #[must_use]
    pub fn scattered(&self, nth: usize) -> usize {
        // Below 2⁶⁰, as a stride is below 2³⁰ and so is a number.
        nth * STRIDE % self.keys()
    }
}

/// Bits that look random (`SplitMix64`'s last step).
const fn scramble(number: u64) -> u64 {
    let mut bits = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;

    #[test]
    fn every_key_has_a_hash_of_its_own() {
        let population = Population::new(10_000);
        let numbers: HashSet<usize> = (0..10_000).map(|nth| population.scattered(nth)).collect();
        assert_eq!(numbers.len(), 10_000);
        let hashes = (0..10_000).map(|number| *population.hash(number).as_bytes());
        assert_eq!(hashes.collect::<HashSet<_>>().len(), 10_000);
    }

    #[test]
    fn organizations_have_10_to_100_keys_and_one_has_a_hundredth() {
        let population = Population::new(100_000);
        let mut sizes = HashMap::new();
        for owner in &population.owners {
            *sizes.entry(*owner).or_insert(0) += 1;
        }
        assert_eq!(sizes.remove(&LARGE), Some(1_000));
        assert_eq!(sizes.len() + 1, population.organizations() as usize);
        assert!(sizes.values().all(|size| (9..=200).contains(size)), "{sizes:?}");
    }

    #[test]
    fn ids_are_in_the_order_of_creation() {
        assert!((1..1_000).all(|number| Population::id(number - 1) < Population::id(number)));
    }
}
