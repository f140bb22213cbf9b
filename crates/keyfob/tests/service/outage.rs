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
