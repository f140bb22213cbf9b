//! A leaked key that is pasted into the search: the page names the key, and nothing keeps the text.

use serde_json::json;

use crate::browser::Browser;
use crate::form_client::{FormClient, hidden, key_of, secret_of};
use crate::site::Site;

/// The page that answers a search for this text.
fn find(client: &mut FormClient, text: &str) -> String {
    let answer = client.change("/settings/api-keys/find", &[("q", text)]);
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

#[test]
fn leaked_key_is_named_and_gets_into_no_address() {
    let site = Site::start();
    let browser = Browser::default().start();
    let mut owner = FormClient::signed_in(&site, &site.link);
    let leaked = secret_of(&owner.create("ci-pipeline", &["shield:read"]).body);
    site.sign_in(&browser);
    browser.fill("#q", &format!("export TAKUMO_API_KEY={leaked}"));
    browser.follow(".filters button");
    assert!(browser.text("main").contains("ci-pipeline"), "{}", browser.text("main"));
    assert!(browser.text("main").contains("This secret works"));
    let kept = browser.chromium("Page.getNavigationHistory", &json!({})).to_string();
    for part in [&leaked[8..], &leaked[20..40]] {
        assert!(!browser.source().contains(part));
        assert!(!browser.url().contains(part));
        assert!(!kept.contains(part), "{kept}");
    }
    browser.leave(|| browser.reload());
    assert_eq!(browser.text("h1"), "ci-pipeline", "a reload does not search again");

    // Any other text has an address that can be kept.
    browser.go(&site.page("/settings/api-keys"));
    browser.fill("#q", "pipe");
    browser.follow(".filters button");
    assert!(browser.url().ends_with("/settings/api-keys?q=pipe"), "{}", browser.url());
    assert_eq!(browser.count(".key-name"), 1);
}

#[test]
fn search_says_what_a_key_is_and_what_to_do() {
    let site = Site::start();
    let mut owner = FormClient::signed_in(&site, &site.link);
    let page = owner.create("ci-pipeline", &["shield:read"]).body;
    let key = key_of(&page);
    let old = secret_of(&page);
    let once = hidden(&owner.get(&format!("{key}/rotate")).body, "once");
    let fields = [("once", once.as_str()), ("overlap", "0")];
    let new = secret_of(&owner.change(&format!("{key}/rotate"), &fields).body);
    let page = find(&mut owner, &old);
    assert!(page.contains("This is an old secret of the key"), "{page}");
    let page = find(&mut owner, &new[8..]);
    assert!(page.contains("This secret works") && page.contains("/revoke"), "{page}");
    assert_eq!(owner.change(&format!("{key}/disable"), &[]).status, 303);
    let page = find(&mut owner, &new);
    assert!(page.contains("The key is disabled"), "{page}");
    let word = [("confirm", &new[8..16])];
    assert_eq!(owner.change(&format!("{key}/revoke"), &word).status, 303);
    for secret in [&old, &new] {
        let page = find(&mut owner, secret);
        assert!(page.contains("The key is revoked") && page.contains("ci-pipeline"), "{page}");
        assert!(!page.contains("/revoke"), "{page}");
        assert!(!page.contains(&secret[16..]), "{page}");
    }
    for (text, address) in [
        (&new[..30], format!("/settings/api-keys?q={}", &new[..16])),
        ("ci pipe", "/settings/api-keys?q=ci%20pipe".into()),
        ("", "/settings/api-keys".into()),
    ] {
        let answer = owner.change("/settings/api-keys/find", &[("q", text), ("status", "")]);
        assert_eq!((answer.status, answer.headers["location"].to_str().unwrap()), (303, &*address));
    }
    assert_eq!(owner.get("/settings/api-keys/find").status, 303);
}

#[test]
fn key_of_another_organization_is_as_unknown_as_one_that_never_was() {
    let site = Site::start();
    site.operate(&["organizations", "create", "acme", "--plan", "free", "--name", "Acme"]);
    let theirs = site.operate(&[
        "keys",
        "create",
        "--organization",
        "acme",
        "--name",
        "theirs",
        "--environment",
        "live",
        "--scope",
        "shield:read",
    ]);
    let mut owner = FormClient::signed_in(&site, &site.link);
    let unknown = find(&mut owner, &format!("tk_live_{}", "0a".repeat(32)));
    assert!(unknown.contains("belongs to no key of"), "{unknown}");
    assert_eq!(find(&mut owner, &theirs), unknown);
}
