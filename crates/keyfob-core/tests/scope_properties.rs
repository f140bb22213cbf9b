//! `ScopeSet` against the standard library's set, with as many scopes as a service may have.

use std::collections::BTreeSet;

use keyfob_core::{InvalidScopePattern, Scope as _, ScopeSet};
use proptest::prelude::*;

type Set = ScopeSet<Scope>;
type Model = BTreeSet<Scope>;

proptest! {
    #[test]
    fn algebra_is_that_of_sets(a in any_model(), b in any_model()) {
        let (set_a, set_b) = (set(&a), set(&b));
        prop_assert_eq!(model(set_a.union(set_b)), &a | &b);
        prop_assert_eq!(model(set_a | set_b), &a | &b);
        prop_assert_eq!(model(set_a.intersection(set_b)), &a & &b);
        prop_assert_eq!(model(set_a.difference(set_b)), &a - &b);
        prop_assert_eq!(model(set_a - set_b), &a - &b);
        prop_assert_eq!(set_a.is_superset(set_b), a.is_superset(&b));
        prop_assert_eq!(set_a == set_b, a == b);
        prop_assert!((set_a | set_b).is_superset(set_b));
    }

    #[test]
    fn members_are_those_put_in(a in any_model(), one in any_scope()) {
        let set = set(&a);
        prop_assert_eq!(set.len(), a.len());
        prop_assert_eq!(set.is_empty(), a.is_empty());
        for scope in Scope::ALL {
            prop_assert_eq!(set.contains(*scope), a.contains(scope));
        }
        prop_assert_eq!(model(set.with(one)), &a | &Model::from([one]));
        prop_assert_eq!(Set::all().difference(set).len(), 128 - a.len());
    }

    #[test]
    fn iteration_is_in_the_order_of_declaration(a in any_model()) {
        prop_assert!(set(&a).iter().eq(a.iter().copied()));
        prop_assert_eq!(set(&a).iter().len(), a.len());
        prop_assert_eq!(Scope::set_of(&a.iter().copied().collect::<Vec<_>>()), set(&a));
    }

    #[test]
    fn text_is_read_back(a in any_model()) {
        let text = set(&a).to_string();
        let names: Vec<_> = a.iter().map(|scope| scope.name()).collect();
        prop_assert_eq!(&text, &names.join(" "));
        prop_assert_eq!(text.parse(), Ok(set(&a)));
        prop_assert_eq!(format!("{:?}", set(&a)), format!("{:?}", BTreeNames(&a)));
    }

    #[test]
    fn order_and_repetition_of_names_mean_nothing(mut names in proptest::collection::vec(any_scope(), 0..20)) {
        let text = |scopes: &[Scope]| scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>().join("  ");
        let forward: Set = text(&names).parse().expect("known names");
        names.reverse();
        prop_assert_eq!(text(&names).parse(), Ok(forward));
    }

    #[test]
    fn unknown_stored_names_grant_nothing(a in any_model(), unknown in proptest::collection::vec(unknown_name(), 0..8)) {
        let known = a.iter().map(|scope| scope.name());
        let stored = unknown.iter().map(String::as_str).chain(known).chain(unknown.iter().map(String::as_str));
        prop_assert_eq!(Set::from_known_names(stored), set(&a));
    }

    #[test]
    fn unknown_names_are_errors_where_a_person_asks(a in any_model(), unknown in unknown_name()) {
        let text = format!("{} {unknown}", set(&a));
        prop_assert_eq!(text.parse::<Set>().is_err(), !unknown.trim().is_empty());
        let asked = Set::from_patterns([unknown.as_str()]);
        prop_assert!(matches!(asked, Err(InvalidScopePattern::Unknown(_))));
    }

    #[test]
    fn wildcard_is_its_names_and_no_more(resource in 0..16, action in 0..8) {
        let (resource, action) = (format!("r{resource}:"), format!(":a{action}"));
        let of = |test: &dyn Fn(&str) -> bool| {
            Scope::ALL.iter().copied().filter(|scope| test(scope.name())).collect::<Set>()
        };
        let by_resource = Set::from_patterns([format!("{resource}*").as_str()]);
        prop_assert_eq!(by_resource, Ok(of(&|name| name.starts_with(&resource))));
        let by_action = Set::from_patterns([format!("*{action}").as_str()]);
        prop_assert_eq!(by_action, Ok(of(&|name| name.ends_with(&action))));
    }

    #[test]
    fn names_are_patterns_of_themselves(a in any_model()) {
        let asked = Set::from_patterns(a.iter().map(|scope| scope.name()));
        let expected = if a.is_empty() { Err(InvalidScopePattern::Empty) } else { Ok(set(&a)) };
        prop_assert_eq!(asked, expected);
    }

    #[test]
    fn key_in_a_scopes_place_is_not_shown(digits in "[0-9a-f]{64}") {
        let key = format!("tk_live_{digits}");
        let errors = [
            key.parse::<Set>().expect_err("no scope").to_string(),
            key.parse::<Scope>().expect_err("no scope").to_string(),
            Set::from_patterns([key.as_str()]).expect_err("no scope").to_string(),
            Set::from_patterns([key.as_str(); 2]).expect_err("no scope").to_string(),
        ];
        for error in errors {
            prop_assert!(!error.contains(&digits[..6]) && !error.contains(&digits[58..]), "{error}");
        }
    }
}

#[cfg(feature = "serde")]
proptest! {
    #[test]
    fn json_is_the_names_and_is_read_back(a in any_model()) {
        let json = serde_json::to_value(set(&a)).expect("a list of names");
        let names: Vec<_> = a.iter().map(|scope| scope.name()).collect();
        prop_assert_eq!(&json, &serde_json::json!(names));
        prop_assert_eq!(serde_json::from_value::<Set>(json).expect("its own JSON"), set(&a));
    }

    #[test]
    fn scope_is_its_name_in_json(scope in any_scope()) {
        let json = serde_json::to_value(scope).expect("a name");
        prop_assert_eq!(&json, &serde_json::json!(scope.name()));
        prop_assert_eq!(serde_json::from_value::<Scope>(json).expect("its own JSON"), scope);
    }

    #[test]
    fn json_with_an_unknown_name_is_refused(a in any_model(), unknown in unknown_name()) {
        let mut names: Vec<_> = a.iter().map(|scope| scope.name()).collect();
        names.push(&unknown);
        prop_assert!(serde_json::from_value::<Set>(serde_json::json!(names)).is_err());
    }

    #[test]
    fn json_error_does_not_show_a_key(digits in "[0-9a-f]{64}") {
        let key = format!("tk_live_{digits}");
        for json in [serde_json::json!(key), serde_json::json!([key]), serde_json::json!({ &*key: 1 })] {
            let text = json.to_string();
            let errors = [
                serde_json::from_value::<Set>(json).expect_err("no set").to_string(),
                serde_json::from_str::<Set>(&text).expect_err("no set").to_string(),
            ];
            for error in errors {
                prop_assert!(!error.contains(&digits[..6]), "{error}");
            }
        }
    }
}

/// Prints as a `BTreeSet` of the names.
struct BTreeNames<'m>(&'m Model);

impl std::fmt::Debug for BTreeNames<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.iter().map(|scope| scope.name())).finish()
    }
}

fn set(model: &Model) -> Set {
    model.iter().copied().collect()
}

fn model(set: Set) -> Model {
    set.iter().collect()
}

fn any_scope() -> impl Strategy<Value = Scope> {
    proptest::sample::select(Scope::ALL)
}

fn any_model() -> impl Strategy<Value = Model> {
    prop_oneof![
        proptest::sample::subsequence(Scope::ALL, 0..=128),
        proptest::sample::subsequence(Scope::ALL, 0..=3),
    ]
    .prop_map(Model::from_iter)
}

/// Near misses and anything else.
fn unknown_name() -> impl Strategy<Value = String> {
    prop_oneof![
        "r[0-9]{1,2}:a[89]",
        "r1[6-9]:a0",
        "R0:a0",
        " r0:a0",
        "r0:a0 ",
        "r0:a0:a0",
        "r0",
        "r\\*:a0",
        "\\PC{0,20}",
    ]
    .prop_filter("is a name or a wildcard", |name: &String| {
        Set::from_patterns([name.as_str()]).is_err()
            && name.split_ascii_whitespace().all(|word| Scope::from_name(word).is_err())
    })
}

keyfob_core::scopes! {
    enum Scope {
        R0A0 => "r0:a0", R0A1 => "r0:a1", R0A2 => "r0:a2", R0A3 => "r0:a3",
        R0A4 => "r0:a4", R0A5 => "r0:a5", R0A6 => "r0:a6", R0A7 => "r0:a7",
        R1A0 => "r1:a0", R1A1 => "r1:a1", R1A2 => "r1:a2", R1A3 => "r1:a3",
        R1A4 => "r1:a4", R1A5 => "r1:a5", R1A6 => "r1:a6", R1A7 => "r1:a7",
        R2A0 => "r2:a0", R2A1 => "r2:a1", R2A2 => "r2:a2", R2A3 => "r2:a3",
        R2A4 => "r2:a4", R2A5 => "r2:a5", R2A6 => "r2:a6", R2A7 => "r2:a7",
        R3A0 => "r3:a0", R3A1 => "r3:a1", R3A2 => "r3:a2", R3A3 => "r3:a3",
        R3A4 => "r3:a4", R3A5 => "r3:a5", R3A6 => "r3:a6", R3A7 => "r3:a7",
        R4A0 => "r4:a0", R4A1 => "r4:a1", R4A2 => "r4:a2", R4A3 => "r4:a3",
        R4A4 => "r4:a4", R4A5 => "r4:a5", R4A6 => "r4:a6", R4A7 => "r4:a7",
        R5A0 => "r5:a0", R5A1 => "r5:a1", R5A2 => "r5:a2", R5A3 => "r5:a3",
        R5A4 => "r5:a4", R5A5 => "r5:a5", R5A6 => "r5:a6", R5A7 => "r5:a7",
        R6A0 => "r6:a0", R6A1 => "r6:a1", R6A2 => "r6:a2", R6A3 => "r6:a3",
        R6A4 => "r6:a4", R6A5 => "r6:a5", R6A6 => "r6:a6", R6A7 => "r6:a7",
        R7A0 => "r7:a0", R7A1 => "r7:a1", R7A2 => "r7:a2", R7A3 => "r7:a3",
        R7A4 => "r7:a4", R7A5 => "r7:a5", R7A6 => "r7:a6", R7A7 => "r7:a7",
        R8A0 => "r8:a0", R8A1 => "r8:a1", R8A2 => "r8:a2", R8A3 => "r8:a3",
        R8A4 => "r8:a4", R8A5 => "r8:a5", R8A6 => "r8:a6", R8A7 => "r8:a7",
        R9A0 => "r9:a0", R9A1 => "r9:a1", R9A2 => "r9:a2", R9A3 => "r9:a3",
        R9A4 => "r9:a4", R9A5 => "r9:a5", R9A6 => "r9:a6", R9A7 => "r9:a7",
        R10A0 => "r10:a0", R10A1 => "r10:a1", R10A2 => "r10:a2", R10A3 => "r10:a3",
        R10A4 => "r10:a4", R10A5 => "r10:a5", R10A6 => "r10:a6", R10A7 => "r10:a7",
        R11A0 => "r11:a0", R11A1 => "r11:a1", R11A2 => "r11:a2", R11A3 => "r11:a3",
        R11A4 => "r11:a4", R11A5 => "r11:a5", R11A6 => "r11:a6", R11A7 => "r11:a7",
        R12A0 => "r12:a0", R12A1 => "r12:a1", R12A2 => "r12:a2", R12A3 => "r12:a3",
        R12A4 => "r12:a4", R12A5 => "r12:a5", R12A6 => "r12:a6", R12A7 => "r12:a7",
        R13A0 => "r13:a0", R13A1 => "r13:a1", R13A2 => "r13:a2", R13A3 => "r13:a3",
        R13A4 => "r13:a4", R13A5 => "r13:a5", R13A6 => "r13:a6", R13A7 => "r13:a7",
        R14A0 => "r14:a0", R14A1 => "r14:a1", R14A2 => "r14:a2", R14A3 => "r14:a3",
        R14A4 => "r14:a4", R14A5 => "r14:a5", R14A6 => "r14:a6", R14A7 => "r14:a7",
        R15A0 => "r15:a0", R15A1 => "r15:a1", R15A2 => "r15:a2", R15A3 => "r15:a3",
        R15A4 => "r15:a4", R15A5 => "r15:a5", R15A6 => "r15:a6", R15A7 => "r15:a7",
    }
}
