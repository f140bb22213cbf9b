//! Any bytes, read as a key: the answer is that of a literal reading of `SPEC.md`, and what is a
//! key is printed back as it was.
#![no_main]

use keyfob_core::{Environment, InvalidKey, KeyFormat, KeyHint};
use libfuzzer_sys::fuzz_target;

// The first line is the brand, the rest the text.
fuzz_target!(|input: &[u8]| {
    let mut lines = input.splitn(2, |byte| *byte == b'\n');
    let brand = lines.next().and_then(|brand| core::str::from_utf8(brand).ok()).unwrap_or("tk");
    let text = lines.next().unwrap_or(input);
    let Ok(format) = KeyFormat::try_new(brand) else {
        assert!(!is_brand(brand));
        return;
    };
    assert!(is_brand(brand));

    let parsed = format.parse(text);
    assert_eq!(parsed.map(|key| key.environment()), plain_reading(brand, text));
    match parsed {
        Ok(key) => {
            let hint = key.hint();
            assert_eq!(hint.as_str().parse::<KeyHint>(), Ok(hint));
            let digits = core::str::from_utf8(&text[text.len() - 64..]).expect("hex digits");
            let printed = format!("{brand}_{}_{digits}", key.environment());
            assert_eq!(printed.as_bytes(), text);
            assert!(printed.starts_with(hint.as_str()));
            assert_eq!(format.parse(&printed).expect("printed").hash(), key.hash());
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});

fn is_brand(brand: &str) -> bool {
    (1..=16).contains(&brand.len())
        && brand.chars().all(|c| c == '_' || c.is_ascii_lowercase() || c.is_ascii_digit())
        && brand.starts_with(|c: char| c.is_ascii_lowercase())
        && !brand.ends_with('_')
}

fn plain_reading(brand: &str, text: &[u8]) -> Result<Environment, InvalidKey> {
    let prefixed = |environment: &Environment| {
        let prefix = format!("{brand}_{environment}_");
        text.strip_prefix(prefix.as_bytes()).map(|rest| (*environment, rest))
    };
    let (environment, rest) =
        Environment::ALL.iter().find_map(prefixed).ok_or(InvalidKey::Prefix)?;
    if rest.len() != 64 {
        return Err(InvalidKey::Length { expected: brand.len() + 70, found: text.len() });
    }
    if !rest.iter().all(|byte| b"0123456789abcdef".contains(byte)) {
        return Err(InvalidKey::Character);
    }
    Ok(environment)
}
