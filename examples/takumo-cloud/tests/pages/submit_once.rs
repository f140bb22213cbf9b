//! A form that is submitted twice does its work once, and its one answer is shown.

use serde_json::json;

use crate::browser::{Browser, Running, Scripts};
use crate::form_client::{FormClient, hidden, key_of, secret_of, status_with_key};
use crate::site::Site;
use crate::webdriver::wait;

/// How often each form is submitted twice. One try shows little: which answer wins is a race.
const TRIES: usize = 12;

fn signed_in() -> (Site, Running) {
    let site = Site::start();
    site.operate(&["organizations", "edit", "demo", "--plan", "enterprise"]);
    let browser = Browser::default().start();
    site.sign_in(&browser);
    (site, browser)
}

fn fill_in(site: &Site, browser: &Running, name: &str) {
    browser.go(&site.page("/settings/api-keys"));
    browser.click("[data-dialog]");
    browser.fill("dialog #new-name", name);
    browser.click("dialog input[value='shield:read']");
}

#[test]
fn double_click_on_create_shows_the_key() {
    let (site, browser) = signed_in();
    for number in 0..TRIES {
        fill_in(&site, &browser, &format!("twice-{number}"));
        browser.leave(|| browser.double_click("dialog form .primary"));
        assert_eq!(browser.text("h1"), "Key created", "try {number}");
        assert_eq!(status_with_key(&site, "/v1/whoami", &browser.text("#secret")), 200);
    }
}

#[test]
fn enter_and_a_click_on_create_show_the_key() {
    let (site, browser) = signed_in();
    for number in 0..TRIES {
        fill_in(&site, &browser, &format!("twice-{number}"));
        browser.leave(|| browser.enter_and_click("dialog #new-name", "dialog form .primary"));
        assert_eq!(browser.text("h1"), "Key created", "try {number}");
        assert!(browser.text("#secret").starts_with("tk_live_"));
    }
}

#[test]
fn double_click_on_rotate_and_revoke_does_each_once() {
    let (site, browser) = signed_in();
    let mut owner = FormClient::signed_in(&site, &site.operate(&["members", "link", "owner"]));
    for number in 0..TRIES {
        let page = owner.create(&format!("twice-{number}"), &["shield:read"]).body;
        let key = key_of(&page);
        let old = secret_of(&page);
        browser.go(&site.page(&format!("{key}/rotate")));
        browser.leave(|| browser.double_click("main form .primary"));
        assert_eq!(browser.text("h1"), "Key rotated", "try {number}");
        assert_eq!(status_with_key(&site, "/v1/whoami", &browser.text("#secret")), 200);

        browser.go(&site.page(&format!("{key}/revoke")));
        let digits = browser.find("#confirm").property("dataset")["confirms"].clone();
        browser.fill("#confirm", digits.as_str().unwrap());
        browser.leave(|| browser.double_click("main form button"));
        assert!(browser.text(".notice.good").contains("revoked"), "try {number}");
        assert_eq!(status_with_key(&site, "/v1/whoami", &old), 401);
    }
}

/// A second click that lands on the next page must not act there.
#[test]
fn double_click_on_disable_does_not_enable_the_key_again() {
    let (site, browser) = signed_in();
    let mut owner = FormClient::signed_in(&site, &site.operate(&["members", "link", "owner"]));
    let key = key_of(&owner.create("switched", &["shield:read"]).body);
    for _ in 0..TRIES / 2 {
        for (action, badge) in [("disable", "Disabled"), ("enable", "Active")] {
            browser.go(&site.page(&key));
            browser.leave(|| browser.double_click(&format!("form[action$='/{action}'] button")));
            assert!(browser.text(".badges").contains(badge), "{action}");
        }
    }
}

#[test]
fn double_click_on_every_other_form_shows_its_answer() {
    let (site, browser) = signed_in();
    for number in 0..TRIES / 3 {
        browser.go(&site.page("/settings/members"));
        browser.fill("#login", &format!("twice{number}"));
        browser.leave(|| browser.double_click("[aria-labelledby=add] .primary"));
        assert!(browser.text("#link").contains("token="), "try {number}");
        browser.go(&site.page("/settings/members"));
        browser.leave(|| browser.double_click("form[action$='/link'] button"));
        assert!(browser.text("#link").contains("token="), "try {number}");
        browser.go(&site.page("/settings/organization"));
        browser.leave(|| browser.double_click("main form .primary"));
        assert!(browser.text(".notice.good").contains("saved"), "try {number}");
    }
    browser.leave(|| browser.double_click("form[action='/sign-out'] button"));
    assert!(browser.text(".notice.good").contains("signed out"));
}

/// While the server works, the form says so, and nothing aborts it.
#[test]
fn form_that_is_submitted_says_that_it_works_until_the_page_comes_back() {
    let (site, browser) = signed_in();
    fill_in(&site, &browser, "working");
    // The submission goes nowhere, as with a server that does not answer.
    browser.run(
        "document.querySelector('dialog form').target = 'elsewhere';
         document.querySelector('dialog form').action = 'data:text/plain,';",
    );
    browser.click("dialog form .primary");
    browser.wait_for_text("dialog form .primary", "Working…");
    wait("the announcement", || {
        let said = browser.run("return document.querySelector('dialog > .announcer').textContent");
        (said == "Working…").then_some(())
    });
    let state = browser.run(
        "const form = document.querySelector('dialog form');
         const button = form.querySelector('.primary');
         return [form.ariaBusy, button.ariaDisabled, document.activeElement === button];",
    );
    assert_eq!(state, json!(["true", "true", true]));
    browser.click("dialog form [data-close]");
    assert_eq!(browser.count("dialog[open]"), 1, "nothing else is done meanwhile");
    let address = browser.url();
    browser.run("document.querySelector('.nav-link[href=\"/fleet\"]').click()");
    assert_eq!(browser.url(), address, "a link does not abort it");

    browser.run("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))");
    assert_eq!(browser.text("dialog form .primary"), "Create key");
    assert_eq!(browser.run("return document.querySelector('dialog form').ariaBusy"), json!(null));
}

/// Without scripts the browser aborts the first answer. The second one helps.
#[test]
fn second_submission_offers_a_new_secret() {
    let site = Site::start();
    let mut owner = FormClient::signed_in(&site, &site.link);
    let form = owner.get("/settings/api-keys/new").body;
    let once = hidden(&form, "once");
    let fields = [("once", once.as_str()), ("name", "twice"), ("environment", "live")];
    let fields = [&fields[..], &[("scope", "shield:read"), ("expires", "never")]].concat();
    let lost = secret_of(&owner.create_with(&fields).body);
    let again = owner.create_with(&fields);
    assert_eq!(again.status, 200, "{}", again.body);
    assert!(again.body.contains("make a new secret"), "{}", again.body);
    let key = key_of(&again.body);
    let once = hidden(&again.body, "once");
    let fields = [("once", once.as_str()), ("overlap", "0")];
    let answer = owner.change(&format!("{key}/rotate"), &fields);
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(status_with_key(&site, "/v1/whoami", &secret_of(&answer.body)), 200);
    assert_eq!(status_with_key(&site, "/v1/whoami", &lost), 401);
}

#[test]
fn double_click_without_scripts_loses_no_key_for_good() {
    let site = Site::start();
    site.operate(&["organizations", "edit", "demo", "--plan", "enterprise"]);
    let browser = Browser { scripts: Scripts::Blocked, ..Browser::default() }.start();
    browser.go(&site.page(&site.link));
    browser.click("main button");
    browser.wait_for_text("h1", "API Keys");
    for number in 0..TRIES / 2 {
        browser.go(&site.page("/settings/api-keys/new?preset=shield"));
        browser.fill("#new-name", &format!("twice-{number}"));
        browser.double_click("main form .primary");
        browser.find("#secret, main form[action$='/rotate']");
        if browser.text("h1") == "This key was shown already" {
            browser.click("main form .primary");
            browser.wait_for_text("h1", "Key rotated");
        }
        assert_eq!(status_with_key(&site, "/v1/whoami", &browser.text("#secret")), 200);
    }
}
