use std::time::Duration;

use keyfob::{FeedCursor, FeedPosition, KeyStore, NodeId, NodeName, NodeReport};

use crate::*;

const INTERVAL: Duration = Duration::from_secs(10);

#[tokio::test]
async fn node_reports_where_it_is_before_it_trusts_its_cache() {
    let (store, clock) = (FaultyStore::new(), clock());
    store.fail_reports(true);
    let name = NodeName::new("api-1").unwrap();
    let service = builder(&store, &clock).with_node_name(name.clone()).build();
    let created = create(&service).await;
    let key = created.api_key.expose_secret();
    eventually(async || service.health().failed_reports > 0).await;
    eventually(async || service.health().staleness.is_some()).await;
    for times in 1..=3 {
        service.verify(key).await.unwrap();
        assert_eq!(store.finds(), times, "the store is asked every time");
    }
    assert!(!service.health().cache_in_use);
    assert!(store.nodes().await.unwrap().is_empty());

    store.fail_reports(false);
    eventually(async || service.health().cache_in_use).await;
    let [node] = &store.nodes().await.unwrap()[..] else { panic!("one node is listed") };
    assert_eq!((Some(node.id), &node.name), (service.health().node, &name));
    assert_eq!((node.started_at, node.staleness_bound), (START, Duration::from_secs(5)));
    assert_eq!((node.cursor.position(), node.interval), (FeedPosition::new(1), INTERVAL));
}

#[tokio::test(start_paused = true)]
async fn cache_is_in_use_as_soon_as_the_node_is_listed() {
    let (store, clock) = (FaultyStore::new(), clock());
    store.silence_hints();
    let service = builder(&store, &clock).build();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(service.health().cache_in_use, "without waiting for the next poll");
}

#[tokio::test]
async fn node_that_can_not_report_trusts_nothing_and_serves_all_the_same() {
    let (store, clock) = (FaultyStore::new(), clock());
    let service = service(&store, &clock).await;
    let created = create(&service).await;
    let key = created.api_key.expose_secret();
    service.verify(key).await.unwrap();
    eventually(async || store.nodes().await.unwrap()[0].cursor.position() == FeedPosition::new(1))
        .await;

    store.fail_reports(true);
    clock.advance(INTERVAL);
    eventually(async || service.health().cache_in_use).await;
    // In 30 s it passes for gone, and a lease that begins now lasts for 5 s.
    clock.advance(INTERVAL + Duration::from_secs(6));
    eventually(async || service.health().failed_reports > 0).await;
    assert!(!service.health().cache_in_use);
    let before = store.finds();
    service.verify(key).await.unwrap();
    service.verify(key).await.unwrap();
    assert_eq!(store.finds(), before + 2);

    store.fail_reports(false);
    eventually(async || service.health().cache_in_use).await;
    assert!(service.health().last_report.unwrap() < INTERVAL);
}

#[tokio::test]
async fn clock_that_is_set_is_reported_at_once() {
    let (store, clock) = (FaultyStore::new(), clock());
    let service = service(&store, &clock).await;
    for hours in [3, -2] {
        let micros = START.as_micros() + hours * 3_600_000_000;
        clock.set_wall(Timestamp::from_micros(micros));
        eventually(async || service.health().cache_in_use).await;
    }
}

#[tokio::test(start_paused = true)]
async fn idle_node_reports_once_an_interval() {
    let (store, clock) = (FaultyStore::new(), clock());
    let service = service(&store, &clock).await;
    let before = store.reports();
    tokio::time::sleep(INTERVAL * 60).await;
    assert!((59..=60).contains(&(store.reports() - before)), "{}", store.reports());
    drop(service);
}

#[tokio::test(start_paused = true)]
async fn change_is_reported_soon_and_many_changes_seldom() {
    let (store, clock) = (FaultyStore::new(), clock());
    let service = service(&store, &clock).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = store.reports();
    create(&service).await;
    tokio::time::sleep(Duration::from_millis(15)).await;
    assert_eq!(store.reports() - before, 1, "one change is reported within 15 ms");

    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = store.reports();
    for _ in 0..2_000 {
        create(&service).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let reports = store.reports() - before;
    assert!((10..=25).contains(&reports), "{reports} reports of 10 seconds of changes");
    let node = &store.nodes().await.unwrap()[0];
    assert_eq!(node.cursor, store.position().await.unwrap());
}

#[tokio::test]
async fn service_without_registration_is_on_no_list() {
    let (store, clock) = (FaultyStore::new(), clock());
    store.fail_reports(true);
    let service = builder(&store, &clock).without_registration().build();
    eventually(async || service.health().cache_in_use).await;
    clock.advance(INTERVAL * 10);
    eventually(async || service.health().cache_in_use).await;
    service.shutdown().await.unwrap();
    let health = service.health();
    assert_eq!((health.node, health.failed_reports), (None, 0));
    assert!(service.nodes().await.unwrap().is_empty());
}

#[tokio::test]
async fn service_that_shuts_down_leaves_the_list_and_trusts_nothing_any_more() {
    let (store, clock) = (FaultyStore::new(), clock());
    let service = service(&store, &clock).await;
    let created = create(&service).await;
    let key = created.api_key.expose_secret();
    service.verify(key).await.unwrap();

    store.fail_to_forget(true);
    service.shutdown().await.unwrap_err();
    assert!(!service.health().cache_in_use);
    assert_eq!(store.nodes().await.unwrap().len(), 1);
    store.fail_to_forget(false);
    for _ in 0..2 {
        service.shutdown().await.unwrap();
        assert!(store.nodes().await.unwrap().is_empty());
    }
    create(&service).await;
    let before = store.finds();
    service.verify(key).await.unwrap();
    assert_eq!(store.finds(), before + 1, "the store is asked");
    assert!(store.nodes().await.unwrap().is_empty());
    let used = service.get(&organization(), created.key.id).await.unwrap();
    assert_eq!(used.secrets[0].last_used_at, Some(START), "usage was written down");
}

#[tokio::test]
async fn nodes_are_listed_with_their_lag_and_silence() {
    let (store, clock) = (FaultyStore::new(), clock());
    let report = NodeReport {
        id: NodeId::from_bytes([0; 16]),
        name: NodeName::new("killed").unwrap(),
        started_at: START,
        reported_at: START,
        cursor: FeedCursor::START,
        staleness_bound: Duration::from_secs(5),
        interval: INTERVAL,
    };
    store.report_node(report.clone()).await.unwrap();
    let service = service(&store, &clock).await;
    create(&service).await;
    for (silence, gone) in [(0, false), (30, false), (31, true)] {
        clock.set_wall(START.saturating_add(Duration::from_secs(silence)));
        let nodes = service.nodes().await.unwrap();
        let killed = &nodes[0];
        assert_eq!((&killed.report, killed.lag), (&report, 1));
        assert_eq!((killed.silence, killed.gone), (Duration::from_secs(silence), gone));
        assert_eq!(nodes.len(), 2);
    }
}

#[tokio::test]
async fn node_that_is_long_gone_is_forgotten_by_the_next_that_starts() {
    let (store, clock) = (FaultyStore::new(), clock());
    let killed = service(&store, &clock).await;
    let killed_id = killed.health().node.unwrap();
    drop(killed);
    let day = Duration::from_secs(24 * 3_600);
    for (silence, listed) in [(day, true), (Duration::from_secs(1), false)] {
        clock.advance(silence);
        let next = service(&store, &clock).await;
        // The list is tidied before the next report.
        let ids = async || -> Vec<_> {
            store.nodes().await.unwrap().iter().map(|node| node.id).collect()
        };
        if listed {
            create(&next).await;
            let position = store.position().await.unwrap();
            eventually(async || {
                let nodes = store.nodes().await.unwrap();
                nodes.iter().any(|node| node.cursor == position)
            })
            .await;
        }
        eventually(async || ids().await.contains(&killed_id) == listed).await;
        next.shutdown().await.unwrap();
    }
}

#[tokio::test]
async fn health_tells_of_the_feed_and_of_usage() {
    let (store, clock) = (FaultyStore::new(), clock());
    let service = service(&store, &clock).await;
    create(&service).await;
    eventually(async || service.health().position == Some(FeedPosition::new(1))).await;
    let health = service.health();
    assert_eq!((health.lag, health.staleness), (Some(0), Some(Duration::ZERO)));

    store.fail_feed(true);
    store.fail_usage(true);
    eventually(async || service.health().lag.is_none()).await;
    clock.advance(Duration::from_secs(2));
    assert_eq!(service.health().staleness, Some(Duration::from_secs(2)));
    let created = create(&service).await;
    service.verify(created.api_key.expose_secret()).await.unwrap();
    let before = service.health().failed_usage_flushes;
    service.flush_usage().await.unwrap_err();
    assert!(service.health().failed_usage_flushes > before);
    store.fail_usage(false);
    service.flush_usage().await.unwrap();
    assert_eq!(service.health().last_usage_flush, Some(Duration::ZERO));
}
