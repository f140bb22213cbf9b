use std::time::Duration;

use keyfob::{ManualClock, Outage, Refusal, VerifyError};

use crate::*;

const ALMOST: Duration = Duration::from_millis(4_980);
const REST_OF_THE_BOUND: Duration = Duration::from_millis(20);

#[tokio::test]
async fn store_that_fails_is_an_outage_and_no_refusal() {
    let store = FaultyStore::new();
    let service = service(&store, &clock()).await;
    let created = create(&service).await;
    store.fail_lookups(true);
    let error = service.verify(created.api_key.expose_secret()).await.unwrap_err();
    assert!(matches!(error, VerifyError::Unavailable(Outage::Store(_))), "{error:?}");
    assert!(error.refusal().is_none());
    store.fail_lookups(false);
    service.verify(created.api_key.expose_secret()).await.unwrap();
}

#[tokio::test]
async fn damaged_key_is_an_outage_of_its_own_and_of_no_other_key() {
    let store = FaultyStore::new();
    let service = service(&store, &clock()).await;
    let damaged = create(&service).await;
    let mut good = Vec::new();
    for _ in 0..8 {
        good.push(create(&service).await);
    }
    store.damage(damaged.key.secrets[0].hash);
    let before = store.finds();
    let mut checks = tokio::task::JoinSet::new();
    for key in good {
        let service = service.clone();
        checks.spawn(async move { service.verify(key.api_key.expose_secret()).await.map(drop) });
    }
    let error = service.verify(damaged.api_key.expose_secret()).await.unwrap_err();
    assert!(matches!(error, VerifyError::Unavailable(Outage::Store(_))), "{error:?}");
    for checked in checks.join_all().await {
        checked.unwrap();
    }
    assert!(store.finds() - before < 9, "some of them were one batch");
    // It is remembered neither as good nor as unknown.
    service.verify(damaged.api_key.expose_secret()).await.unwrap_err();
    store.repair();
    service.verify(damaged.api_key.expose_secret()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn store_that_hangs_is_an_outage_in_time() {
    let (store, clock) = (FaultyStore::new(), clock());
    let limit = Duration::from_millis(200);
    let service = builder(&store, &clock).with_lookup_timeout(limit).build();
    store.hang_lookups(true);
    let start = tokio::time::Instant::now();
    let error = service.verify(&stranger(1)).await.unwrap_err();
    assert!(matches!(error, VerifyError::Unavailable(Outage::Timeout)), "{error:?}");
    assert!(start.elapsed() < limit * 2);
}

#[tokio::test]
async fn cached_key_is_honoured_through_an_outage_until_the_bound_and_no_longer() {
    let (store, clock) = (FaultyStore::new(), clock());
    let service = service(&store, &clock).await;
    let created = create(&service).await;
    let key = created.api_key.expose_secret();
    service.verify(key).await.unwrap();
    service.verify(&stranger(1)).await.unwrap_err();

    store.fail_feed(true);
    store.fail_lookups(true);
    clock.advance(ALMOST);
    service.verify(key).await.unwrap();
    let stranger_error = service.verify(&stranger(1)).await.unwrap_err();
    assert_eq!(stranger_error.refusal(), Some(&Refusal::Unknown));

    clock.advance(REST_OF_THE_BOUND);
    for asked in [key, &stranger(1)] {
        let error = service.verify(asked).await.unwrap_err();
        assert!(matches!(error, VerifyError::Unavailable(_)), "{error:?}");
    }

    store.fail_lookups(false);
    service.verify(key).await.unwrap();
    let before = store.finds();
    service.verify(key).await.unwrap();
    assert_eq!(store.finds(), before + 1, "without a lease the store is asked every time");

    store.fail_feed(false);
    eventually(async || service.health().cache_in_use).await;
    let before = store.finds();
    service.verify(key).await.unwrap();
    assert_eq!(store.finds(), before, "what was cached is good again, without a lookup");
}

#[tokio::test(start_paused = true)]
async fn cache_is_in_use_within_two_seconds_after_a_dead_store_answers_again() {
    // The second outage is so long that the node passes for gone and has to report first.
    for (calls, outage) in [(1, Duration::from_secs(5)), (20, Duration::from_secs(60))] {
        let (store, clock) = (FaultyStore::new(), clock());
        let service = service(&store, &clock).await;
        store.hang_follower(true);
        clock.advance(outage);
        // The worst moment to be there again: a call has just begun that will never end.
        let before = store.follower_calls();
        while store.follower_calls() < before + calls {
            tokio::time::advance(Duration::from_millis(5)).await;
        }
        store.hang_follower(false);
        let healed = tokio::time::Instant::now();
        eventually(async || service.health().cache_in_use).await;
        assert!(healed.elapsed() <= Duration::from_secs(2), "{:?}", healed.elapsed());
    }
}

#[tokio::test]
async fn node_that_is_cut_off_from_the_feed_refuses_a_revoked_key_after_the_bound() {
    let (store, clock) = (FaultyStore::new(), clock());
    let (here, there) = (service(&store, &clock).await, service(&store, &clock).await);
    let created = create(&here).await;
    let key = created.api_key.expose_secret();
    there.verify(key).await.unwrap();
    store.fail_feed(true);
    here.revoke(&organization(), created.key.id, None, actor()).await.unwrap();
    clock.advance(ALMOST + REST_OF_THE_BOUND);
    let error = there.verify(key).await.unwrap_err();
    assert_eq!(error.refusal(), Some(&Refusal::Revoked));
}

#[tokio::test]
async fn no_clock_that_stands_still_or_is_set_lengthens_the_bound() {
    let hour = Duration::from_secs(3_600);
    let set = |clock: &ManualClock, micros| {
        clock.set_wall(Timestamp::from_micros(START.as_micros() + micros));
    };
    let hour_micros = 3_600_000_000;
    let changes: [&dyn Fn(&ManualClock); 6] = [
        // The machine sleeps: the monotonic clock stands still.
        &|clock| clock.sleep(hour),
        &|clock| clock.sleep(ALMOST + REST_OF_THE_BOUND),
        // The time of day is set, and time goes on, or not yet.
        &|clock| set(clock, hour_micros),
        &|clock| set(clock, -hour_micros),
        &|clock| set(clock, -1),
        // It is set back by all that went by.
        &|clock| {
            clock.advance(ALMOST + REST_OF_THE_BOUND);
            set(clock, 0);
        },
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let (store, clock) = (FaultyStore::new(), clock());
        let (here, there) = (service(&store, &clock).await, service(&store, &clock).await);
        let created = create(&here).await;
        let key = created.api_key.expose_secret();
        there.verify(key).await.unwrap();
        store.fail_feed(true);
        here.revoke(&organization(), created.key.id, None, actor()).await.unwrap();
        there.verify(key).await.unwrap();
        change(&clock);
        let error = there.verify(key).await.unwrap_err();
        assert_eq!(error.refusal(), Some(&Refusal::Revoked), "change {number}");

        store.fail_feed(false);
        eventually(async || there.health().cache_in_use).await;
    }
}

/// The deadline covers the wait for a batch too: the two that may be under way both hang.
#[tokio::test(start_paused = true)]
async fn every_caller_has_an_answer_in_time_while_the_store_hangs() {
    let (store, clock) = (FaultyStore::new(), clock());
    let limit = Duration::from_millis(200);
    let service = builder(&store, &clock).with_lookup_timeout(limit).build();
    store.hang_lookups(true);
    for number in 0..3_000 {
        let service = service.clone();
        let hangs_up = async move { service.verify(&stranger(number)).await };
        drop(tokio::time::timeout(Duration::from_millis(1), hangs_up).await);
    }
    let start = tokio::time::Instant::now();
    let error = service.verify(&stranger(5_000)).await.unwrap_err();
    assert!(matches!(error, VerifyError::Unavailable(Outage::Timeout)), "{error:?}");
    assert!(start.elapsed() < limit * 2);

    // Once the store answers again, so does the service, within one more timeout.
    store.hang_lookups(false);
    let asked = store.hashes();
    let created = create(&service).await;
    let start = tokio::time::Instant::now();
    while service.verify(created.api_key.expose_secret()).await.is_err() {
        assert!(start.elapsed() < limit * 2);
    }
    assert!(store.hashes() - asked < 10, "callers that hung up are asked for no more");
}

/// The runtime that built the service may be shut down, or have nobody who drives it.
#[test]
fn verification_ends_in_time_whatever_became_of_the_services_runtime() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for shut_down in [true, false] {
        let (own, callers) = (runtime(), runtime());
        let service = own.block_on(async {
            let timeout = Duration::from_millis(20);
            builder(&FaultyStore::new(), &clock()).with_lookup_timeout(timeout).build()
        });
        let undriven = (!shut_down).then_some(own);
        for number in 0..5 {
            let error = callers.block_on(service.verify(&stranger(number))).unwrap_err();
            let expected = |outage: &Outage| {
                if shut_down {
                    matches!(outage, Outage::Interrupted)
                } else {
                    matches!(outage, Outage::Timeout)
                }
            };
            let VerifyError::Unavailable(outage) = &error else { panic!("{error:?}") };
            assert!(expected(outage), "{error:?}");
        }
        drop((service, undriven));
    }
}

/// A store that loses the feed at each read is asked now and then, and not without a pause.
#[tokio::test(start_paused = true)]
async fn feed_that_is_lost_again_and_again_is_read_with_pauses() {
    let store = FaultyStore::new();
    let service = builder(&store, &clock()).build();
    store.lose_feed_for_good();
    let before = store.follower_calls();
    tokio::time::sleep(Duration::from_secs(10)).await;
    let calls = store.follower_calls() - before;
    assert!((5..200).contains(&calls), "{calls} calls in ten seconds");
    drop(service);
}
