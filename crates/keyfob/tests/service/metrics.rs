use ::metrics::with_local_recorder;
use metrics_util::debugging::DebuggingRecorder;

use crate::*;

#[test]
fn no_key_and_no_hash_of_one_is_in_a_metric() {
    let recorder = DebuggingRecorder::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let keys = with_local_recorder(&recorder, || runtime.block_on(live()));
    let told = format!("{:?}", recorder.snapshotter().snapshot().into_vec());
    for metric in ["keyfob_verifications_total", "keyfob_lookup_hashes", "keyfob_feed_position"] {
        assert!(told.contains(metric), "{metric} is not in {told}");
    }
    for key in keys {
        let hash = FORMAT.parse(&key).unwrap().hash().to_string();
        for secret in [&key[8..24], &hash[..16], &hash[16..32]] {
            assert!(!told.contains(secret), "a key, or a hash of one, is in {told}");
        }
    }
}

/// Each kind of answer about a key, and each kind of failure.
async fn live() -> Vec<String> {
    let store = FaultyStore::new();
    let service = service(&store, &clock()).await;
    let first = create(&service).await;
    let id = first.key.id;
    let second = service.rotate(&organization(), id, Duration::ZERO, actor()).await.unwrap();
    let mut keys = vec![stranger(0x00c0_ffee_0000_0000)];
    keys.extend([&first, &second].map(|issued| issued.api_key.expose_secret().to_owned()));
    for _ in 0..2 {
        for key in &keys {
            let _ = service.authorize(key, Scope::Write).await;
            let _ = service.verify(key).await;
        }
    }
    service.revoke(&organization(), id, None, actor()).await.unwrap();
    store.fail_lookups(true);
    for key in &keys {
        let _ = service.verify(key).await;
    }
    keys
}
