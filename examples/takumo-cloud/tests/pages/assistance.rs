//! What assistive technology and the keyboard get to know.

use serde_json::json;

use crate::browser::{Browser, DESKTOP, PHONE, Scheme};
use crate::journey::create;
use crate::site::Site;
use crate::webdriver::wait;

const TAB: &str = "\u{E004}";

#[test]
fn copy_button_announces_what_it_did() {
    let site = Site::start();
    let browser = Browser::default().start();
    site.sign_in(&browser);
    let permissions = json!({
        "origin": site.url,
        "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"],
    });
    browser.chromium("Browser.grantPermissions", &permissions);
    create(&browser, "ci-pipeline");
    let masked = browser.run("return document.querySelectorAll('[data-copy][aria-label]').length");
    assert_eq!(masked, 0, "a label would hide the state of the button");
    browser.click("[data-copy=secret]");
    browser.wait_for_text("[data-copy=secret]", "Copied");
    wait("the announcement", || {
        let said = browser.run("return document.querySelector('body > .announcer').textContent");
        (said == "Copied.").then_some(())
    });
    let live = browser.run("return document.querySelector('body > .announcer').role");
    assert_eq!(live, "status");
}

/// The part of the focused element that the bar of buttons covers, in pixels.
const COVERED: &str = "
    const focused = document.activeElement;
    const bar = document.querySelector('dialog[open] .actions');
    if (bar.contains(focused) || !focused.closest('dialog form') || getComputedStyle(bar).position !== 'sticky') return 0;
    const [own, over] = [focused.getBoundingClientRect(), bar.getBoundingClientRect()];
    return Math.max(0, Math.min(own.bottom, over.bottom) - Math.max(own.top, over.top));";

#[test]
fn focus_does_not_go_under_the_bar_of_buttons() {
    let site = Site::start();
    let browser = Browser::default().start();
    site.sign_in(&browser);
    // 200 % of a small window leaves half of its width and height.
    for size in [PHONE, (640, 450), (640, 600), DESKTOP] {
        browser.look(Scheme::Light, size);
        browser.go(&site.page("/settings/api-keys"));
        browser.click("[data-dialog]");
        browser.find("dialog[open]");
        for stop in 0..30 {
            let covered = browser.run(COVERED).as_f64().unwrap();
            let focused = browser.run("return document.activeElement.outerHTML");
            assert!(covered < 1.0, "{size:?}, stop {stop}: {covered} px of {focused}");
            browser.press(TAB);
        }
    }
}

#[test]
fn error_of_a_form_has_the_focus_and_is_tied_to_its_field() {
    let site = Site::start();
    let browser = Browser::default().start();
    site.sign_in(&browser);
    let focus = || browser.run("return document.activeElement.id");
    let tied = |field: &str| {
        browser.run_with(
            "const field = document.querySelector(arguments[0]);
             const ids = (field.getAttribute('aria-describedby') ?? '').split(' ');
             return ids.includes('problem');",
            &[field.into()],
        )
    };
    browser.go(&site.page("/settings/api-keys/new"));
    browser.fill("#new-name", "no-scopes");
    browser.follow("main form .primary");
    assert_eq!(focus(), "problem");
    assert_eq!(browser.run("return document.querySelector('#problem a').hash"), "#scopes");
    assert_eq!(tied("#scopes"), true);
    browser.click("#problem a");
    assert_eq!(focus(), "scopes");
    assert_eq!(browser.count("#new-name[aria-invalid]"), 0, "only what is wrong is marked");

    browser.go(&site.page("/settings/organization"));
    browser.run("document.querySelector('#name').value = '\u{7}'");
    browser.follow("main form .primary");
    assert_eq!(focus(), "problem");
    assert_eq!(tied("#name"), true);
    assert_eq!(browser.count("#name[aria-invalid=true]"), 1);

    browser.go(&site.page("/settings/members"));
    browser.fill("#login", "owner");
    browser.follow("[aria-labelledby=add] .primary");
    assert_eq!(focus(), "problem");
    assert_eq!(tied("#login"), true);

    browser.follow("form[action='/sign-out'] button");
    browser.fill("#login", "owner");
    browser.fill("#password", "not the password");
    browser.follow("main button");
    assert_eq!(focus(), "problem");
    assert_eq!(tied("#password"), true);
}
