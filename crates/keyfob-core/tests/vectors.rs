//! `vectors.json` against this crate, and the file's hashes against SHA-256 made by others.

use std::io::Write;
use std::process::{Command, Stdio};

use keyfob_core::{
    Environment, InvalidKey, InvalidScopePattern, KeyFormat, KeyHash, KeyHint, Scope as _, ScopeSet,
};
use serde::Deserialize;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors.json");

#[test]
fn brands() {
    let brands = vectors().brands;
    assert_sorted_into(&brands, |brand| KeyFormat::try_new(brand).is_ok());
}

#[test]
fn valid_keys() {
    for vector in vectors().valid_keys {
        let key = format(&vector.brand).parse(&vector.key).expect(&vector.key);
        assert_eq!(key.environment().as_str(), vector.environment, "{}", vector.key);
        assert_eq!(key.hash().to_string(), vector.sha256, "{}", vector.key);
        assert_eq!(key.hint().as_str(), vector.hint, "{}", vector.key);
        assert_eq!(key.hint().to_string(), format!("{}…", vector.hint), "{}", vector.key);
        let environment: Environment = vector.environment.parse().expect("live or test");
        assert!(vector.key.starts_with(format(&vector.brand).prefix(environment)));
    }
}

#[test]
fn invalid_keys() {
    for vector in vectors().invalid_keys {
        let error = format(&vector.brand).parse(&vector.text).expect_err(&vector.why);
        let kind = match error {
            InvalidKey::Prefix => "prefix",
            InvalidKey::Length { .. } => "length",
            InvalidKey::Character => "character",
            _ => panic!("an error that SPEC.md does not name: {error}"),
        };
        assert_eq!(kind, vector.error, "{}", vector.why);
    }
}

#[test]
fn hashes() {
    assert_sorted_into(&vectors().hashes, |text| {
        text.parse::<KeyHash>().is_ok_and(|hash| hash.to_string() == text)
    });
}

#[test]
fn hints() {
    assert_sorted_into(&vectors().hints, |text| {
        text.parse::<KeyHint>().is_ok_and(|hint| hint.as_str() == text)
    });
}

#[test]
fn scope_names() {
    assert_sorted_into(&vectors().scope_names, |name| {
        std::panic::catch_unwind(|| keyfob_core::__private::check_names(&[name])).is_ok()
    });
}

#[test]
fn declared_scopes() {
    let names: Vec<_> = Scope::ALL.iter().map(|scope| scope.name()).collect();
    assert_eq!(names, vectors().scopes.declared);
}

#[test]
fn scope_patterns() {
    for Pattern { patterns, outcome } in vectors().scopes.patterns {
        let set = ScopeSet::<Scope>::from_patterns(patterns.iter().map(String::as_str));
        let found = set.map(names).map_err(|error| {
            String::from(match error {
                InvalidScopePattern::Unknown(_) => "unknown",
                InvalidScopePattern::Repeated { .. } => "repeated",
                InvalidScopePattern::Empty => "empty",
                _ => panic!("an error that SPEC.md does not name: {error}"),
            })
        });
        assert_eq!(found, outcome.into(), "{patterns:?}");
    }
}

#[test]
fn scope_texts() {
    for Text { text, outcome } in vectors().scopes.texts {
        let set = text.parse::<ScopeSet<Scope>>();
        assert_eq!(set.map(names).map_err(|_| "unknown".into()), outcome.into(), "{text:?}");
    }
}

#[test]
fn stored_scopes() {
    for Stored { names: stored, granted } in vectors().scopes.stored {
        let set = ScopeSet::<Scope>::from_known_names(stored.iter().map(String::as_str));
        assert_eq!(names(set), granted, "{stored:?}");
    }
}

#[test]
fn hashes_are_those_of_sha256sum() {
    for ValidKey { key, sha256, .. } in vectors().valid_keys {
        let mut sha256sum = Command::new("sha256sum")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this test needs the command sha256sum, of GNU coreutils");
        // Dropped at once, which ends the command's input.
        let mut input = sha256sum.stdin.take().expect("stdin is piped");
        input.write_all(key.as_bytes()).expect("sha256sum reads its input");
        drop(input);
        let output = sha256sum.wait_with_output().expect("sha256sum ends");
        assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{sha256}  -\n"), "{key}");
    }
}

/// A second opinion where Python is installed; `sha256sum` is the one that every run asks.
#[test]
fn hashes_are_those_of_python() {
    const CHECK: &str = "
import hashlib, json, sys
keys = json.load(open(sys.argv[1], encoding='utf-8'))['valid_keys']
wrong = [v['key'] for v in keys if hashlib.sha256(v['key'].encode()).hexdigest() != v['sha256']]
print(len(keys), 'checked')
sys.exit('wrong: %s' % wrong if wrong else 0)
";
    let Ok(output) = Command::new("python3").args(["-c", CHECK, FILE]).output() else {
        eprintln!("python3 is not installed: sha256sum alone has checked the hashes");
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let checked = format!("{} checked", vectors().valid_keys.len());
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), checked);
}

fn vectors() -> Vectors {
    let text = std::fs::read_to_string(FILE).expect("the vectors are part of the crate");
    let vectors: Vectors = serde_json::from_str(&text).expect("the vectors have this shape");
    assert!(vectors.valid_keys.len() >= 15 && vectors.invalid_keys.len() >= 40, "vectors are lost");
    vectors
}

fn assert_sorted_into(sorted: &Sorted, is_valid: impl Fn(&str) -> bool) {
    assert!(!sorted.valid.is_empty() && !sorted.invalid.is_empty(), "vectors are lost");
    for text in &sorted.valid {
        assert!(is_valid(text), "{text:?} is valid");
    }
    for text in &sorted.invalid {
        assert!(!is_valid(text), "{text:?} is invalid");
    }
}

fn format(brand: &str) -> KeyFormat {
    KeyFormat::try_new(brand).expect("a brand by the rules")
}

fn names(set: ScopeSet<Scope>) -> Vec<String> {
    set.iter().map(|scope| scope.to_string()).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    #[serde(rename = "about")]
    _about: String,
    brands: Sorted,
    valid_keys: Vec<ValidKey>,
    invalid_keys: Vec<InvalidText>,
    hashes: Sorted,
    hints: Sorted,
    scope_names: Sorted,
    scopes: Scopes,
}

#[derive(Deserialize)]
struct Sorted {
    valid: Vec<String>,
    invalid: Vec<String>,
}

#[derive(Deserialize)]
struct ValidKey {
    brand: String,
    environment: String,
    key: String,
    sha256: String,
    hint: String,
}

#[derive(Deserialize)]
struct InvalidText {
    brand: String,
    text: String,
    error: String,
    why: String,
}

#[derive(Deserialize)]
struct Scopes {
    declared: Vec<String>,
    patterns: Vec<Pattern>,
    texts: Vec<Text>,
    stored: Vec<Stored>,
}

#[derive(Deserialize)]
struct Pattern {
    patterns: Vec<String>,
    #[serde(flatten)]
    outcome: Outcome,
}

#[derive(Deserialize)]
struct Text {
    text: String,
    #[serde(flatten)]
    outcome: Outcome,
}

#[derive(Deserialize)]
struct Stored {
    names: Vec<String>,
    granted: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    #[serde(alias = "names")]
    Granted(Vec<String>),
    Error(String),
}

impl From<Outcome> for Result<Vec<String>, String> {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Granted(names) => Ok(names),
            Outcome::Error(kind) => Err(kind),
        }
    }
}

keyfob_core::scopes! {
    enum Scope {
        ShieldRead => "shield:read",
        ShieldWrite => "shield:write",
        OrgRead => "org:read",
        OrgWrite => "org:write",
        FleetRead => "fleet:read",
        FleetWrite => "fleet:write",
        PolicyRead => "policy:read",
        PolicyWrite => "policy:write",
        AuditRead => "audit:read",
    }
}
