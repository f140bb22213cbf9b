//! Other sites, and what they can make a browser do: nothing.

use crate::form_client::{Answer, FormClient};
use crate::site::Site;

/// Every form of the pages that changes something, but for those of `/sign-in`.
const CHANGES: [&str; 15] = [
    "/sign-out",
    "/switch",
    "/settings/api-keys",
    "/settings/api-keys/0190a6e4-5b2c-7d3e-8f40-112233445566/edit",
    "/settings/api-keys/0190a6e4-5b2c-7d3e-8f40-112233445566/rotate",
    "/settings/api-keys/0190a6e4-5b2c-7d3e-8f40-112233445566/retire",
    "/settings/api-keys/0190a6e4-5b2c-7d3e-8f40-112233445566/disable",
    "/settings/api-keys/0190a6e4-5b2c-7d3e-8f40-112233445566/enable",
    "/settings/api-keys/0190a6e4-5b2c-7d3e-8f40-112233445566/revoke",
    "/settings/organization",
    "/settings/members",
    "/settings/members/role",
    "/settings/members/remove",
    "/settings/members/link",
    "/settings/password",
];

#[test]
fn form_without_the_token_of_its_session_changes_nothing() {
    let site = Site::start();
    let mut owner = FormClient::signed_in(&site, &site.link);
    let other = site.operate(&["members", "link", "owner"]);
    let stolen = FormClient::signed_in(&site, &other).form_token();
    for path in CHANGES {
        for fields in [&[][..], &[("form_token", "")], &[("form_token", &stolen)]] {
            let answer = owner.submit(path, fields);
            assert_eq!(answer.status, 403, "{path} {fields:?}: {}", answer.body);
            assert!(answer.body.contains("out of date"), "{path}: {}", answer.body);
        }
    }
    assert_eq!(owner.get("/settings/api-keys").status, 200, "nobody was signed out");
}

#[test]
fn form_from_another_site_changes_nothing_though_it_has_the_token() {
    let site = Site::start();
    let mut owner = FormClient::signed_in(&site, &site.link);
    let token = owner.form_token();
    let fields = [("form_token", token.as_str()), ("organization", "demo")];
    for headers in [
        &[][..],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
    ] {
        for path in CHANGES.iter().chain(&["/sign-in", "/sign-in/link"]) {
            let answer = owner.submit_as(path, &fields, headers);
            assert_eq!(answer.status, 403, "{path} {headers:?}: {}", answer.body);
            assert!(answer.body.contains("did not come from"), "{path}: {}", answer.body);
        }
    }
    // The same by a browser that says only its origin.
    let own = [("origin", site.url.as_str())];
    assert_eq!(owner.submit_as("/switch", &fields, &own).status, 303);
}

#[test]
fn nothing_is_changed_by_asking_for_a_page() {
    let site = Site::start();
    let mut owner = FormClient::signed_in(&site, &site.link);
    for path in CHANGES {
        let status = owner.get(path).status;
        assert!([200, 404, 405].contains(&status), "{path}: {status}");
    }
    assert_eq!(owner.get("/settings/api-keys").status, 200, "nobody was signed out");
}

#[test]
fn every_answer_forbids_what_a_page_must_not_do() {
    let site = Site::start();
    let mut owner = FormClient::signed_in(&site, &site.link);
    let mut nobody = FormClient::new(&site);
    let policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
                  form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
    let key = owner.newest_key();
    let of_a_key = ["", "/edit", "/rotate", "/revoke"].map(|what| format!("{key}{what}"));
    let pages = [
        "/",
        "/settings",
        "/settings/api-keys",
        "/settings/api-keys/new",
        "/settings/organization",
        "/settings/members",
        "/settings/password",
        "/settings/nowhere",
        "/usage",
        "/usage.csv",
        "/usage?range=never",
        "/audit",
        "/fleet",
    ];
    let pages = pages.into_iter().chain(of_a_key.iter().map(String::as_str));
    let mut answers: Vec<_> = pages.map(|path| (path, owner.get(path))).collect();
    answers.extend([
        ("a switch", owner.submit("/switch", &[])),
        ("a member's link", owner.change("/settings/members/link", &[("login", "owner")])),
        ("a key", owner.create("shown-once", &["shield:read"])),
        ("a sign-in", nobody.get("/sign-in")),
        ("a link", nobody.get(&site.link)),
        ("a wrong link", nobody.submit("/sign-in/link", &[("token", "x")])),
        ("nobody's page", nobody.get("/settings/api-keys")),
    ]);
    for (what, answer) in answers {
        let header = |name: &str| answer.headers[name].to_str().unwrap().to_owned();
        assert_eq!(header("content-security-policy"), policy, "{what}");
        assert!(header("cache-control").starts_with("no-store"), "{what}");
        assert_protected(&answer);
        let inline = [" style=", "<style", " onclick", "javascript:", "http://", "https://"];
        // But for a link to this site, to be copied.
        let body = answer.body.replace(&site.url, "");
        for bad in inline {
            assert!(!body.contains(bad), "{what}: {bad}: {body}");
        }
        assert_eq!(
            answer.body.matches("<script").count(),
            answer.body.matches("<script src=").count()
        );
    }
    let page = nobody.get("/sign-in").body;
    let style = page.split("href=\"").find(|part| part.starts_with("/assets/")).unwrap();
    let answer = nobody.get(style.split('"').next().unwrap());
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["cache-control"], "public, max-age=31536000, immutable");
    assert_protected(&answer);
}

/// What every answer has, be it a page or a file.
#[track_caller]
fn assert_protected(answer: &Answer) {
    for (name, value) in [
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ] {
        assert_eq!(answer.headers[name], value, "{name}");
    }
}
