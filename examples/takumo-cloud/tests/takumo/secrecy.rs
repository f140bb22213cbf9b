use std::fs;

use serde_json::json;
use sha2::{Digest, Sha256};

use crate::binary::{Serving, printed_key};
use crate::client::Client;
use crate::operator::Operator;

/// Everything at the loudest level, with keys in every wrong place, and then a search for them.
#[test]
fn no_key_and_no_hash_of_one_is_logged_or_kept() {
    let directory = tempfile::tempdir().unwrap();
    let operator = Operator::new(directory.path());
    operator.create_organization("acme", "enterprise");
    let owner_key = operator.create_key("acme", "live");
    let serving = Serving::start(directory.path(), &[("TAKUMO_LOG", "trace")]);
    let anyone = Client::new(&serving.url);
    let owner = anyone.with_key(&owner_key);

    let (id, made) = owner.create_key("live", &["*:*"]);
    let client = anyone.with_key(&made);
    let unknown = format!("tk_live_{}", "c0ffee00".repeat(8));
    client.get("/v1/whoami").expect(200);
    client.post("/v1/shield/scans", &json!({ "content": made })).expect(201);
    client.get(&format!("/v1/keys?api_key={made}")).expect_error(400, "BAD_REQUEST");
    client.get(&format!("/v1/keys/{made}")).expect_error(400, "BAD_REQUEST");
    client.get(&format!("/{made}")).expect_error(404, "NOT_FOUND");
    client.put(&format!("/v1/policies/{made}"), &json!({})).expect_error(400, "BAD_REQUEST");
    client.post("/v1/keys", &json!({ made.clone(): made })).expect_error(400, "BAD_REQUEST");
    anyone.with_key(&unknown).get("/v1/whoami").expect_error(401, "UNAUTHORIZED");
    anyone.with_key(&made[..71]).get("/v1/whoami").expect_error(401, "UNAUTHORIZED");
    owner.post(&format!("/v1/keys/{id}/revoke"), &json!({})).expect(200);
    client.get("/v1/whoami").expect_error(401, "UNAUTHORIZED");

    // While it runs, so that the log of the database is still there.
    let files: Vec<_> = fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| fs::read(entry.unwrap().path()).unwrap())
        .collect();
    assert!(files.len() >= 2, "the write-ahead log is missing");
    let (_, printed, log) = serving.stop("TERM");
    assert!(log.contains("TRACE") || log.contains("DEBUG"), "the log is not at its loudest");
    assert_eq!(printed_key(&printed), None);

    for key in [&owner_key, &made, &unknown] {
        // The prefix and 8 digits are the hint, which may be shown.
        for secret in [key.as_str(), &key[8..], &key[..17], &key[20..52]] {
            assert!(!log.contains(secret), "a key is in the log");
            let kept = files.iter().any(|file| contains(file, secret.as_bytes()));
            assert!(!kept, "a key is in the database");
        }
        let hash = hex::encode(Sha256::digest(key));
        assert!(!log.contains(&hash[..17]), "a hash is in the log");
    }
    let hash = Sha256::digest(&made);
    assert!(files.iter().any(|file| contains(file, &hash)), "the search finds what is there");
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}
