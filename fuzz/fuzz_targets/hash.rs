//! Any text, read as a hash, bare and as JSON: there is one spelling, and it is printed back.
#![no_main]

use keyfob_core::KeyHash;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let one_spelling = text.len() == 64 && text.bytes().all(|b| b"0123456789abcdef".contains(&b));
    let parsed = text.parse::<KeyHash>();
    assert_eq!(parsed.is_ok(), one_spelling);
    if let Ok(hash) = parsed {
        assert_eq!(hash.to_string(), text);
        assert_eq!(hash, KeyHash::from_bytes(*hash.as_bytes()));
        let json = serde_json::to_string(&hash).expect("a string");
        assert_eq!(json, format!("\"{text}\""));
    }

    if let Ok(hash) = serde_json::from_str::<KeyHash>(text) {
        let again = serde_json::to_string(&hash).expect("a string");
        assert_eq!(serde_json::from_str::<KeyHash>(&again).expect("its own JSON"), hash);
    }
});
