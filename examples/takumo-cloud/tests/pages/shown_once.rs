use serde_json::json;

use crate::browser::{Browser, Scripts};
use crate::journey::create;
use crate::site::Site;
use crate::storing_proxy;
use crate::webdriver::Window;

/// Everything that a page can reach: its text, its fields, and what the browser keeps for the site.
fn all_that_is_there(window: &Window) -> String {
    let there = window.run_async(
        "const databases = indexedDB.databases ? await indexedDB.databases() : [];
         const caches = window.caches ? await window.caches.keys() : [];
         // Its items are no properties that could be spread.
         const items = (storage) => Object.keys(storage).map((name) => [name, storage.getItem(name)]);
         const fields = [...document.querySelectorAll('input, textarea')].map((own) => own.value);
         return JSON.stringify([document.documentElement.outerHTML, fields, location.href, document.cookie,
             items(localStorage), items(sessionStorage), history.state, window.name, databases, caches]);",
    );
    there.as_str().unwrap().to_owned()
}

#[track_caller]
fn assert_gone(window: &Window, secret: &str, when: &str) {
    let there = all_that_is_there(window);
    for part in [secret, &secret[8..], &secret[20..52]] {
        assert!(!there.contains(part), "{when}: it is there still: {there}");
    }
}

#[test]
fn key_is_in_one_page_and_no_way_leads_back_to_it() {
    let site = Site::start();
    let browser = Browser::default().start();
    site.sign_in(&browser);
    let secret = create(&browser, "ci-pipeline");
    assert!(all_that_is_there(&browser).contains(&secret), "the search finds what is there");
    assert!(!browser.url().contains(&secret[8..16]));
    for storage in ["localStorage", "sessionStorage"] {
        browser.run(&format!("{storage}.setItem('planted', 'in {storage}')"));
        assert!(all_that_is_there(&browser).contains(&format!("in {storage}")), "nor does it miss");
    }

    browser.follow("#secret-card .primary");
    assert_gone(&browser, &secret, "on the next page");
    browser.back();
    assert_gone(&browser, &secret, "after Back");
    browser.forward();
    assert_gone(&browser, &secret, "after Forward");
    browser.go(&site.page("/settings/api-keys"));
    assert_gone(&browser, &secret, "in the list");
    browser.go("about:blank");
    for _ in 0..3 {
        browser.back();
        assert_gone(&browser, &secret, "after Back from another site");
    }
    let entries = browser.chromium("Page.getNavigationHistory", &json!({})).to_string();
    assert!(!entries.contains(&secret[8..]), "{entries}");
}

#[test]
fn reload_makes_no_second_key_and_shows_the_first_no_more() {
    let site = Site::start();
    let browser = Browser::default().start();
    site.sign_in(&browser);
    let secret = create(&browser, "ci-pipeline");
    browser.leave(|| browser.reload());
    assert_eq!(browser.text("h1"), "ci-pipeline");
    assert!(browser.text(".notice").contains("can't be shown again"));
    assert_gone(&browser, &secret, "after a reload");
    browser.go(&site.page("/settings/api-keys"));
    assert!(browser.text("#slots").starts_with("2 of 3"));
}

/// The answer to a form has an address that can be loaded, so Back shows no error of the browser.
#[test]
fn back_to_the_answer_of_a_form_loads_a_page() {
    let site = Site::start();
    let browser = Browser::default().start();
    site.sign_in(&browser);
    create(&browser, "ci-pipeline");
    browser.follow("#secret-card .primary");
    browser.leave(|| browser.back());
    assert_eq!((browser.status(), &*browser.text("h1")), (200, "ci-pipeline"));

    browser.go(&site.page("/settings/members"));
    browser.follow("form[action$='/link'] button");
    browser.follow("a[href='/fleet']");
    browser.leave(|| browser.back());
    assert_eq!((browser.status(), &*browser.text("h1")), (200, "Members"));
}

/// Whether the page that is shown is one that was left with this mark, brought back from memory as it
/// was and not loaded again.
fn is_restored(window: &Window) -> bool {
    window.run("return window.mark === 'left'") == true
}

fn leave_for(window: &Window, url: &str) {
    window.run("window.mark = 'left'");
    window.go(url);
}

#[test]
fn page_with_the_key_is_not_brought_back_from_memory() {
    let site = Site::start();
    let browser = Browser::default().start();
    let proxy = storing_proxy::in_front_of(&site.url);
    browser.go(&format!("{proxy}/sign-in"));
    leave_for(&browser, "about:blank");
    browser.back();
    assert!(is_restored(&browser), "the browser keeps pages in memory, or this shows nothing");

    site.sign_in(&browser);
    let secret = create(&browser, "ci-pipeline");
    leave_for(&browser, &site.page("/fleet"));
    browser.back();
    assert!(!is_restored(&browser));
    assert_gone(&browser, &secret, "after Back");
}

/// It comes back from the disk then, and not from memory.
#[test]
fn page_that_was_stored_against_its_header_forgets_the_key() {
    let site = Site::start();
    let proxy = storing_proxy::in_front_of(&site.url);
    let browser = Browser::default().start();
    // Another browser may find the stored answer by its old address.
    let script = json!({ "source": "history.replaceState = () => {}" });
    browser.chromium("Page.addScriptToEvaluateOnNewDocument", &script);
    browser.go(&format!("{proxy}{}", site.link));
    browser.follow("main button");
    let secret = create(&browser, "ci-pipeline");
    browser.go(&format!("{proxy}/fleet"));
    browser.back();
    assert_eq!(browser.text("h1"), "Key created", "it was stored, or this shows nothing");
    assert_gone(&browser, &secret, "after Back");
    assert!(browser.find("#secret-gone").is_shown());
}

#[test]
fn page_of_somebody_who_has_signed_out_is_not_brought_back() {
    let site = Site::start();
    let browser = Browser::default().start();
    site.sign_in(&browser);
    browser.run("window.mark = 'left'");
    browser.follow("form[action='/sign-out'] button");
    browser.back();
    assert!(!is_restored(&browser));
    assert_eq!(browser.text("h1"), "Sign in");
}

/// Another browser may keep the answer to a form. It says so by this event, which is sent by hand.
#[test]
fn page_that_comes_back_from_memory_has_forgotten_the_key() {
    let site = Site::start();
    let browser = Browser::default().start();
    site.sign_in(&browser);
    for event in ["'pageshow', { persisted: true }", "'pagehide', { persisted: true }"] {
        browser.go(&site.page("/settings/api-keys"));
        let secret = create(&browser, "ci-pipeline");
        browser.run(&format!("dispatchEvent(new PageTransitionEvent({event}))"));
        assert_gone(&browser, &secret, event);
        assert!(browser.find("#secret-gone").is_shown());
    }
}

#[test]
fn page_that_comes_back_from_memory_has_forgotten_the_link_of_a_member() {
    let site = Site::start();
    let browser = Browser::default().start();
    site.sign_in(&browser);
    browser.go(&site.page("/settings/members"));
    browser.fill("#login", "dora");
    browser.follow("[aria-labelledby=add] .primary");
    let link = browser.text("#link");
    let token = link.split_once("token=").unwrap().1;
    assert!(all_that_is_there(&browser).contains(token), "the search finds what is there");
    browser.run("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))");
    assert_gone(&browser, token, "after it came back");
}

#[test]
fn copy_button_copies_the_key() {
    let site = Site::start();
    let browser = Browser::default().start();
    site.sign_in(&browser);
    let permissions = json!({
        "origin": site.url,
        "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"],
    });
    browser.chromium("Browser.grantPermissions", &permissions);
    let secret = create(&browser, "ci-pipeline");
    browser.click("[data-copy=secret-export]");
    browser.wait_for_text("[data-copy=secret-export]", "Copied");
    let copied = browser.run_async("return await navigator.clipboard.readText()");
    assert_eq!(copied, format!("export TAKUMO_API_KEY={secret}"));
}

#[test]
fn without_scripts_the_way_back_shows_no_key_either() {
    let site = Site::start();
    let browser = Browser { scripts: Scripts::Blocked, ..Browser::default() }.start();
    browser.go(&site.page(&site.link));
    browser.click("main button");
    browser.click(".page-head .primary");
    browser.fill("#new-name", "ci-pipeline");
    browser.click("input[value='shield:read']");
    browser.click("main form .primary");
    let secret = browser.text("#secret");
    assert!(secret.starts_with("tk_live_"));
    browser.click("#secret-card .primary");
    browser.wait_for_text("h1", "ci-pipeline");
    assert!(!browser.source().contains(&secret));
    browser.back();
    assert!(!browser.source().contains(&secret), "after Back");
}
