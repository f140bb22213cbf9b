//! New keys: of the right format, and never twice the same.
#![cfg(any(feature = "getrandom", feature = "rand_core_0_10"))]

use keyfob_core::{ApiKey, Environment, KeyFormat};

const TK: KeyFormat = KeyFormat::new("tk");

fn assert_is_well_made(format: &KeyFormat, environment: Environment, key: &ApiKey) {
    let text = key.expose_secret();
    assert_eq!(key.environment(), environment);
    assert!(text.starts_with(format.prefix(environment)));
    let parsed = format.parse(text).expect("a new key is well-formed");
    assert_eq!(parsed.environment(), environment);
    assert_eq!(parsed.hash(), key.hash());
    assert_eq!(parsed.hint(), key.hint());

    let digits = &text[text.len() - 64..];
    let shown = format!("{key:?} {key:#?}");
    assert!((0..=58).all(|at| !shown.contains(&digits[at..at + 6])), "{shown}");
}

#[cfg(feature = "getrandom")]
mod from_the_operating_system {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn keys_of_every_brand_are_well_made() {
        for brand in ["a", "tk", "abcdefghijklmnop"] {
            let format = KeyFormat::new(brand);
            for environment in Environment::ALL {
                let key = format.generate(environment).expect("random bytes");
                assert_is_well_made(&format, environment, &key);
            }
        }
    }

    #[test]
    fn ten_thousand_keys_are_distinct_from_several_threads_too() {
        let keys = || (0..2_500).map(|_| TK.generate(Environment::Live).expect("random bytes"));
        let hashes = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| scope.spawn(move || keys().map(|key| *key.hash().as_bytes()).collect()))
                .collect();
            let of_each = threads.into_iter().map(|thread| thread.join().expect("no panic"));
            of_each.collect::<Vec<Vec<[u8; 32]>>>().concat()
        });
        assert_eq!(hashes.iter().collect::<HashSet<_>>().len(), 10_000);
    }

    /// A bit that is stuck shows in the first hundred keys with all but 2^-99 of probability.
    #[test]
    fn every_bit_of_the_digits_varies() {
        let (mut ever_set, mut ever_clear) = ([0_u8; 64], [0_u8; 64]);
        for _ in 0..100 {
            let key = TK.generate(Environment::Test).expect("random bytes");
            for (place, digit) in key.expose_secret()[8..].chars().enumerate() {
                let nibble = digit.to_digit(16).expect("a hex digit").to_le_bytes()[0];
                ever_set[place] |= nibble;
                ever_clear[place] |= !nibble & 15;
            }
        }
        assert_eq!((ever_set, ever_clear), ([15; 64], [15; 64]));
    }
}

#[cfg(feature = "rand_core_0_10")]
mod from_a_callers_generator {
    use std::convert::Infallible;

    use rand_core::{CryptoRng, TryCryptoRng, TryRng};

    use super::*;

    /// 0, 1, 2, …: what a key takes from its generator shows in its digits.
    struct Counting(u8);

    impl TryRng for Counting {
        type Error = Infallible;

        fn try_next_u32(&mut self) -> Result<u32, Infallible> {
            unimplemented!("a key is filled at once")
        }

        fn try_next_u64(&mut self) -> Result<u64, Infallible> {
            unimplemented!("a key is filled at once")
        }

        fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
            for byte in bytes {
                *byte = self.0;
                self.0 = self.0.wrapping_add(1);
            }
            Ok(())
        }
    }

    impl TryCryptoRng for Counting {}

    #[test]
    fn digits_are_the_generators_bytes_in_order() {
        let mut rng = Counting(0xf0);
        let key = TK.generate_from(Environment::Test, &mut rng);
        assert_is_well_made(&TK, Environment::Test, &key);
        let digits = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff000102030405060708090a0b0c0d0e0f";
        assert_eq!(key.expose_secret(), format!("tk_test_{digits}"));
    }

    #[test]
    fn next_key_takes_the_next_bytes() {
        let mut rng = Counting(0);
        let first = TK.generate_from(Environment::Live, &mut rng);
        let second = TK.generate_from(Environment::Live, &mut rng);
        assert_ne!(first.hash(), second.hash());
        assert!(second.expose_secret().starts_with("tk_live_20212223"));
    }

    #[test]
    fn generator_may_be_a_trait_object() {
        let rng: &mut dyn CryptoRng = &mut Counting(0);
        assert_is_well_made(&TK, Environment::Live, &TK.generate_from(Environment::Live, rng));
    }
}
