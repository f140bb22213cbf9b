//! What holds for every hash: equality is that of the bytes, and there is one spelling.

use keyfob_core::KeyHash;
use proptest::prelude::*;

proptest! {
    #[test]
    fn equality_is_that_of_the_bytes(a in any::<[u8; 32]>(), b in any::<[u8; 32]>(), shared in 0_usize..=32) {
        // Random hashes differ in their first byte as a rule: let some agree for longer.
        let mut c = b;
        c[..shared].copy_from_slice(&a[..shared]);
        for (left, right) in [(a, a), (a, b), (a, c), (c, a)] {
            let equal = KeyHash::from_bytes(left) == KeyHash::from_bytes(right);
            prop_assert_eq!(equal, left == right);
        }
    }

    #[test]
    fn one_bit_makes_it_another(bytes in any::<[u8; 32]>(), bit in 0_usize..256) {
        let mut flipped = bytes;
        flipped[bit / 8] ^= 1 << (bit % 8);
        prop_assert_ne!(KeyHash::from_bytes(bytes), KeyHash::from_bytes(flipped));
    }

    #[test]
    fn text_is_read_back(bytes in any::<[u8; 32]>()) {
        let hash = KeyHash::from_bytes(bytes);
        let text = hash.to_string();
        let by_hand: String = bytes.iter().flat_map(|byte| hex_digits(*byte)).collect();
        prop_assert_eq!(&text, &by_hand);
        prop_assert_eq!(text.parse(), Ok(hash));
        prop_assert_eq!(hash.as_bytes(), &bytes);
    }

    #[test]
    fn other_spellings_are_refused(text in "[0-9a-f]{0,63}|[0-9a-f]{65,70}|[0-9A-F]{64}|[0-9a-f]{63}[g-z \u{e9}]") {
        prop_assume!(text.bytes().any(|byte| !byte.is_ascii_digit()) || text.len() != 64);
        prop_assert!(text.parse::<KeyHash>().is_err());
    }

    #[test]
    fn order_of_prefixes_is_order_of_bytes(a in any::<[u8; 32]>(), b in any::<[u8; 32]>()) {
        let by_prefix = KeyHash::from_bytes(a).prefix().cmp(&KeyHash::from_bytes(b).prefix());
        prop_assert_eq!(by_prefix, a[..8].cmp(&b[..8]));
    }

    #[cfg(feature = "serde")]
    #[test]
    fn json_is_the_text_and_is_read_back(bytes in any::<[u8; 32]>()) {
        let hash = KeyHash::from_bytes(bytes);
        let json = serde_json::to_string(&hash).expect("a hash is a string");
        prop_assert_eq!(&json, &format!("\"{hash}\""));
        prop_assert_eq!(serde_json::from_str::<KeyHash>(&json).expect("its own JSON"), hash);
        let upper = json.to_uppercase();
        prop_assert_eq!(serde_json::from_str::<KeyHash>(&upper).is_ok(), upper == json);
    }
}

fn hex_digits(byte: u8) -> [char; 2] {
    [byte >> 4, byte & 15].map(|nibble| char::from_digit(nibble.into(), 16).expect("below 16"))
}
