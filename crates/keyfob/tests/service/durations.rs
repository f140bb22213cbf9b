//! No span of time that an application sets can break the service.

use std::time::Duration;

use proptest::prelude::*;

use crate::*;

const EXTREMES: [Duration; 4] =
    [Duration::from_nanos(1), Duration::from_secs(u64::MAX / 4), Duration::MAX, Duration::ZERO];

async fn revoked_key_is_refused(service: &Service, timeout: Duration) {
    let created = create(service).await;
    let key = created.api_key.expose_secret();
    service.verify(key).await.unwrap();
    let acme = organization();
    let change = service.revoke(&acme, created.key.id, None, actor());
    let revoked = change.confirmed(timeout).await.unwrap();
    assert_eq!(revoked.key.id, created.key.id);
    assert_eq!(refusal(service, key).await, Refusal::Revoked);
}

#[tokio::test]
async fn confirmation_with_any_timeout_leaves_the_key_refused() {
    for timeout in EXTREMES {
        let service = service(&FaultyStore::new(), &clock()).await;
        revoked_key_is_refused(&service, timeout).await;
    }
}

/// The key is verified, so the tasks of the service have not ended by a panic.
#[tokio::test]
async fn service_with_extreme_spans_follows_its_feed_and_reports() {
    let store = FaultyStore::new();
    for span in EXTREMES.into_iter().filter(|span| !span.is_zero()) {
        let service = builder(&store, &clock())
            .with_staleness_bound(span.max(Duration::from_secs(1)))
            .with_report_interval(span)
            .with_usage_interval(span)
            .with_lookup_timeout(span.max(Duration::from_secs(1)))
            .build();
        eventually(async || service.health().cache_in_use).await;
        revoked_key_is_refused(&service, Duration::MAX).await;
        service.flush_usage().await.unwrap();
        service.shutdown().await.unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn revoked_key_is_refused_whatever_the_spans(
        bound in spans(), interval in spans(), timeout in spans(), advance in spans(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let clock = clock();
            let service = builder(&FaultyStore::new(), &clock)
                .with_staleness_bound(bound)
                .with_report_interval(interval.max(Duration::from_nanos(1)))
                .build();
            let created = create(&service).await;
            service.verify(created.api_key.expose_secret()).await.unwrap();
            clock.advance(advance);
            let acme = organization();
            let change = service.revoke(&acme, created.key.id, None, actor());
            change.confirmed(timeout.min(Duration::from_millis(1))).await.unwrap();
            assert_eq!(refusal(&service, created.api_key.expose_secret()).await, Refusal::Revoked);
        });
    }
}

fn spans() -> impl Strategy<Value = Duration> {
    prop_oneof![
        (0..=u64::MAX).prop_map(Duration::from_nanos),
        (0..=u64::MAX).prop_map(Duration::from_secs),
        Just(Duration::MAX),
        Just(Duration::ZERO),
    ]
}
