use keyfob::Scope as _;

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

/// What has the focus: the name of a field, the value of a box, or else its text.
fn focus(window: &Window) -> String {
    let focus = window.run(
        "const { activeElement: own } = document;
         return own.type === 'checkbox' ? own.value : own.name || own.textContent.trim();",
    );
    focus.as_str().unwrap().to_owned()
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
    browser.press(TAB);
    assert_eq!(focus(&browser), "Create key", "the first stop of the content");
    browser.press(ENTER);
    browser.find("dialog[open]");
    assert_eq!(browser.run("return document.activeElement.id"), "new-name", "ready to be typed");
    let mut stops = Vec::new();
    while stops.len() < 30 && stops.last().is_none_or(|stop| stop != "Cancel") {
        stops.push(focus(&browser));
        browser.press(TAB);
    }
    let boxes = takumo_cloud::takumo::Scope::ALL.iter().map(|scope| scope.name());
    let expected: Vec<&str> = ["name", "environment", "Read-only", "Shield only", "Everything"]
        .into_iter()
        .chain(boxes)
        .chain(["expires", "Create key", "Cancel"])
        .collect();
    assert_eq!(stops, expected, "in the order of the eye");
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
