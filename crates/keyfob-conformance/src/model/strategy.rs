use std::ops::Range;

use keyfob_store::{Environment, KeyStatus, Outcome};
use proptest::collection::vec;
use proptest::option::{of, weighted};
use proptest::prelude::*;
use proptest::sample::select;

use super::operation::{Counted, Draft, Edit, Expiry, Filter, Operation, Pick, Target, Token};

/// Any operation.
pub(crate) fn operation() -> impl Strategy<Value = Operation> {
    use Operation::{
        Advance, Append, Count, CountAgain, Create, Delete, Events, Get, Import, List, Prune,
        Retire, Revoke, Rotate, Switch, Usage,
    };
    // What stands first is what the others shrink to.
    prop_oneof![
        8 => clock().prop_map(|seconds| Advance { seconds }),
        14 => (organization(), limit(), weighted(0.4, token()), draft()).prop_map(
            |(organization, limit, token, key)| Create { organization, limit, token, key }
        ),
        4 => (organization(), limit(), vec(draft(), 0..5), any::<bool>()).prop_map(
            |(organization, limit, keys, newest_first)| {
                Import { organization, limit, keys, newest_first }
            }
        ),
        12 => (target(), ticks(-1..12), weighted(0.4, 0..2_usize), pick()).prop_map(
            |(key, overlap, token, secret)| Rotate { key, overlap, token, secret }
        ),
        6 => target().prop_map(|key| Retire { key }),
        7 => (target(), any::<bool>()).prop_map(|(key, on)| Switch { key, on }),
        10 => (target(), edit(), limit()).prop_map(|(key, edit, limit)| Operation::Edit { key, edit, limit }),
        4 => (target(), any::<bool>()).prop_map(|(key, reason)| Revoke { key, reason }),
        2 => target().prop_map(|key| Get { key }),
        2 => organization().prop_map(|organization| Delete { organization }),
        2 => organization().prop_map(|organization| Append { organization }),
        8 => (vec(counted(), 0..6), any::<bool>())
            .prop_map(|(counts, unknown)| Count { counts, unknown }),
        3 => (0..9_usize).prop_map(|batch| CountAgain { batch }),
        2 => (-4..6_i64).prop_map(|hours| Prune { hours }),
        4 => (organization(), filter(), 1..6_u16).prop_map(
            |(organization, filter, size)| List { organization, filter, size }
        ),
        3 => (organization(), of(0..50_usize), of(0..3_usize), of(0..10_usize), any::<bool>())
            .prop_map(|(organization, key, actor, action, deleted)| {
                Events { organization, key, actor, action, deleted }
            }),
        3 => (organization(), -6..6_i64, -2..9_i64, of(0..50_usize), any::<bool>()).prop_map(
            |(organization, from, hours, key, by_day)| Usage { organization, from, hours, key, by_day }
        ),
    ]
}

fn organization() -> impl Strategy<Value = usize> {
    prop_oneof![3 => Just(0), 2 => Just(1), 1 => Just(2)]
}

/// Seconds, of which all times are so many that two are often the same.
fn ticks(fives: Range<i64>) -> impl Strategy<Value = i64> {
    fives.prop_map(|fives| fives * 5)
}

fn clock() -> impl Strategy<Value = i64> {
    prop_oneof![6 => ticks(0..8), 1 => ticks(-8..0), 1 => ticks(700..2_400)]
}

fn limit() -> impl Strategy<Value = Option<u64>> {
    prop_oneof![2 => Just(None), 3 => (0..6_u64).prop_map(Some)]
}

fn token() -> impl Strategy<Value = Token> {
    (0..2_usize, 0..2_u8).prop_map(|(number, request)| Token { number, request })
}

fn pick() -> impl Strategy<Value = Pick> {
    prop_oneof![15 => Just(Pick::New), 1 => (0..50_usize).prop_map(Pick::Old)]
}

fn target() -> impl Strategy<Value = Target> {
    let foreign = prop_oneof![12 => Just(false), 1 => Just(true)];
    (0..50_usize, foreign).prop_map(|(index, foreign)| Target { index, foreign })
}

fn expiry() -> impl Strategy<Value = Expiry> {
    prop_oneof![3 => Just(Expiry::Never), 2 => ticks(-1..16).prop_map(Expiry::In)]
}

fn draft() -> impl Strategy<Value = Draft> {
    (expiry(), select(&Environment::ALL[..]), 0..4_usize, pick(), pick()).prop_map(
        |(expires, environment, scopes, secret, id)| Draft {
            expires,
            environment,
            scopes,
            secret,
            id,
        },
    )
}

fn edit() -> impl Strategy<Value = Edit> {
    (of(0..3_usize), of(0..4_usize), of(expiry())).prop_map(|(name, scopes, expires)| Edit {
        name,
        scopes,
        expires,
    })
}

fn counted() -> impl Strategy<Value = Counted> {
    let count = prop_oneof![6 => 1..1_000_u64, 1 => Just(u64::MAX), 1 => Just(u64::MAX / 2)];
    let hours_ago = prop_oneof![3 => 0..4_i64, 1 => 0..60_i64];
    let outcome = prop_oneof![2 => Just(Outcome::Accepted), 1 => select(&Outcome::ALL[..])];
    (target(), 0..4_usize, hours_ago, outcome, count).prop_map(
        |(key, secret, hours_ago, outcome, count)| Counted {
            key,
            secret,
            hours_ago,
            outcome,
            count,
        },
    )
}

fn filter() -> impl Strategy<Value = Filter> {
    (of(select(&KeyStatus::ALL[..])), of(select(&Environment::ALL[..])))
        .prop_map(|(status, environment)| Filter { status, environment })
}
