//! Any text, read as scopes in every way: what is granted is declared and was asked for, and every
//! set is read back from its text and its JSON.
#![no_main]

use keyfob_core::{InvalidScopePattern, Scope as _, ScopeSet};
use libfuzzer_sys::fuzz_target;

keyfob_core::scopes! {
    enum Scope {
        ShieldRead => "shield:read",
        ShieldWrite => "shield:write",
        OrgRead => "org:read",
        OrgWrite => "org:write",
        AuditRead => "audit:read",
    }
}

type Set = ScopeSet<Scope>;

fuzz_target!(|text: &str| {
    if let Ok(set) = text.parse::<Set>() {
        assert_is_read_back(set);
        assert!(text.split_ascii_whitespace().all(|name| Scope::from_name(name).is_ok()));
    }

    let names: Vec<&str> = text.split(' ').collect();
    let known = Set::from_known_names(names.iter().copied());
    assert_is_read_back(known);
    for scope in Scope::ALL {
        assert_eq!(known.contains(*scope), names.contains(&scope.name()));
    }

    match Set::from_patterns(names.iter().copied()) {
        Ok(set) => {
            assert_is_read_back(set);
            assert!(!set.is_empty());
            for scope in Scope::ALL {
                assert_eq!(set.contains(*scope), names.iter().any(|name| asks_for(name, *scope)));
            }
        }
        Err(InvalidScopePattern::Unknown(unknown)) => {
            assert!(names.iter().any(|name| !Scope::ALL.iter().any(|s| asks_for(name, *s))));
            assert!(unknown.name().is_none_or(|name| name.len() <= 32 && names.contains(&name)));
        }
        Err(InvalidScopePattern::Repeated { pattern }) => {
            assert!(names.iter().filter(|name| **name == pattern).count() > 1);
        }
        Err(other) => panic!("a split text has at least one part: {other}"),
    }

    if let Ok(set) = serde_json::from_str::<Set>(text) {
        assert_is_read_back(set);
    }
});

/// By all the patterns that a scope has, instead of by taking the pattern apart.
fn asks_for(pattern: &str, scope: Scope) -> bool {
    let (resource, action) = scope.name().split_once(':').expect("resource:action");
    [scope.name(), &format!("{resource}:*"), &format!("*:{action}"), "*:*"].contains(&pattern)
}

fn assert_is_read_back(set: Set) {
    assert_eq!(set.to_string().parse(), Ok(set));
    assert_eq!(set.iter().collect::<Set>(), set);
    let json = serde_json::to_string(&set).expect("a list of names");
    assert_eq!(serde_json::from_str::<Set>(&json).expect("its own JSON"), set);
}
