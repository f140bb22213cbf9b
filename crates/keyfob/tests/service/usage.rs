use std::sync::Arc;
use std::time::Duration;

use keyfob::{
    Granularity, Hour, KeyId, KeyStore, Outcome, Tally, Timestamp, UsageBatch, UsageCount,
    UsageRange, UsageReport, UsageRow,
};

use crate::*;

const HOUR: Duration = Duration::from_secs(3_600);

async fn usage(service: &Service) -> UsageReport {
    let to = START.saturating_add(HOUR * 3);
    let range = UsageRange { from: START, to, granularity: Granularity::Hour };
    service.usage(&organization(), range).await.unwrap()
}

/// Long enough that nothing is written down but by a call.
async fn quiet_service(store: &FaultyStore, clock: &Arc<ManualClock>) -> Service {
    let service = builder(store, clock).with_usage_interval(HOUR * 10).build();
    // The first tick comes at once: let it pass before anything is counted.
    service.flush_usage().await.unwrap();
    service
}

#[tokio::test]
async fn usage_is_told_by_hour_key_secret_and_outcome_with_gaps_filled() {
    let (store, clock) = (FaultyStore::new(), clock());
    let service = quiet_service(&store, &clock).await;
    let created = create(&service).await;
    let (id, key) = (created.key.id, created.api_key.expose_secret());
    for _ in 0..3 {
        service.authorize(key, Scope::Read).await.unwrap();
    }
    service.authorize(key, Scope::Write).await.unwrap_err();
    service.verify(&stranger(1)).await.unwrap_err();
    let rotated = service.rotate(&organization(), id, HOUR * 9, actor()).await.unwrap();
    clock.advance(HOUR * 2);
    service.verify(rotated.api_key.expose_secret()).await.unwrap();
    service.flush_usage().await.unwrap();

    let report = usage(&service).await;
    assert_eq!(report.total, Tally { accepted: 4, refused: 1 });
    let by_hour: Vec<_> =
        report.buckets.iter().map(|b| (b.tally.accepted, b.tally.refused)).collect();
    assert_eq!(by_hour, [(3, 1), (0, 0), (1, 0)]);
    let [key_usage] = &report.keys[..] else { panic!("one key was used: {report:?}") };
    assert_eq!((key_usage.id, key_usage.name.as_str()), (id, "ci"));
    assert_eq!(key_usage.secrets[&1], Tally { accepted: 3, refused: 1 });
    assert_eq!(key_usage.secrets[&2], Tally { accepted: 1, refused: 0 });
    let secrets = service.get(&organization(), id).await.unwrap().secrets;
    let used: Vec<_> = secrets.iter().map(|secret| secret.last_used_at).collect();
    assert_eq!(used, [Some(START.saturating_add(HOUR * 2)), Some(START)]);
}

#[tokio::test]
async fn batch_whose_answer_was_lost_counts_once() {
    let (store, clock) = (FaultyStore::new(), clock());
    let service = quiet_service(&store, &clock).await;
    let created = create(&service).await;
    let key = created.api_key.expose_secret();
    service.verify(key).await.unwrap();
    store.lose_answers_of_usage(true);
    for _ in 0..3 {
        service.flush_usage().await.unwrap_err();
        service.verify(key).await.unwrap();
    }
    store.lose_answers_of_usage(false);
    service.flush_usage().await.unwrap();
    assert_eq!(usage(&service).await.total.accepted, 4);
}

#[tokio::test]
async fn usage_outlives_an_outage_of_the_store() {
    let (store, clock) = (FaultyStore::new(), clock());
    let service = quiet_service(&store, &clock).await;
    let created = create(&service).await;
    store.fail_usage(true);
    for _ in 0..10 {
        service.verify(created.api_key.expose_secret()).await.unwrap();
        service.flush_usage().await.unwrap_err();
    }
    store.fail_usage(false);
    service.flush_usage().await.unwrap();
    assert_eq!(usage(&service).await.total.accepted, 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_verification_counts_once_while_usage_is_written_down() {
    let (store, clock) = (FaultyStore::new(), clock());
    let interval = Duration::from_millis(1);
    let service = builder(&store, &clock).with_usage_interval(interval).build();
    let created = create(&service).await;
    let key: Arc<str> = created.api_key.expose_secret().into();
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let (service, key) = (service.clone(), Arc::clone(&key));
            tokio::spawn(async move {
                for _ in 0..5_000 {
                    service.verify(&*key).await.unwrap();
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    service.flush_usage().await.unwrap();
    assert_eq!(usage(&service).await.total.accepted, 40_000);
}

#[tokio::test]
async fn usage_is_written_down_by_itself() {
    let (store, clock) = (FaultyStore::new(), clock());
    let interval = Duration::from_millis(5);
    let service = builder(&store, &clock).with_usage_interval(interval).build();
    let created = create(&service).await;
    service.verify(created.api_key.expose_secret()).await.unwrap();
    eventually(async || usage(&service).await.total.accepted == 1).await;
}

#[tokio::test]
async fn old_hours_are_pruned_by_a_call() {
    let (store, clock) = (FaultyStore::new(), clock());
    let service = quiet_service(&store, &clock).await;
    let created = create(&service).await;
    for _ in 0..2 {
        service.verify(created.api_key.expose_secret()).await.unwrap();
        clock.advance(HOUR);
    }
    service.flush_usage().await.unwrap();
    let second_hour: Timestamp = START.saturating_add(HOUR);
    assert_eq!(service.prune_usage(second_hour).await.unwrap(), 1);
    assert_eq!(usage(&service).await.total.accepted, 1);
}

#[tokio::test]
async fn count_at_its_end_is_told_as_saturated_in_every_sum_that_has_it() {
    let (store, clock) = (FaultyStore::new(), clock());
    let service = quiet_service(&store, &clock).await;
    let full = create(&service).await.key.id;
    // Keys that are made in the same microsecond are in no order.
    clock.advance(Duration::from_micros(1));
    let other = create(&service).await.key.id;
    let counts = |key: KeyId, hours, count| UsageCount {
        organization: organization(),
        key,
        secret: 1,
        hour: Hour::of(START.saturating_add(HOUR * hours)),
        outcome: Outcome::Accepted,
        count,
        last_at: START,
    };
    let record = async |id, counts| {
        let batch = UsageBatch { id: [id; 16], at: START, counts };
        service.store().record_usage(&batch).await.unwrap();
    };
    let almost = UsageRow::MOST - 1;
    record(1, vec![counts(full, 0, almost), counts(other, 1, 5)]).await;
    let report = usage(&service).await;
    assert_eq!(report.total.accepted, UsageRow::MOST, "a sum stops though no row has");
    assert!(report.total.is_saturated());
    assert!(!report.keys.iter().any(|key| key.total.is_saturated()), "{report:?}");

    record(2, vec![counts(full, 0, 7), counts(full, 2, 1)]).await;
    let report = usage(&service).await;
    let saturated = |tally: &Tally| (tally.accepted, tally.is_saturated());
    let buckets: Vec<_> = report.buckets.iter().map(|bucket| saturated(&bucket.tally)).collect();
    assert_eq!(buckets, [(UsageRow::MOST, true), (5, false), (1, false)]);
    let keys: Vec<_> = report.keys.iter().map(|key| (key.id, saturated(&key.total))).collect();
    assert_eq!(keys, [(full, (UsageRow::MOST, true)), (other, (5, false))]);
    let of_full = report.keys[0].buckets.iter().map(|bucket| bucket.tally.is_saturated());
    assert_eq!(of_full.collect::<Vec<_>>(), [true, false, false]);
    assert!(report.keys[0].secrets[&1].is_saturated() && report.total.is_saturated());
}
