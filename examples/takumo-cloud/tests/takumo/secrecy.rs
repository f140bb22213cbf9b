//! Everything at the loudest level, with keys in every wrong place, and then a search for them.

use std::fs;
use std::io;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::binary::{Serving, printed_key};
use crate::client::{Client, Text};
use crate::operator::Operator;
use crate::place;
use crate::search::{Search, percent};

#[test]
fn no_key_and_no_hash_of_one_is_logged_or_kept() {
    let directory = tempfile::tempdir().unwrap();
    let operator = Operator::new(directory.path());
    operator.create_organization("acme", "enterprise");
    let owner_key = operator.create_key("acme", "live");
    let serving = Serving::start(directory.path(), &[("TAKUMO_LOG", "trace")]);
    let mut search = Search::default();
    search.key(&owner_key);

    let owner = Client::new(&serving.url).with_key(owner_key);
    live_a_whole_life(&owner, &mut search);
    put_keys_in_wrong_places(&owner, &mut search);
    operate(&operator, &mut search);

    // While it runs, so that the log of the database and the process are still there.
    assert!(place::contents(directory.path()).len() >= place::PARTS);
    search.database(directory.path());
    for what in ["cmdline", "environ"] {
        let path = format!("/proc/{}/{what}", serving.pid());
        let bytes = fs::read(&path).unwrap();
        assert!(!bytes.is_empty());
        search.text(path, bytes);
    }
    let (_, printed, log) = serving.stop("TERM");
    assert_loudest(&log);
    assert_eq!(printed_key(&printed), None);
    search.text("the log", log);
    search.text("standard output", printed);
    search.database(directory.path());
    assert_eq!(search.found(), [] as [&str; 0]);

    let hash = Sha256::digest(&search.keys[0]);
    let kept = search.texts.iter().any(|text| memmem::find(&text.bytes, &hash).is_some());
    assert!(kept, "the search finds what is there");
}

/// The tests have features of its dependencies on that make them say more, so the program that is
/// searched here says more than the one that is shipped.
#[track_caller]
fn assert_loudest(log: &str) {
    for (level, crate_name) in [
        ("TRACE", "axum::"),
        ("TRACE", "mio::"),
        ("TRACE", "keyfob::"),
        ("DEBUG", "keyfob::"),
        ("INFO", "takumo_cloud::"),
    ] {
        let said = log.lines().any(|line| {
            let mut words = line.split_ascii_whitespace().skip(1);
            words.next() == Some(level) && words.any(|word| word.starts_with(crate_name))
        });
        assert!(said, "{crate_name} said nothing at {level}");
    }
}

/// A log that is written as the program writes its own, by a line that should not be there.
#[test]
fn search_finds_a_leak_in_every_spelling() {
    let key = format!("tk_live_{}", "0123456789abcdef".repeat(4));
    let hash: [u8; 32] = Sha256::digest(&key).into();
    let url_safe = base64::engine::general_purpose::URL_SAFE;
    let leaks: [(&str, String); 12] = [
        ("key", key.clone()),
        ("key", format!("\"{}\"", &key[..20])),
        ("key in upper case", key.to_uppercase()),
        ("key in hex", hex::encode(&key)),
        ("key in base64", STANDARD.encode(format!("user:{key}"))),
        ("key in percent-encoding", percent(key.as_bytes())),
        ("key as a list of numbers", format!("{:?}", key.as_bytes())),
        ("hash", hex::encode(hash)),
        ("hash as a list of numbers", format!("{hash:?}")),
        ("hash with escapes", hash.escape_ascii().to_string()),
        ("hash in base64", STANDARD.encode(hash)),
        ("hash in base64 for URLs", url_safe.encode([b"v1", &hash[..]].concat())),
    ];
    for (spelling, leak) in leaks {
        let log = Log::default();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer({
                let log = log.clone();
                move || log.clone()
            })
            .with_ansi(false)
            .finish();
        tracing::subscriber::with_default(subscriber, || tracing::trace!(%leak, "looked up"));
        let mut search = Search::default();
        search.key(&key);
        search.text("a log", log.0.lock().unwrap().clone());
        let found = search.found();
        let expected = format!("the {spelling} in a log");
        assert!(found.contains(&expected), "{expected}: {found:?}");
    }
    let mut search = Search::default();
    search.key(&key);
    search.text("raw bytes", hash);
    search.text("what may be shown", &key[..16]);
    let found = search.found();
    assert!(found.iter().all(|found| found == "the bytes of the hash in raw bytes"), "{found:?}");
    assert!(!found.is_empty());
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Each request that the API has. Only the answers that must have a plaintext are not searched.
fn live_a_whole_life(owner: &Client, search: &mut Search) {
    let (id, made) = owner.create_key("live", &["*:*"]);
    let client = owner.with_key(made.clone());
    search.key(&made);
    let rotated = owner.rotate(&id, 60).expect(200)["api_key"].text();
    search.key(&rotated);
    let json_type = ("content-type", "application/json");
    let once = [json_type, ("idempotency-key", "once")];
    let create = json!({ "name": "x", "environment": "test", "scopes": ["*:*"] }).to_string();
    let test = owner.call("POST", "/v1/keys", &once, &create).expect(201)["api_key"].text();
    search.key(&test);
    let replayed = owner.call("POST", "/v1/keys", &once, &create);
    search.answer("the answer to a repeated request", &replayed);

    let none = Value::Null;
    let scan = json!({ "content": format!("{made} {rotated}") });
    let edit = json!({ "name": "renamed", "expires_in_seconds": 600 });
    let key = format!("/v1/keys/{id}");
    let act = |action: &str| format!("{key}/{action}");
    for (method, path, body) in [
        ("GET", "/healthz", &none),
        ("GET", "/v1/whoami", &none),
        ("GET", "/v1/organization", &none),
        ("PATCH", "/v1/organization", &json!({ "name": "Acme" })),
        ("GET", "/v1/keys", &none),
        ("GET", &key, &none),
        ("PATCH", &key, &edit),
        ("POST", &act("rotate"), &json!({ "overlap_seconds": 0 })),
        ("POST", &act("retire"), &json!({})),
        ("POST", &act("disable"), &json!({})),
        ("GET", "/v1/whoami", &none),
        ("POST", &act("enable"), &json!({})),
        ("GET", "/v1/usage", &none),
        ("GET", "/v1/audit/events", &none),
        ("POST", "/v1/shield/scans", &scan),
        ("GET", "/v1/shield/scans", &none),
        ("POST", "/v1/fleet/gateways", &json!({ "name": "edge" })),
        ("GET", "/v1/fleet/gateways", &none),
        ("PUT", "/v1/policies/pii", &json!({})),
        ("GET", "/v1/policies", &none),
        ("POST", &act("revoke"), &json!({ "reason": "it is over" })),
        ("POST", &act("rotate"), &json!({ "overlap_seconds": 0 })),
    ] {
        for client in [owner, &client, &owner.with_key(test.clone())] {
            let answer = client.send(method, path, body);
            search.answer(&format!("the answer to {method} {path}"), &answer);
            assert_ne!(answer.status, 500, "{method} {path}");
        }
    }
}

fn put_keys_in_wrong_places(owner: &Client, search: &mut Search) {
    let (_, made) = owner.create_key("live", &["*:*"]);
    let client = owner.with_key(made.clone());
    let unknown = format!("tk_live_{}", "c0ffee00".repeat(8));
    search.key(&made);
    search.key(&unknown);
    let json_type = [("content-type", "application/json")];
    let with_token = [("content-type", "application/json"), ("idempotency-key", made.as_str())];
    for answer in [
        client.get(&format!("/v1/keys?api_key={made}")),
        client.get(&format!("/v1/keys?cursor={made}")),
        client.get(&format!("/v1/usage?from={made}")),
        client.get(&format!("/v1/usage?granularity={made}")),
        client.get(&format!("/v1/audit/events?actor={made}")),
        client.get(&format!("/v1/audit/events?action={made}")),
        client.get(&format!("/v1/keys/{made}")),
        client.get(&format!("/{made}")),
        client.rotate(&made, 0),
        client.act(&made, "disable"),
        client.put(&format!("/v1/policies/{made}"), &json!({})),
        client.put("/v1/policies/p", &json!({ "deep": [made.clone()] })),
        client.post("/v1/keys", &json!({ made.clone(): made })),
        client.post("/v1/shield/scans", &json!({ "content": "", "filename": made })),
        client.delete("/v1/organization", &json!({ "confirm": made })),
        client.call("POST", "/v1/keys", &json_type, &made),
        client.call("POST", "/v1/keys", &with_token, "{}"),
        owner.with_key(&unknown).get("/v1/whoami"),
        owner.with_key(&made[..71]).get("/v1/whoami"),
        owner.with_key(format!("{made}0")).get("/v1/whoami"),
    ] {
        assert!((200..500).contains(&answer.status), "{}", answer.body);
        search.answer("the answer to a key in the wrong place", &answer);
    }
    for spelled in encoded(&made).into_iter().chain(encoded(&unknown)) {
        for path in [
            format!("/{spelled}"),
            format!("/v1/keys/{spelled}"),
            format!("/v1/keys/{spelled}/disable"),
            format!("/v1/keys?api_key={spelled}"),
            format!("/v1/keys?cursor={spelled}"),
            format!("/v1/audit/events?actor={spelled}"),
            format!("/settings/api-keys/{spelled}"),
            format!("/settings/api-keys?q={spelled}"),
        ] {
            let referer = format!("http://localhost{path}");
            let answer = client.call("GET", &path, &[("referer", &referer)], "");
            assert!((200..500).contains(&answer.status), "{path}: {}", answer.body);
            search.answer(&format!("the answer to {path}"), &answer);
        }
        // Digits without a prefix are a name that a policy may have.
        if spelled.len() == 64 {
            continue;
        }
        let answer = client.put(&format!("/v1/policies/{spelled}"), &json!({}));
        assert!((200..500).contains(&answer.status), "{}", answer.body);
        search.answer("the answer to a policy named by an encoded key", &answer);
    }
}

/// Spellings of a key in an address that leave most of its digits readable.
fn encoded(key: &str) -> Vec<String> {
    let digits = &key[8..];
    let first = percent(&digits.as_bytes()[..1]);
    vec![
        key.replacen('_', "%5F", 1),
        key.replacen('t', "%74", 1),
        key.replacen('t', "%2574", 1),
        key.replacen('_', "%25255f", 1),
        format!("{}{digits}", percent(&key.as_bytes()[..8])),
        format!("tk_live_{first}{}", &digits[1..]),
        percent(key.as_bytes()),
        key.to_uppercase(),
        digits.to_owned(),
    ]
}

/// The commands, and files that they are given.
fn operate(operator: &Operator, search: &mut Search) {
    let rotated = operator.create_key("acme", "live");
    search.key(&rotated);
    let keys = operator.json(&["keys", "list", "--organization=acme"]);
    let id = keys["keys"][0]["id"].text();
    let acme = "--organization=acme";
    let new = operator.stdout(&["keys", "rotate", acme, "--overlap=1h", &id]);
    search.key(&new);

    // Outside of the directory that is searched, since it has what must not be found.
    let elsewhere = tempfile::tempdir().unwrap();
    let file = elsewhere.path().join("keys.jsonl");
    let old = format!("tk_live_{}", "0ddba11f".repeat(8));
    search.key(&old);
    let hash = hex::encode(Sha256::digest(&old));
    let line =
        json!({ "sha256": hash, "name": "x", "environment": "live", "scopes": ["org:read"] });
    let leaked = format!("{{\"sha256\":\"{old}\"}}\n{{\"{old}\":\n{old}\n{hash}\n");
    let import = ["keys", "import", acme, file.to_str().unwrap()];
    for text in [format!("{line}\n{line}\n"), leaked, line.to_string(), line.to_string()] {
        fs::write(&file, text).unwrap();
        search.output(
            "an import",
            &operator.command(&import).env("TAKUMO_LOG", "trace").output().unwrap(),
        );
    }
    for command in [
        &["keys", "list", acme][..],
        &["keys", "show", acme, &id],
        &["keys", "retire", acme, &id],
        &["keys", "disable", acme, &id],
        &["keys", "edit", acme, &id, "--name=renamed"],
        &["keys", "enable", acme, &id],
        &["keys", "revoke", acme, &id],
        &["keys", "show", acme, &new],
        &["usage", acme],
        &["audit", acme],
        &["audit", acme, "--export=jsonl"],
        &["organizations", "list"],
    ] {
        let mut command_at_trace = operator.command(command);
        let output = command_at_trace.env("TAKUMO_LOG", "trace").output().unwrap();
        search.output(&command.join(" "), &output);
    }
}
