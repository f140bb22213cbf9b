//! Every bad input that the design names: a clear, typed answer, never a 500, never an echo.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::Client;
use crate::server::{TestServer, demo};

/// Sends bytes that no client library would send, and answers with the status line and the rest.
fn raw(server: &TestServer, request: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(request).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).unwrap_or("0").parse().unwrap();
    (status, answer)
}

/// A request for `/v1/whoami` with one header, byte for byte.
fn with_header(server: &TestServer, header: &[u8]) -> (u16, String) {
    let start = b"GET /v1/whoami HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
    raw(server, &[start, header, b"\r\n\r\n"].concat())
}

#[test]
fn malformed_credentials_are_refused_alike() {
    let (_directory, server, _) = demo();
    let key = server.first_key.clone().unwrap();
    let digits = &key[8..];
    let bearer = |text: &str| format!("Authorization: Bearer {text}").into_bytes();
    let refused = [
        bearer(""),
        bearer("x"),
        bearer(&key[..71]),
        bearer(&format!("{key}0")),
        bearer(&format!("sk_live_{digits}")),
        bearer(&format!("tk_prod_{digits}")),
        bearer(&format!("tk_test_{digits}")),
        bearer(&format!("tk_live_{}", digits.to_uppercase().replace(char::is_numeric, "A"))),
        bearer(&format!("{key} {key}")),
        bearer(&"k".repeat(8 * 1024)),
        [bearer(&key[..71]), vec![0xe9]].concat(),
        [bearer(&key), vec![0xff, 0xfe]].concat(),
        format!("Authorization: Basic {key}").into_bytes(),
        format!("Authorization: {key}").into_bytes(),
        format!("Cookie: api_key={key}").into_bytes(),
        b"X-Nothing: x".to_vec(),
    ];
    for header in refused {
        let (status, answer) = with_header(&server, &header);
        let what = String::from_utf8_lossy(&header[..header.len().min(60)]).into_owned();
        assert_eq!(status, 401, "{what}: {answer}");
        assert!(answer.contains("\"code\":\"UNAUTHORIZED\""), "{what}: {answer}");
        assert!(!answer.contains(digits), "{what}: echoed");
    }
}

#[test]
fn good_credentials_have_two_spellings() {
    let (_directory, server, _) = demo();
    let key = server.first_key.clone().unwrap();
    for header in [
        format!("Authorization: bearer {key}"),
        format!("AUTHORIZATION: BEARER {key}"),
        format!("X-API-Key: {key}"),
    ] {
        assert_eq!(with_header(&server, header.as_bytes()).0, 200, "{}", &header[..20]);
    }
}

#[test]
fn two_credentials_are_a_bad_request() {
    let (_directory, server, _) = demo();
    let key = server.first_key.clone().unwrap();
    for header in [
        format!("Authorization: Bearer {key}\r\nX-API-Key: {key}"),
        format!("Authorization: Bearer {key}\r\nAuthorization: Bearer {key}"),
        format!("X-API-Key: {key}\r\nX-API-Key: {key}"),
    ] {
        let (status, answer) = with_header(&server, header.as_bytes());
        assert_eq!(status, 400, "{answer}");
        assert!(answer.contains("\"code\":\"BAD_REQUEST\""), "{answer}");
    }
}

/// Bytes that HTTP itself forbids (RFC 9110 §5.5) never reach the API: the answer is HTTP's own.
#[test]
fn control_bytes_in_a_header_are_refused() {
    let (_directory, server, _) = demo();
    let key = server.first_key.clone().unwrap();
    for bytes in [&b"\0"[..], b"\x01", b"\x7f", b"\rX"] {
        let header = [b"Authorization: Bearer ", key.as_bytes(), bytes].concat();
        let (status, answer) = with_header(&server, &header);
        assert!(matches!(status, 400 | 401), "{bytes:?}: {answer}");
        assert!(!answer.contains(&key));
    }
}

#[test]
fn key_in_the_query_is_ignored() {
    let (_directory, server, _) = demo();
    let key = server.first_key.clone().unwrap();
    for name in ["api_key", "key", "access_token"] {
        let answer = server.client().get(&format!("/v1/whoami?{name}={key}"));
        answer.expect_error(401, "UNAUTHORIZED");
    }
}

fn bad(client: &Client, path: &str, body: &Value, names: &str) {
    let message = client.post(path, body).expect_error(400, "BAD_REQUEST");
    assert!(message.contains(names), "{body}: {message}");
}

#[test]
fn fields_of_a_new_key_are_checked_one_by_one() {
    let (_directory, _server, owner) = demo();
    let good = json!({ "name": "x", "environment": "test", "scopes": ["org:read"] });
    let with = |field: &str, value: Value| {
        let mut body = good.clone();
        body[field] = value;
        body
    };
    for name in ["", "   ", "a\nb", "\u{0}", "\u{1b}[31m", &"é".repeat(256)] {
        bad(&owner, "/v1/keys", &with("name", json!(name)), "name: ");
    }
    for value in [json!(1), json!(["x"]), json!(null)] {
        bad(&owner, "/v1/keys", &with("name", value), "name: ");
    }
    for value in [json!("prod"), json!("LIVE"), json!(true)] {
        bad(&owner, "/v1/keys", &with("environment", value), "environment: ");
    }
    for scopes in [
        json!([]),
        json!(["org:fly"]),
        json!(["org:read", "org:read"]),
        json!([""]),
        json!(["*"]),
        json!("org:read"),
        json!([1]),
    ] {
        bad(&owner, "/v1/keys", &with("scopes", scopes), "scopes: ");
    }
    for seconds in [json!(0), json!(-1), json!(1.5), json!("60"), json!(u64::MAX)] {
        bad(&owner, "/v1/keys", &with("expires_in_seconds", seconds), "expires_in_seconds: ");
    }
    bad(&owner, "/v1/keys", &with("colour", json!("red")), "colour");
    bad(&owner, "/v1/keys", &json!({}), "name: this field is needed");
    owner.post("/v1/keys", &with("name", json!("é".repeat(255)))).expect(201);
    assert_eq!(owner.get("/v1/organization").expect(200)["keys_in_use"], 2);
}

#[test]
fn other_bodies_are_checked_as_strictly() {
    let (_directory, _server, owner) = demo();
    bad(&owner, "/v1/shield/scans", &json!({}), "content");
    bad(&owner, "/v1/shield/scans", &json!({ "content": 1 }), "content");
    bad(&owner, "/v1/shield/scans", &json!({ "content": "", "filename": "" }), "filename");
    bad(&owner, "/v1/shield/scans", &json!({ "content": "", "x": 1 }), "x");
    bad(&owner, "/v1/fleet/gateways", &json!({ "name": "" }), "name");
    bad(&owner, "/v1/fleet/gateways", &json!({ "name": "a", "region": "\t" }), "region");
    for change in
        [json!({}), json!({ "plan": "gold" }), json!({ "name": "" }), json!({ "id": "x" })]
    {
        owner.patch("/v1/organization", &change).expect_error(400, "BAD_REQUEST");
    }
    for name in ["Upper", "1st", "a.b", "%20", "%ff", &"a".repeat(65), "_x", "..%2F"] {
        let answer = owner.put(&format!("/v1/policies/{name}"), &json!({}));
        answer.expect_error(400, "BAD_REQUEST");
    }
    for document in [json!([]), json!("x"), json!(1), json!(null)] {
        owner.put("/v1/policies/ok", &document).expect_error(400, "BAD_REQUEST");
    }
    let (id, _) = owner.create_key("live", &["org:read"]);
    let revoke = format!("/v1/keys/{id}/revoke");
    bad(&owner, &revoke, &json!({ "reason": "x".repeat(501) }), "reason");
    bad(&owner, &revoke, &json!({ "why": "x" }), "why");
    // No body at all is a revocation without a reason.
    owner.call("POST", &revoke, &[], "").expect(200);
}

#[test]
fn bodies_that_are_no_json_are_told_so_and_not_echoed() {
    let (_directory, server, owner) = demo();
    let key = server.first_key.clone().unwrap();
    let json_type = [("content-type", "application/json")];
    let deep = "[".repeat(10_000);
    for body in ["", "{", "nonsense", "{\"a\":}", "\u{feff}{}", &deep, &key, &format!("{{\"{key}")]
    {
        let message =
            owner.call("POST", "/v1/keys", &json_type, body).expect_error(400, "BAD_REQUEST");
        assert!(!message.contains(&key), "{message}");
    }
    let repeated = r#"{"content":"a","content":"b"}"#;
    owner.call("POST", "/v1/shield/scans", &json_type, repeated).expect_error(400, "BAD_REQUEST");
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""]
    {
        let headers = [("content-type", content_type)];
        let answer = owner.call("POST", "/v1/shield/scans", &headers, r#"{"content":""}"#);
        assert!(answer.expect_error(400, "BAD_REQUEST").contains("Content-Type"));
    }
    let headers = [("content-type", "Application/JSON; charset=utf-8")];
    owner.call("POST", "/v1/shield/scans", &headers, r#"{"content":""}"#).expect(201);
}

#[test]
fn body_may_have_64_kilobytes_and_no_more() {
    let (_directory, _server, owner) = demo();
    let sized = |bytes: usize| {
        let frame = json!({ "content": "" }).to_string().len();
        json!({ "content": "x".repeat(bytes - frame) })
    };
    owner.post("/v1/shield/scans", &sized(64 * 1024)).expect(201);
    for bytes in [64 * 1024 + 1, 200 * 1024, 900 * 1024] {
        let answer = owner.post("/v1/shield/scans", &sized(bytes));
        answer.expect_error(413, "PAYLOAD_TOO_LARGE");
    }
}

/// A refusal comes before the body is read, and the next request on the connection all the same.
#[test]
fn refused_request_leaves_the_connection_usable() {
    let (_directory, server, _) = demo();
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut answers = BufReader::new(stream.try_clone().unwrap());
    for size in [1, 5_000, 60_000, 900_000] {
        let head = format!("POST /v1/keys HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&vec![b'x'; size]).unwrap();
        let (head, _) = read_answer(&mut answers);
        assert!(head.starts_with("HTTP/1.1 401 ") && !head.contains("connection: close"), "{head}");
    }
}

#[test]
fn body_that_never_comes_is_not_waited_for() {
    let (_directory, server, _) = demo();
    let head = b"POST /v1/keys HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nx";
    let (status, answer) = raw(&server, head);
    assert_eq!(status, 401);
    assert!(answer.contains("connection: close"), "{answer}");
}

/// One answer of a connection that stays open.
fn read_answer(answers: &mut impl BufRead) -> (String, Vec<u8>) {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(answers.read_line(&mut head).unwrap() > 0, "the connection was closed: {head}");
    }
    let length = head.split("content-length: ").nth(1).unwrap().lines().next().unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    answers.read_exact(&mut body).unwrap();
    (head, body)
}

#[test]
fn ids_that_are_no_uuids_are_a_bad_request() {
    let (_directory, _server, owner) = demo();
    for id in ["1", "x", "0190a6e45b2c7d3e8f40112233445566", "%00", "%ff", &"a".repeat(5_000)] {
        let message = owner.get(&format!("/v1/keys/{id}")).expect_error(400, "BAD_REQUEST");
        assert!(message.contains("UUID") || message.contains("UTF-8"), "{message}");
        let revoke = format!("/v1/keys/{id}/revoke");
        owner.post(&revoke, &json!({})).expect_error(400, "BAD_REQUEST");
    }
}

#[test]
fn unknown_routes_and_wrong_methods_are_json() {
    let (_directory, server, owner) = demo();
    for client in [&owner, &server.client()] {
        for path in ["/v1", "/v1/nothing", "/v1/keys/", "/v2/keys", "/v1//keys", "/%2e%2e"] {
            client.get(path).expect_error(404, "NOT_FOUND");
        }
        for (method, path, allow) in [
            ("DELETE", "/v1/keys", "GET,HEAD,POST"),
            ("POST", "/v1/whoami", "GET,HEAD"),
            ("PUT", "/v1/organization", "GET,HEAD,PATCH,DELETE"),
            ("POST", "/v1/usage", "GET,HEAD"),
            ("DELETE", "/v1/policies/pii", "GET,HEAD,PUT"),
            ("POST", "/healthz", "GET,HEAD"),
        ] {
            let answer = client.call(method, path, &[], "");
            assert_eq!(answer.headers["allow"], allow, "{method} {path}");
            answer.expect_error(405, "METHOD_NOT_ALLOWED");
        }
    }
    let get = client_get_revoke(&owner);
    assert_eq!(get.headers["allow"], "POST");
}

fn client_get_revoke(owner: &Client) -> crate::client::Answer {
    owner.get("/v1/keys/0190a6e4-5b2c-7d3e-8f40-112233445566/revoke")
}

#[test]
fn name_of_a_request_is_the_servers_own() {
    let (_directory, server, _) = demo();
    let mine = "req_chosen-by-the-client";
    let answer = server.client().call("GET", "/healthz", &[("x-request-id", mine)], "");
    let id = answer.headers["x-request-id"].to_str().unwrap();
    assert!(id.starts_with("req_") && id != mine && id.len() == 36, "{id}");
}

/// A refusal that comes before the body does must not break the connection for the next request.
#[test]
fn connection_outlives_a_refusal() {
    let (_directory, server, _) = demo();
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let head = b"POST /v1/keys HTTP/1.1\r\nHost: x\r\nContent-Length: 40000\r\n\r\n";
    for _ in 0..3 {
        stream.write_all(head).unwrap();
        // The server has the whole head by now and could answer, before the body is sent.
        let mut answer = vec![0; 4096];
        stream.write_all(&vec![b'x'; 40_000]).unwrap();
        let read = stream.read(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer[..read]);
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
        assert!(!answer.to_lowercase().contains("connection: close"), "{answer}");
    }
}
