use crate::browser::Browser;
use crate::site::Site;
use crate::webdriver::{Window, wait};

const TAB: &str = "\u{E004}";
const ENTER: &str = "\u{E007}";
const ESCAPE: &str = "\u{E00C}";

/// Goes on by the tabulator until this has the focus.
#[track_caller]
fn tab_to(window: &Window, selector: &str) {
    for _ in 0..60 {
        window.press(TAB);
        let there = window.run_with(
            "return document.activeElement !== null && document.activeElement.matches(arguments[0])",
            &[selector.into()],
        );
        if there == true {
            return;
        }
    }
    panic!("no way by the keyboard to {selector} at {}", window.url());
}

#[test]
fn key_is_made_by_the_keyboard_alone() {
    let site = Site::start();
    let browser = Browser::default().start();
    browser.go(&site.page("/sign-in"));
    browser.press("owner");
    tab_to(&browser, "#password");
    browser.press(&site.password);
    browser.leave(|| browser.press(ENTER));

    // The first stop leads past the sidebar.
    browser.press(TAB);
    assert_eq!(browser.run("return document.activeElement.className"), "skip");
    browser.press(ENTER);
    tab_to(&browser, "[data-dialog]");
    browser.press(ENTER);
    browser.find("dialog[open]");
    assert_eq!(browser.run("return document.activeElement.id"), "new-name", "ready to be typed");
    browser.press(ESCAPE);
    wait("the dialog to close", || (browser.count("dialog[open]") == 0).then_some(()));
    browser.press(ENTER);
    assert!(!browser.find("dialog #expires-on").is_shown(), "no day is asked for yet");
    browser.press("by-keyboard");
    tab_to(&browser, "dialog [data-scopes='shield:read shield:write']");
    browser.press(" ");
    let pressed = "dialog [data-scopes='shield:read shield:write'][aria-pressed=true]";
    assert_eq!(browser.count(pressed), 1);
    tab_to(&browser, "dialog form .primary");
    browser.leave(|| browser.press(ENTER));
    assert!(browser.text("#secret").starts_with("tk_live_"));
    tab_to(&browser, "#secret");
    tab_to(&browser, "[data-copy=secret]");
    tab_to(&browser, "#secret-card .primary");
    browser.leave(|| browser.press(ENTER));
    assert_eq!(browser.text("h1"), "by-keyboard");
    assert!(browser.text(".properties").contains("shield:write"));
}
