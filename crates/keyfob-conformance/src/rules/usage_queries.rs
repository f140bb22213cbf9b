//! Contracts 3 and 12: which usage is read, and which is forgotten.

use keyfob_store::{
    Hour, KeyRecord, KeyStore, Outcome as Verified, UsageCount, UsageGrain, UsageQuery,
};

use crate::check::{Check, checks};
use crate::failure::{Outcome, same};
use crate::rules::usage::row;
use crate::sample::{all_usage, count, hour, organization};
use crate::stage::Stage;

pub(crate) const CHECKS: &[Check] = checks![
    contract 3: foreign_usage_is_not_read;
    contract 12:
        hours_are_read_from_the_first_up_to_the_last,
        days_add_up_their_hours,
        hours_at_the_edge_of_time_are_read,
        usage_is_read_of_one_key,
        pruning_forgets_what_came_before;
];

async fn foreign_usage_is_not_read(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let mut made = Vec::new();
    for owner in ["acme", "globex", "Acme"].map(organization) {
        let key = stage.stored(&store, &owner, 0).await?.value;
        store.record_usage(&stage.batch(vec![count(&key, 0, 2)])).await?;
        made.push(key);
    }
    for ours in &made {
        let owner = &ours.organization;
        let expected = vec![row(&count(ours, 0, 2))];
        same(format!("the usage of {owner}"), store.usage(owner, all_usage()).await?, expected)?;
        for theirs in made.iter().filter(|theirs| theirs.id != ours.id) {
            let query = UsageQuery { key: Some(theirs.id), ..all_usage() };
            same("the usage of a foreign key", store.usage(owner, query).await?, vec![])?;
        }
    }
    Ok(())
}

async fn hours_are_read_from_the_first_up_to_the_last(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let key = stage.stored(&store, &acme, 0).await?.value;
    let counts: Vec<_> = (0..48).map(|hours| count(&key, hours, 1)).collect();
    store.record_usage(&stage.batch(counts)).await?;

    let (least, most) = (Hour::from_number(i64::MIN), Hour::from_number(i64::MAX));
    for (from, to, hours) in [
        (hour(0), hour(1), 0..1),
        (hour(0), hour(48), 0..48),
        (hour(5), hour(7), 5..7),
        (hour(47), hour(900), 47..48),
        (hour(-900), hour(1), 0..1),
        (least, most, 0..48),
        (hour(7), hour(7), 0..0),
        (hour(7), hour(5), 0..0),
        (most, least, 0..0),
        (hour(48), most, 0..0),
        (least, hour(0), 0..0),
    ] {
        let query = UsageQuery { from, to, ..all_usage() };
        let expected: Vec<_> = hours.map(|hours| row(&count(&key, hours, 1))).collect();
        let what = format!("the usage that {query:?} asks for");
        same(what, store.usage(&acme, query).await?, expected)?;
    }
    Ok(())
}

async fn days_add_up_their_hours(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let key = stage.stored(&store, &acme, 0).await?.value;
    let refused = UsageCount { outcome: Verified::Disabled, ..count(&key, 3, 2) };
    // On both sides of the epoch, which is 19,723 days before the check begins.
    let epoch = -19_723 * 24;
    let mut counts: Vec<_> = (0..30).map(|hours| count(&key, hours, 1)).collect();
    counts.extend([count(&key, epoch - 1, 1), count(&key, epoch - 24, 1), count(&key, epoch, 1)]);
    counts.push(refused.clone());
    store.record_usage(&stage.batch(counts)).await?;

    let days = UsageQuery { grain: UsageGrain::Day, ..all_usage() };
    let expected = vec![
        row(&count(&key, epoch - 24, 2)),
        row(&count(&key, epoch, 1)),
        row(&count(&key, 0, 24)),
        row(&UsageCount { hour: hour(0), ..refused }),
        row(&count(&key, 24, 6)),
    ];
    same("the usage by day", store.usage(&acme, days).await?, expected)?;
    // The bounds are hours all the same: of the days at the ends, a part is added up.
    let part = UsageQuery { from: hour(4), to: hour(26), ..days };
    let expected = vec![row(&count(&key, 0, 20)), row(&count(&key, 24, 2))];
    same("the usage by day, from an hour to an hour", store.usage(&acme, part).await?, expected)
}

async fn hours_at_the_edge_of_time_are_read(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let key = stage.stored(&store, &acme, 0).await?.value;
    let of = |number, sum| UsageCount { hour: Hour::from_number(number), ..count(&key, 0, sum) };
    // The last hour of all ends no range that it is in. The first day of all began before it.
    let last_day = i64::MAX - i64::MAX % 24;
    let counts = [(i64::MIN, 1), (i64::MIN + 1, 2), (i64::MAX - 2, 4), (i64::MAX - 1, 8)];
    let every = counts.map(|(hour, sum)| of(hour, sum));
    store.record_usage(&stage.batch(every.to_vec())).await?;

    let (from, to) = (Hour::from_number(i64::MIN), Hour::from_number(i64::MAX));
    let hours = UsageQuery { from, to, ..all_usage() };
    let expected: Vec<_> = every.iter().map(row).collect();
    same("the usage by hour", store.usage(&acme, hours).await?, expected)?;
    let days = UsageQuery { grain: UsageGrain::Day, ..hours };
    let expected = vec![row(&of(i64::MIN, 3)), row(&of(last_day, 12))];
    same("the usage by day", store.usage(&acme, days).await?, expected)?;
    same("rows that are pruned", store.prune_usage(to).await?, 4)
}

async fn usage_is_read_of_one_key(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let mut made = Vec::new();
    for seconds in 0..3 {
        made.push(stage.stored(&store, &acme, seconds).await?.value);
    }
    let counts = made.iter().flat_map(|key| [count(key, 0, 1), count(key, 1, 2)]).collect();
    store.record_usage(&stage.batch(counts)).await?;
    for key in &made {
        let query = UsageQuery { key: Some(key.id), ..all_usage() };
        let expected = vec![row(&count(key, 0, 1)), row(&count(key, 1, 2))];
        same("the usage of a key", store.usage(&acme, query).await?, expected)?;
        let query = UsageQuery { grain: UsageGrain::Day, ..query };
        let expected = vec![row(&count(key, 0, 3))];
        same("the usage of a key by day", store.usage(&acme, query).await?, expected)?;
    }
    let query = UsageQuery { key: Some(stage.key(&acme, 0).id), ..all_usage() };
    same("the usage of an unknown key", store.usage(&acme, query).await?, vec![])
}

async fn pruning_forgets_what_came_before(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let mut made: Vec<KeyRecord> = Vec::new();
    for owner in ["acme", "globex"].map(organization) {
        made.push(stage.stored(&store, &owner, 0).await?.value);
    }
    let counts = made.iter().flat_map(|key| (0..10).map(|hours| count(key, hours, 1))).collect();
    let batch = stage.batch(counts);
    store.record_usage(&batch).await?;
    for (before, gone, first) in [(-5, 0, 0), (0, 0, 0), (4, 8, 4), (4, 0, 4), (6, 4, 6)] {
        let answer = store.prune_usage(hour(before)).await?;
        same(format!("rows that went before hour {before}"), answer, gone)?;
        // A batch that was pruned is still one that was sent.
        store.record_usage(&batch).await?;
        for key in &made {
            let expected: Vec<_> = (first..10).map(|hours| row(&count(key, hours, 1))).collect();
            let rows = store.usage(&key.organization, all_usage()).await?;
            same(format!("what is left after hour {before}"), rows, expected)?;
        }
    }
    let everything = Hour::from_number(i64::MAX);
    same("rows that went in the end", store.prune_usage(everything).await?, 8)?;
    same("what is left", store.usage(&made[0].organization, all_usage()).await?, vec![])
}
