//! Every way to present a key that is wrong, over a socket.

use keyfob::{Environment, FoundKey, FoundState, ScopeSet, Timestamp};

use crate::server::{Answer, Server};
use crate::{actor, create, good_key, organization};

const DIGITS: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// What every key that is not accepted is answered.
async fn refusal(server: &Server) -> Answer {
    let answer = server.get("/whoami", format!("x-api-key: tk_live_{DIGITS}")).await;
    assert_eq!(answer.status, 401);
    answer
}

#[tokio::test]
async fn good_key_is_let_through_by_either_header() {
    let server = Server::start().await;
    let key = good_key(&server.keys).await;
    for header in ["authorization: Bearer ", "Authorization: bEARER  ", "X-API-Key: "] {
        let answer = server.get("/whoami", format!("{header}{key}")).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "acme"), "{header}");
    }
}

#[tokio::test]
async fn keys_that_cannot_be_keys_are_refused_alike_without_a_lookup() {
    let server = Server::start().await;
    let expected = refusal(&server).await;
    assert_eq!(server.store.finds(), 1, "the well-formed stranger");

    let long = "a".repeat(8 * 1024);
    let upper = DIGITS.to_ascii_uppercase();
    let texts = [
        String::new(),
        format!("sk_live_{DIGITS}"),
        format!("tk_prod_{DIGITS}"),
        format!("TK_LIVE_{DIGITS}"),
        format!("tk_test_{DIGITS}"),
        format!("tk_live_{}", &DIGITS[..63]),
        format!("tk_live_{DIGITS}0"),
        format!("tk_live_{upper}"),
        format!("tk_live_{long}"),
        format!("tk_live_{DIGITS}, tk_live_{DIGITS}"),
        format!("tk_live_{}é", &DIGITS[..62]),
        format!("tk_live_{}０", &DIGITS[..61]),
        format!("tk_live_{} {}", &DIGITS[..31], &DIGITS[..32]),
        format!("\"tk_live_{DIGITS}\""),
        long,
    ];
    for text in &texts {
        for header in ["authorization: Bearer ", "x-api-key: "] {
            let answer = server.get("/whoami", format!("{header}{text}")).await;
            assert_eq!(answer, expected, "{header}{text}");
            let answer = server.get("/greeting", format!("{header}{text}")).await;
            assert_eq!(answer, expected, "where no key is needed, a bad one is refused: {text}");
        }
    }
    let bytes = [b"x-api-key: tk_live_".as_slice(), &DIGITS.as_bytes()[..63], b"\xff"].concat();
    assert_eq!(server.get("/whoami", bytes).await, expected);

    assert_eq!((server.store.finds(), server.handled()), (1, 0));
}

#[tokio::test]
async fn refusals_are_the_same_bytes_whatever_the_reason() {
    let changes: [fn(&mut FoundKey); 4] = [
        |key| key.state = FoundState::Disabled,
        |key| key.state = FoundState::Revoked,
        |key| key.expires_at = Some(Timestamp::from_micros(0)),
        |key| key.retires_at = Some(Timestamp::from_micros(0)),
    ];
    for change in changes {
        let server = Server::start().await;
        let key = good_key(&server.keys).await;
        server.store.change_found(change);
        let expected = refusal(&server).await;
        let answer = server.get("/whoami", format!("authorization: Bearer {key}")).await;
        assert_eq!(answer, expected);
        assert!(!answer.shows(&key[8..16]));
        assert_eq!((server.store.finds(), server.handled()), (2, 0));
    }
}

#[tokio::test]
async fn revoked_and_wrong_environment_keys_are_refused_alike() {
    let server = Server::start().await;
    let expected = refusal(&server).await;

    let revoked = create(&server.keys, Environment::Live, ScopeSet::all()).await;
    let header = format!("authorization: Bearer {}", revoked.api_key.expose_secret());
    assert_eq!(server.get("/whoami", &header).await.status, 200);
    server.keys.revoke(&organization(), revoked.key.id, None, actor()).await.unwrap();
    assert_eq!(server.get("/whoami", &header).await, expected);

    let finds = server.store.finds();
    let test = create(&server.keys, Environment::Test, ScopeSet::all()).await;
    let header = format!("authorization: Bearer {}", test.api_key.expose_secret());
    assert_eq!(server.get("/whoami", &header).await, expected);
    assert_eq!(server.store.finds(), finds, "the prefix tells the environment");
}

#[tokio::test]
async fn two_credentials_are_a_bad_request_even_if_both_are_good() {
    let server = Server::start().await;
    let key = good_key(&server.keys).await;
    let bearer = format!("authorization: Bearer {key}");
    let api_key = format!("x-api-key: {key}");
    let basic = "authorization: Basic dXNlcjpwYXNz".to_owned();
    let empty = "x-api-key:".to_owned();
    for first in [&bearer, &api_key, &basic, &empty] {
        for second in [&bearer, &api_key, &basic, &empty] {
            for target in ["/whoami", "/greeting"] {
                let answer = server.get(target, format!("{first}\r\n{second}")).await;
                assert_eq!(answer.status, 400, "{first} {second}");
                assert!(answer.body.contains(r#""error":"invalid_request""#), "{}", answer.body);
                assert!(!answer.shows(&key[8..16]));
            }
        }
    }
    assert_eq!((server.store.finds(), server.handled()), (0, 0));
}

#[tokio::test]
async fn request_without_a_key_is_told_how_to_send_one() {
    let server = Server::start().await;
    let key = good_key(&server.keys).await;
    let nowhere = server.get("/whoami", "accept: */*").await;
    assert_eq!(nowhere.status, 401);
    assert_eq!(nowhere.header("www-authenticate"), Some(r#"Bearer realm="api""#));
    assert!(!nowhere.body.contains("\"error\""), "RFC 6750 §3.1: {}", nowhere.body);

    // A key in the query string, a cookie or another header is none.
    let target = format!("/whoami?access_token={key}&api_key={key}&x-api-key={key}");
    assert_eq!(server.get(&target, "accept: */*").await, nowhere);
    for header in ["cookie: x-api-key", "cookie: authorization", "proxy-authorization: Bearer "] {
        assert_eq!(server.get("/whoami", format!("{header}={key}")).await, nowhere, "{header}");
    }
    assert_eq!((server.store.finds(), server.handled()), (0, 0));
}

#[tokio::test]
async fn other_scheme_is_not_judged_and_not_let_through() {
    let server = Server::start().await;
    let key = good_key(&server.keys).await;
    for scheme in ["Basic ", "Digest ", "Bearer\t", "BearerToken ", ""] {
        for target in ["/whoami", "/greeting"] {
            let answer = server.get(target, format!("authorization: {scheme}{key}")).await;
            assert_eq!(answer.status, 401, "{scheme}");
            assert_eq!(answer.header("www-authenticate"), Some(r#"Bearer realm="api""#));
            assert!(!answer.shows(&key[8..16]));
        }
    }
    assert_eq!((server.store.finds(), server.handled()), (0, 0));
}

/// White space around a header's value is not part of it (RFC 9110 §5.5): over HTTP/1.1 the server
/// takes it away. Where it arrives, as it may over HTTP/2, the key is not accepted: see
/// `answers::space_around_a_key_is_not_taken_away`.
#[tokio::test]
async fn space_at_the_end_of_the_line_is_not_sent_at_all() {
    let server = Server::start().await;
    let key = good_key(&server.keys).await;
    assert_eq!(server.get("/whoami", format!("x-api-key: {key} ")).await.status, 200);
}

#[tokio::test]
async fn bytes_that_no_header_may_hold_never_get_past_the_server() {
    let server = Server::start().await;
    let key = good_key(&server.keys).await;
    for header in ["authorization: Bearer ", "x-api-key: "] {
        for inserted in ["\0", "\r", "\n", "\r\n", "\r\n ", "\x7f"] {
            let (start, end) = key.split_at(40);
            let answer = server.get("/whoami", format!("{header}{start}{inserted}{end}")).await;
            assert_eq!(answer.status, 400, "{inserted:?}");
            assert!(!answer.shows(&key[8..16]));
        }
    }
    assert_eq!((server.store.finds(), server.handled()), (0, 0));
}

#[tokio::test]
async fn outage_is_no_refusal() {
    let server = Server::start().await;
    let key = good_key(&server.keys).await;
    server.store.break_down();
    for target in ["/whoami", "/greeting", "/scans"] {
        let answer = server.get(target, format!("authorization: Bearer {key}")).await;
        assert_eq!(answer.status, 503);
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert_eq!(answer.header("www-authenticate"), None);
        assert!(answer.body.contains(r#""error":"temporarily_unavailable""#), "{}", answer.body);
    }
    let malformed = server.get("/whoami", "x-api-key: nonsense").await;
    assert_eq!(malformed.status, 401, "no store is needed to tell");
    assert_eq!(server.handled(), 0);
}
