use crate::form_client::FormClient;
use crate::site::Site;
use crate::{place, tables};

#[test]
fn session_has_a_new_id_when_it_begins_and_none_when_it_ends() {
    let site = Site::start();
    let mut client = FormClient::new(&site);
    client.cookie = Some("takumo_session=AAAAAAAAAAAAAAAAAAAAAA".into());
    let planted = client.cookie.clone();
    let fields = [("login", "owner"), ("password", site.password.as_str())];
    let answer = client.submit("/sign-in", &fields);
    assert_eq!(answer.status, 303);
    let cookie = answer.headers["set-cookie"].to_str().unwrap();
    for wanted in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(wanted), "{cookie}");
    }
    assert!(!cookie.contains("Secure"), "on loopback there is no TLS: {cookie}");
    let first = client.cookie.clone();
    assert_ne!(first, planted, "an id that somebody planted is not taken");
    client.submit("/sign-in", &fields);
    let second = client.cookie.clone();
    assert_ne!(first, second, "the id is another one after each sign-in");
    client.cookie = first;
    assert_eq!(client.get("/settings/api-keys").status, 303, "the old one is over");

    client.cookie.clone_from(&second);
    let token = client.form_token();
    assert_eq!(client.submit("/sign-out", &[("form_token", &token)]).status, 303);
    client.cookie = second;
    let answer = client.get("/settings/api-keys");
    let location = answer.headers["location"].to_str().unwrap();
    let ended = "/sign-in?done=session-ended&next=%2Fsettings%2Fapi-keys";
    assert_eq!((answer.status, location), (303, ended));
}

#[test]
fn session_ends_by_itself() {
    let site = Site::start();
    let sign_in = || FormClient::signed_in(&site, &site.operate(&["members", "link", "owner"]));
    let is_over = |client: &mut FormClient| client.get("/settings/api-keys").status == 303;

    let mut idle = sign_in();
    assert!(!is_over(&mut idle));
    tables::make_sessions_older(site.directory(), 31 * 60);
    assert!(is_over(&mut idle), "nobody has used it for half an hour");

    let mut used = sign_in();
    for _ in 0..3 {
        tables::make_sessions_older(site.directory(), 29 * 60);
        assert!(!is_over(&mut used), "it lives on while it is used");
    }

    let mut old = sign_in();
    for _ in 0..24 {
        tables::make_sessions_older(site.directory(), 30 * 60 - 5);
        assert!(!is_over(&mut old), "it has two minutes left");
    }
    tables::make_sessions_older(site.directory(), 120);
    assert!(is_over(&mut old), "it began long ago");
}

#[test]
fn another_password_ends_every_session() {
    let site = Site::start();
    let mut here = FormClient::signed_in(&site, &site.link);
    let mut there = FormClient::signed_in(&site, &site.operate(&["members", "link", "owner"]));
    let token = here.form_token();
    let another = "a long enough password";
    let change = [("form_token", token.as_str()), ("password", another), ("again", another)];
    assert_eq!(here.submit("/settings/password", &change).status, 303);
    assert_eq!(here.get("/settings/api-keys").status, 200, "but for the one that changed it");
    assert_eq!(there.get("/settings/api-keys").status, 303);

    let mut client = FormClient::new(&site);
    let old = [("login", "owner"), ("password", site.password.as_str())];
    assert_eq!(client.submit("/sign-in", &old).status, 401);
    let new = [("login", "Owner "), ("password", another)];
    assert_eq!(client.submit("/sign-in", &new).status, 303);

    // Whoever came by a password is asked for it again.
    let token = client.form_token();
    let change = [
        ("form_token", token.as_str()),
        ("current", "not the current one"),
        ("password", "yet another password"),
        ("again", "yet another password"),
    ];
    assert_eq!(client.submit("/settings/password", &change).status, 403);

    site.operate(&["members", "reset-password", "owner"]);
    assert_eq!(client.get("/settings/api-keys").status, 303);
    assert_eq!(here.get("/settings/api-keys").status, 303);
}

#[test]
fn link_signs_in_once_and_only_while_it_is_young() {
    let site = Site::start();
    let token = site.link.split_once("token=").unwrap().1;
    let mut client = FormClient::new(&site);
    for _ in 0..3 {
        assert_eq!(client.get(&site.link).status, 200, "to look at it does not use it up");
    }
    assert_eq!(client.submit("/sign-in/link", &[("token", token)]).status, 303);
    assert_eq!(client.submit("/sign-in/link", &[("token", token)]).status, 401);

    let mut use_after = |hours: i64, link: &str| {
        let earlier = "UPDATE takumo_sign_in_links SET expires_at = expires_at -";
        tables::execute(site.directory(), &format!("{earlier} {}", hours * 3_600_000_000));
        let token = link.split_once("token=").unwrap().1;
        client.submit("/sign-in/link", &[("token", token)]).status
    };
    let make = || site.operate(&["members", "link", "owner"]);
    assert_eq!(use_after(23, &make()), 303);
    assert_eq!(use_after(24, &make()), 401, "a day is over");
    let (voided, _another) = (make(), make());
    assert_eq!(use_after(0, &voided), 401, "there is a newer one");
}

#[test]
fn unknown_login_and_wrong_password_get_the_same_answer() {
    let site = Site::start();
    let mut client = FormClient::new(&site);
    // What was typed stands in the form again, and is all that differs.
    let mut answer = |login: &str, password| {
        let answer = client.submit("/sign-in", &[("login", login), ("password", password)]);
        let typed = format!("value=\"{}\"", login.to_lowercase());
        assert_eq!(answer.body.matches(&typed).count(), 1, "{}", answer.body);
        (answer.status, answer.body.replace(&typed, ""))
    };
    let wrong = answer("owner", "not the password");
    assert_eq!(wrong.0, 401);
    assert!(!wrong.1.contains("not the password"), "{}", wrong.1);
    assert_eq!(answer("nobody", "not the password"), wrong);
    assert_eq!(answer("NOT/A LOGIN", "not the password"), wrong);
}

#[test]
fn attempts_to_sign_in_are_limited() {
    let site = Site::start();
    let mut client = FormClient::new(&site);
    let mut attempt = |password: &str| {
        client.submit("/sign-in", &[("login", "owner"), ("password", password)]).status
    };
    for _ in 0..10 {
        assert_eq!(attempt("not the password"), 401);
    }
    assert_eq!(attempt("not the password"), 429);
    assert_eq!(attempt(&site.password), 429, "a right guess among many is not told");
    // A link is no guess.
    let mut owner = FormClient::signed_in(&site, &site.link);

    // Nor is the password found out by changing it, from a session that somebody has left open.
    tables::make_sessions_older(site.directory(), 16 * 60);
    let guess = [("current", "not the password"), ("password", "x"), ("again", "x")];
    assert_eq!(owner.change("/settings/password", &guess).status, 429);
}

#[test]
fn who_signs_in_has_all_attempts_again() {
    let site = Site::start();
    let mut client = FormClient::new(&site);
    for _ in 0..2 {
        for _ in 0..9 {
            let wrong = [("login", "owner"), ("password", "not the password")];
            assert_eq!(client.submit("/sign-in", &wrong).status, 401);
        }
        let right = [("login", "owner"), ("password", site.password.as_str())];
        assert_eq!(client.submit("/sign-in", &right).status, 303);
    }
}

#[test]
fn attempts_through_a_proxy_are_counted_by_who_is_behind_it() {
    let site = Site::start_behind(Some("https://keys.example.com".parse().unwrap()));
    let mut client = FormClient::new(&site);
    let mut attempt = |number: usize, address: &str| {
        let login = format!("user{number}");
        let fields = [("login", login.as_str()), ("password", "not the password")];
        let headers = [("sec-fetch-site", "same-origin"), ("x-forwarded-for", address)];
        client.submit_as("/sign-in", &fields, &headers).status
    };
    for number in 0..50 {
        assert_eq!(attempt(number, "203.0.113.9"), 401);
    }
    assert_eq!(attempt(50, "203.0.113.9"), 429);
    assert_eq!(attempt(51, "203.0.113.10"), 401);
}

#[test]
fn link_stands_in_for_the_password_for_a_quarter_of_an_hour() {
    let site = Site::start();
    let mut owner = FormClient::signed_in(&site, &site.link);
    let another = "a long enough password";
    let change = [("password", another), ("again", another)];
    let differing = [("password", another), ("again", "another long enough password")];
    assert_eq!(owner.change("/settings/password", &differing).status, 400);
    tables::make_sessions_older(site.directory(), 16 * 60);
    assert_eq!(owner.change("/settings/password", &change).status, 403);
    let mut owner = FormClient::signed_in(&site, &site.operate(&["members", "link", "owner"]));
    assert_eq!(owner.change("/settings/password", &change).status, 303);
}

#[test]
fn tables_have_no_session_no_link_and_no_password_that_could_be_used() {
    let site = Site::start();
    let client = FormClient::signed_in(&site, &site.operate(&["members", "link", "owner"]));
    let link = site.operate(&["members", "link", "owner"]);
    let cookie = client.cookie.unwrap();
    let session = cookie.split_once('=').unwrap().1;
    let token = link.split_once("token=").unwrap().1;
    let held = |text: &str| {
        let parts = place::contents(site.directory());
        parts.iter().any(|(_, bytes)| memchr::memmem::find(bytes, text.as_bytes()).is_some())
    };
    assert!(held("$argon2id$"), "the search finds what is there");
    for secret in [session, token, &site.password] {
        assert!(!held(secret));
    }
}

#[test]
fn behind_a_proxy_cookies_are_for_tls_alone_and_the_origin_is_the_public_one() {
    let public = "https://keys.example.com";
    let site = Site::start_behind(Some(public.parse().unwrap()));
    let mut client = FormClient::new(&site);
    let fields = [("login", "owner"), ("password", site.password.as_str())];
    let mut sign_in = |origin| client.submit_as("/sign-in", &fields, &[("origin", origin)]);
    for other in [&site.url, "http://keys.example.com", "https://evil.example"] {
        assert_eq!(sign_in(other).status, 403, "{other}");
    }
    let answer = sign_in(public);
    assert_eq!(answer.status, 303, "{}", answer.body);
    let cookie = answer.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("__Host-takumo_session="), "{cookie}");
    assert!(cookie.contains("Secure") && cookie.contains("Path=/"), "{cookie}");
    assert!(!cookie.contains("Domain"), "{cookie}");
}
