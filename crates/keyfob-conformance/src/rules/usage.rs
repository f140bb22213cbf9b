//! Contracts 11 and 12: what is counted, and where.

use keyfob_store::{
    KeyRecord, KeyStore, NewKey, Outcome as Verified, Timestamp, UsageCount, UsageGrain,
    UsageQuery, UsageRow,
};

use crate::check::{Check, checks};
use crate::failure::{Outcome, same};
use crate::follower::Follower;
use crate::footprint::{every_event, every_key};
use crate::rules::rotate::rotate;
use crate::sample::{all_usage, at, by, count, events, hour, keys, organization};
use crate::stage::Stage;

pub(crate) const CHECKS: &[Check] = checks![
    contract 11: rotation_keeps_the_usage;
    contract 12:
        counts_add_up,
        usage_is_counted_by_key_secret_hour_and_outcome,
        counter_stops_at_its_end,
        usage_of_unknown_keys_is_dropped,
        last_use_is_the_latest,
        last_use_is_of_its_secret,
        usage_of_refused_keys_is_counted,
        counting_is_not_logged;
];

/// The row that a count alone makes.
pub(crate) fn row(of: &UsageCount) -> UsageRow {
    UsageRow { key: of.key, secret: of.secret, hour: of.hour, outcome: of.outcome, count: of.count }
}

async fn rotation_keeps_the_usage(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let key = stage.stored(&store, &acme, 0).await?.value;
    let first = count(&key, 0, 5);
    store.record_usage(&stage.batch(vec![first.clone()])).await?;
    let turned = rotate(stage, &store, &key, 1, 2).await?;
    same("when the old secret was last used", turned.secrets[1].last_used_at, Some(first.last_at))?;
    same("when the new one was", turned.secrets[0].last_used_at, None)?;
    rotate(stage, &store, &key, 3, 4).await?;
    let counts: Vec<_> = [1, 2, 3].map(|secret| UsageCount { secret, ..count(&key, 1, 7) }).into();
    let expected: Vec<_> = [&first].into_iter().chain(&counts).map(row).collect();
    store.record_usage(&stage.batch(counts)).await?;
    same("the usage of each secret", store.usage(&acme, all_usage()).await?, expected)
}

async fn counts_add_up(stage: &Stage) -> Outcome {
    let [store, other] = stage.open_two().await?;
    let acme = organization("acme");
    let key = stage.stored(&store, &acme, 0).await?.value;
    let rare = UsageCount { outcome: Verified::MissingScope, ..count(&key, 0, 1) };
    let mut sums = [0, 0];
    for (number, store) in [&store, &other, &store].into_iter().enumerate() {
        // The same place more than once in a batch, and once in every batch.
        let some = 10_u64.pow(u32::try_from(number).unwrap_or(0));
        let counts = vec![count(&key, 0, some), rare.clone(), count(&key, 0, some)];
        store.record_usage(&stage.batch(counts)).await?;
        sums = [sums[0] + 2 * some, sums[1] + 1];
        let expected = vec![
            row(&count(&key, 0, sums[0])),
            row(&UsageCount { count: sums[1], ..rare.clone() }),
        ];
        same("the sums so far", other.usage(&acme, all_usage()).await?, expected)?;
    }
    Ok(())
}

async fn usage_is_counted_by_key_secret_hour_and_outcome(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let mut made = Vec::new();
    for seconds in 0..2 {
        let key = stage.stored(&store, &acme, seconds).await?.value;
        made.push(rotate(stage, &store, &key, 5, 5).await?);
    }
    let mut counts = Vec::new();
    // In the order in which usage is read.
    for hours in [-500_000, -1, 0, 1, 500_000] {
        for key in &made {
            for secret in [1, 2] {
                for outcome in Verified::ALL {
                    let number = counts.len() as u64 + 1;
                    counts.push(UsageCount { secret, outcome, ..count(key, hours, number) });
                }
            }
        }
    }
    let expected: Vec<_> = counts.iter().map(row).collect();
    // Neither as they are sorted, nor the other way round.
    let (first, second) = counts.split_at(counts.len() / 3);
    let shuffled = second.iter().step_by(2).chain(first).chain(second.iter().skip(1).step_by(2));
    store.record_usage(&stage.batch(shuffled.cloned().collect())).await?;
    same("the usage", store.usage(&acme, all_usage()).await?, expected)
}

async fn counter_stops_at_its_end(stage: &Stage) -> Outcome {
    const MOST: u64 = UsageRow::MOST;
    let store = stage.open().await?;
    let acme = organization("acme");
    for counts in [vec![MOST - 1, 5], vec![MOST, MOST], vec![u64::MAX], vec![7, u64::MAX - 3]] {
        for together in [true, false] {
            let key = stage.stored(&store, &acme, 0).await?.value;
            let every: Vec<_> = counts.iter().map(|sum| count(&key, 0, *sum)).collect();
            if together {
                store.record_usage(&stage.batch(every)).await?;
            } else {
                for one in every {
                    store.record_usage(&stage.batch(vec![one])).await?;
                }
            }
            let one_more = vec![count(&key, 0, 1), count(&key, 1, 1)];
            store.record_usage(&stage.batch(one_more)).await?;
            let query = UsageQuery { key: Some(key.id), ..all_usage() };
            let expected = vec![row(&count(&key, 0, MOST)), row(&count(&key, 1, 1))];
            same("a counter at its end", store.usage(&acme, query).await?, expected)?;
            let query = UsageQuery { grain: UsageGrain::Day, ..query };
            let expected = vec![row(&count(&key, 0, MOST))];
            same("a day with such a counter", store.usage(&acme, query).await?, expected)?;
        }
    }
    Ok(())
}

async fn usage_of_unknown_keys_is_dropped(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let (acme, globex) = (organization("acme"), organization("globex"));
    let key = stage.stored(&store, &acme, 0).await?.value;
    let foreign = stage.stored(&store, &globex, 0).await?.value;
    let unknown: KeyRecord = stage.key(&acme, 0).into_record(&by("user:1", 0));
    let counts = vec![
        count(&unknown, 0, 1),
        UsageCount { organization: acme.clone(), ..count(&foreign, 0, 1) },
        count(&key, 0, 4),
        UsageCount { organization: globex.clone(), ..count(&key, 0, 1) },
        UsageCount { organization: organization("nobody"), ..count(&key, 0, 1) },
    ];
    store.record_usage(&stage.batch(counts)).await?;
    let expected = vec![row(&count(&key, 0, 4))];
    same("our usage", store.usage(&acme, all_usage()).await?, expected)?;
    for owner in [&globex, &organization("nobody")] {
        same("their usage", store.usage(owner, all_usage()).await?, vec![])?;
    }
    let seen = store.get(&globex, foreign.id).await?;
    same("a key that someone else says was used", seen, foreign)
}

async fn last_use_is_the_latest(stage: &Stage) -> Outcome {
    let [store, other] = stage.open_two().await?;
    let acme = organization("acme");
    let key = stage.stored(&store, &acme, 0).await?.value;
    let used_at = |time| UsageCount { last_at: time, ..count(&key, 0, 1) };
    let refused = UsageCount { outcome: Verified::MissingScope, ..used_at(at(999)) };
    let (first, last) = (Timestamp::from_micros(i64::MIN), Timestamp::MAX);
    for (counts, latest) in [
        (vec![refused.clone()], None),
        (vec![used_at(first)], Some(first)),
        (vec![used_at(at(-5))], Some(at(-5))),
        (vec![used_at(at(9)), refused, used_at(at(8))], Some(at(9))),
        (vec![used_at(at(7))], Some(at(9))),
        (vec![used_at(last)], Some(last)),
    ] {
        store.record_usage(&stage.batch(counts)).await?;
        let mut expected = key.clone();
        expected.secrets[0].last_used_at = latest;
        for store in [&store, &other] {
            same("the key", &store.get(&acme, key.id).await?, &expected)?;
            let listed = every_key(store, &acme, keys(200), at(9)).await?;
            same("the list", listed, vec![expected.clone()])?;
        }
    }
    Ok(())
}

async fn last_use_is_of_its_secret(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let key = stage.stored(&store, &acme, 0).await?.value;
    rotate(stage, &store, &key, 1, 100).await?;
    let used = |secret, seconds| UsageCount { secret, last_at: at(seconds), ..count(&key, 0, 1) };
    let last_uses = async || {
        let secrets = store.get(&acme, key.id).await?.secrets;
        Ok::<Vec<_>, crate::Failure>(secrets.iter().map(|secret| secret.last_used_at).collect())
    };
    store.record_usage(&stage.batch(vec![used(1, 50)])).await?;
    same("the last uses, the new secret's first", last_uses().await?, vec![None, Some(at(50))])?;
    store.record_usage(&stage.batch(vec![used(2, 60), used(1, 55)])).await?;
    let both = vec![Some(at(60)), Some(at(55))];
    same("the last uses of both", last_uses().await?, both)?;
    store.prune_usage(hour(1_000)).await?;
    rotate(stage, &store, &key, 100, 200).await?;
    same("the last uses after a rotation", last_uses().await?, vec![None, Some(at(60))])
}

async fn usage_of_refused_keys_is_counted(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let key = NewKey { expires_at: Some(at(1)), ..stage.key(&acme, 0) };
    let expired = stage.stored_as(&store, key, 0).await?.value;
    let revoked = stage.stored(&store, &acme, 1).await?.value;
    store.revoke(&acme, revoked.id, None, by("user:1", 2)).await?;
    let counts = vec![
        UsageCount { outcome: Verified::Expired, ..count(&expired, 0, 3) },
        UsageCount { outcome: Verified::Revoked, ..count(&revoked, 0, 4) },
    ];
    let expected: Vec<_> = counts.iter().map(row).collect();
    store.record_usage(&stage.batch(counts)).await?;
    same("the usage", store.usage(&acme, all_usage()).await?, expected)
}

async fn counting_is_not_logged(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let key = stage.stored(&store, &acme, 0).await?;
    for hours in 0..5 {
        store.record_usage(&stage.batch(vec![count(&key.value, hours, 1)])).await?;
    }
    store.prune_usage(hour(3)).await?;
    same("events", every_event(&store, &acme, events(200)).await?.len(), 1)?;
    let follower = Follower::after(&store, key.position).await?;
    follower.saw("changes that the feed tells", &[])
}
