//! Contracts 9 and 12: a batch counts once, however often it is sent.

use keyfob_store::{KeyStore, Outcome as Verified, Timestamp, UsageBatch, UsageCount};

use crate::check::{Check, checks};
use crate::failure::{Outcome, same};
use crate::rules::usage::row;
use crate::sample::{all_usage, at, count, organization};
use crate::stage::{Stage, together};

pub(crate) const CHECKS: &[Check] = checks![
    contract 9: usage_outlives_the_handle;
    contract 12:
        batch_counts_once_however_often_it_is_sent,
        batch_counts_once_among_concurrent_senders,
        batch_is_remembered_for_a_day,
        wrong_clocks_make_no_batch_be_forgotten,
        concurrent_batches_all_count,
        large_batch_counts_in_full;
];

async fn usage_outlives_the_handle(stage: &Stage) -> Outcome {
    let acme = organization("acme");
    let store = stage.open().await?;
    let key = stage.stored(&store, &acme, 0).await?.value;
    let batch = stage.batch(vec![count(&key, 0, 3)]);
    store.record_usage(&batch).await?;
    drop(store);

    let store = stage.open().await?;
    store.record_usage(&batch).await?;
    let expected = vec![row(&count(&key, 0, 3))];
    same("the usage", store.usage(&acme, all_usage()).await?, expected)
}

async fn batch_counts_once_however_often_it_is_sent(stage: &Stage) -> Outcome {
    let [store, other] = stage.open_two().await?;
    let acme = organization("acme");
    let key = stage.stored(&store, &acme, 0).await?.value;
    let first = stage.batch(vec![count(&key, 0, 3)]);
    let second = stage.batch(vec![count(&key, 0, 4), count(&key, 1, 1)]);
    for batch in [&first, &second, &first, &first, &second] {
        store.record_usage(batch).await?;
        other.record_usage(batch).await?;
    }
    let expected = vec![row(&count(&key, 0, 7)), row(&count(&key, 1, 1))];
    same("the usage", store.usage(&acme, all_usage()).await?, expected)?;

    // Ids are compared in full.
    let mut near = first.clone();
    for byte in [0, 7, 15] {
        near.id[byte] ^= 1;
        store.record_usage(&near).await?;
    }
    let expected = vec![row(&count(&key, 0, 16)), row(&count(&key, 1, 1))];
    same("the usage, with ids that are alike", store.usage(&acme, all_usage()).await?, expected)
}

async fn batch_counts_once_among_concurrent_senders(stage: &Stage) -> Outcome {
    let stores = stage.open_two().await?;
    let acme = organization("acme");
    let key = stage.stored(&stores[0], &acme, 0).await?.value;
    for round in 1..=20 {
        let batch = stage.batch(vec![count(&key, 0, 1)]);
        let answers = together((0..8).map(|sender| {
            let (store, batch) = (stores[sender % 2].clone(), batch.clone());
            async move { store.record_usage(&batch).await }
        }))
        .await;
        answers.into_iter().collect::<Result<(), _>>()?;
        let expected = vec![row(&count(&key, 0, round))];
        same("the usage", stores[1].usage(&acme, all_usage()).await?, expected)?;
    }
    Ok(())
}

async fn batch_is_remembered_for_a_day(stage: &Stage) -> Outcome {
    const DAY: i64 = 24 * 3_600;
    let store = stage.open().await?;
    let acme = organization("acme");
    let key = stage.stored(&store, &acme, 0).await?.value;
    let first = stage.batch(vec![count(&key, 0, 1)]);
    store.record_usage(&first).await?;
    for (times, seconds) in (2..).zip([1, 3_600, DAY / 2, DAY - 1, DAY]) {
        store
            .record_usage(&UsageBatch { at: at(seconds), ..stage.batch(vec![count(&key, 0, 1)]) })
            .await?;
        store.record_usage(&first).await?;
        let expected = vec![row(&count(&key, 0, times))];
        let what = format!("the usage when a batch is sent again after {seconds} s");
        same(what, store.usage(&acme, all_usage()).await?, expected)?;
    }
    Ok(())
}

/// Neither those of its sender nor those of others.
async fn wrong_clocks_make_no_batch_be_forgotten(stage: &Stage) -> Outcome {
    const YEAR: i64 = 365 * 24 * 3_600;
    let [store, other] = stage.open_two().await?;
    let acme = organization("acme");
    let key = stage.stored(&store, &acme, 0).await?.value;
    let clocks = [
        at(0),
        at(-YEAR),
        at(YEAR),
        at(1_000 * YEAR),
        Timestamp::from_micros(0),
        Timestamp::from_micros(i64::MIN),
        Timestamp::MAX,
        at(1),
    ];
    let batches = clocks.map(|at| UsageBatch { at, ..stage.batch(vec![count(&key, 0, 1)]) });
    for (sent, batch) in (1..).zip(&batches) {
        store.record_usage(batch).await?;
        for known in batches.iter().take(sent) {
            other.record_usage(known).await?;
        }
        let expected = vec![row(&count(&key, 0, sent as u64))];
        let what = format!("the usage after a batch of {:?}", batch.at);
        same(what, store.usage(&acme, all_usage()).await?, expected)?;
    }
    Ok(())
}

async fn concurrent_batches_all_count(stage: &Stage) -> Outcome {
    let stores = stage.open_two().await?;
    let acme = organization("acme");
    let mut made = Vec::new();
    for seconds in 0..4 {
        made.push(stage.stored(&stores[0], &acme, seconds).await?.value);
    }
    let answers = together((0..8).map(|sender| {
        let store = stores[sender % 2].clone();
        // Each sender goes through the same keys in an order of its own.
        let mut counts: Vec<_> = made.iter().map(|key| count(key, 0, 1)).collect();
        counts.rotate_left(sender % 4);
        let batches: Vec<_> = (0..10).map(|_| stage.batch(counts.clone())).collect();
        async move {
            for batch in batches {
                store.record_usage(&batch).await?;
            }
            Ok::<_, keyfob_store::StoreError>(())
        }
    }))
    .await;
    answers.into_iter().collect::<Result<(), _>>()?;
    let expected: Vec<_> = made.iter().map(|key| row(&count(key, 0, 80))).collect();
    same("the usage", stores[0].usage(&acme, all_usage()).await?, expected)
}

async fn large_batch_counts_in_full(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let mut made = Vec::new();
    for seconds in 0..50 {
        made.push(stage.stored(&store, &acme, seconds).await?.value);
    }
    let mut counts = Vec::with_capacity(10_000);
    for hours in 0..25 {
        for key in &made {
            let number = counts.len() as u64 + 1;
            let of = |outcome| UsageCount { outcome, ..count(key, hours, number) };
            counts.extend(Verified::ALL.map(of));
        }
    }
    same("counts in the batch", counts.len(), 10_000)?;
    let expected: Vec<_> = counts.iter().map(row).collect();
    let batch = stage.batch(counts);
    store.record_usage(&batch).await?;
    store.record_usage(&batch).await?;
    let rows = store.usage(&acme, all_usage()).await?;
    same("rows of usage", rows.len(), expected.len())?;
    for (row, expected) in rows.into_iter().zip(expected) {
        same("a row of usage", row, expected)?;
    }
    Ok(())
}
