//! What holds for every key of every brand: one spelling, and nothing of it is ever shown.

use keyfob_core::{Environment, InvalidKey, KeyFormat, KeyHash, KeyHint};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_is_printed_is_parsed_back(key in any_key()) {
        let parsed = key.format().parse(&key.text).expect("a key of its own format");
        prop_assert_eq!(parsed.environment(), key.environment);
        prop_assert_eq!(key.print(parsed.environment(), &key.digits), key.text.as_str());
        prop_assert_eq!(key.format().key_len(), key.text.len());
        let hint = parsed.hint();
        prop_assert_eq!(hint.as_str(), &key.text[..key.text.len() - 56]);
    }

    #[test]
    fn hint_is_parsed_back(key in any_key()) {
        let hint = key.format().parse(&key.text).expect("a key of its own format").hint();
        prop_assert_eq!(hint.as_str().parse(), Ok(hint));
    }

    #[test]
    fn text_is_a_key_exactly_if_the_plain_reading_says_so(
        key in any_key(),
        other in "[a-z]{1,3}_(live|test|LIVE|prod)_[0-9a-fA-F]{62,66}",
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        for text in [key.text.as_bytes(), other.as_bytes(), &bytes] {
            let parsed = key.format().parse(text);
            prop_assert_eq!(parsed.map(|parsed| parsed.environment()), plain_reading(&key.brand, text));
        }
    }

    #[test]
    fn error_tells_nothing_of_the_digits(key in any_key(), at in 0_usize..64, cut in 1_usize..64) {
        let start = key.text.len() - 64;
        let mut upper = key.text.clone().into_bytes();
        upper[start + at] = b'G';
        let without_prefix = &key.text.as_bytes()[start..];
        let cut_short = &key.text.as_bytes()[..key.text.len() - cut];
        for wrong in [&upper, without_prefix, cut_short] {
            let error = key.format().parse(wrong).expect_err("no key");
            let shown = format!("{error} {error:?} {error:#?}");
            prop_assert!(!shows_digits(&shown, &key.digits));
        }
    }

    #[test]
    fn key_in_another_fields_place_is_not_shown(key in any_key()) {
        let text = &key.text;
        let errors = [
            text.parse::<KeyHash>().expect_err("no hash").to_string(),
            text.parse::<KeyHint>().expect_err("no hint").to_string(),
            text.parse::<Environment>().expect_err("no environment").to_string(),
            KeyFormat::try_new(text).expect_err("no brand").to_string(),
        ];
        for error in errors {
            prop_assert!(!shows_digits(&error, &key.digits), "{error}");
        }
    }

    #[test]
    fn debug_tells_nothing_of_the_digits(key in any_key()) {
        let parsed = key.format().parse(&key.text).expect("a key of its own format");
        let shown = format!("{parsed:?} {parsed:#?}");
        prop_assert!(!shows_digits(&shown, &key.digits));
    }
}

proptest! {
    // Each case tries some 38,000 texts.
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn one_byte_changed_is_no_key_or_another_key(key in any_key()) {
        let original = key.text.as_bytes();
        for at in 0..original.len() {
            for byte in (0..=u8::MAX).filter(|byte| *byte != original[at]) {
                let mut changed = original.to_vec();
                changed[at] = byte;
                assert_is_no_key_or_another(&key, &changed);
            }
        }
    }

    #[test]
    fn one_byte_more_is_no_key(key in any_key()) {
        for at in 0..=key.text.len() {
            for byte in 0..=u8::MAX {
                let mut longer = key.text.clone().into_bytes();
                longer.insert(at, byte);
                prop_assert!(!key.format().matches(&longer), "byte {} at {}", byte, at);
            }
        }
    }

    #[test]
    fn one_byte_less_is_no_key(key in any_key()) {
        for at in 0..key.text.len() {
            let mut shorter = key.text.clone().into_bytes();
            shorter.remove(at);
            prop_assert!(!key.format().matches(&shorter), "without the byte at {}", at);
        }
    }

    #[test]
    fn letter_in_the_other_case_is_no_key(key in any_key()) {
        for at in 0..key.text.len() {
            let mut changed = key.text.clone().into_bytes();
            changed[at] = changed[at].to_ascii_uppercase();
            prop_assert_eq!(key.format().matches(&changed), changed == key.text.as_bytes());
        }
        prop_assert!(!key.format().matches(&key.text.to_uppercase()));
    }
}

fn assert_is_no_key_or_another(key: &Key, changed: &[u8]) {
    let format = key.format();
    let original = format.parse(&key.text).expect("a key of its own format");
    assert_eq!(
        format.parse(changed).map(|parsed| parsed.environment()),
        plain_reading(&key.brand, changed)
    );
    if let Ok(other) = format.parse(changed) {
        assert_ne!(other.hash(), original.hash());
    }
}

/// `SPEC.md`, read as literally as possible: what the real parser is compared with.
fn plain_reading(brand: &str, text: &[u8]) -> Result<Environment, InvalidKey> {
    let prefixed = |environment: &Environment| {
        let prefix = format!("{brand}_{environment}_");
        text.strip_prefix(prefix.as_bytes()).map(|rest| (*environment, rest))
    };
    let (environment, rest) =
        Environment::ALL.iter().find_map(prefixed).ok_or(InvalidKey::Prefix)?;
    if rest.len() != 64 {
        let expected = brand.len() + 6 + 64;
        return Err(InvalidKey::Length { expected, found: text.len() });
    }
    if !rest.iter().all(|byte| b"0123456789abcdef".contains(byte)) {
        return Err(InvalidKey::Character);
    }
    Ok(environment)
}

/// Whether any 6 digits of the key that stand together stand in the text.
fn shows_digits(text: &str, digits: &str) -> bool {
    (0..=digits.len() - 6).any(|at| text.contains(&digits[at..at + 6]))
}

#[derive(Clone, Debug)]
struct Key {
    brand: String,
    environment: Environment,
    digits: String,
    text: String,
}

impl Key {
    fn format(&self) -> KeyFormat {
        KeyFormat::try_new(&self.brand).expect("a brand by the rules")
    }

    fn print(&self, environment: Environment, digits: &str) -> String {
        format!("{}_{environment}_{digits}", self.brand)
    }
}

fn any_key() -> impl Strategy<Value = Key> {
    let environment = prop_oneof![Just(Environment::Live), Just(Environment::Test)];
    ("[a-z]|[a-z][a-z0-9_]{0,14}[a-z0-9]", environment, "[0-9a-f]{64}").prop_map(
        |(brand, environment, digits)| Key {
            text: format!("{brand}_{environment}_{digits}"),
            brand,
            environment,
            digits,
        },
    )
}
