use crate::browser::{Browser, Scripts};
use crate::form_client::status_with_key;
use crate::site::Site;

/// All but copying works where no script runs.
#[test]
fn whole_life_of_a_key_needs_no_script() {
    let site = Site::start();
    let browser = Browser { scripts: Scripts::Blocked, ..Browser::default() }.start();
    browser.go(&site.page("/sign-in"));
    browser.fill("#login", "owner");
    browser.fill("#password", &site.password);
    browser.click("main button");
    browser.wait_for_text("h1", "API Keys");

    browser.click(".page-head .primary");
    browser.wait_for_text("h1", "Create key");
    browser.click("a[href$='preset=shield']");
    browser.find("input[value='shield:write']:checked");
    browser.fill("#new-name", "no-scripts");
    assert!(browser.find("#expires-on").is_shown(), "it may be needed");
    browser.click("main form .primary");
    browser.wait_for_text("h1", "Key created");
    let secret = browser.text("#secret");
    assert_eq!(status_with_key(&site, "/v1/whoami", &secret), 200);
    assert!(!browser.find("[data-copy=secret]").is_shown(), "a button that does nothing");

    browser.click("#secret-card .primary");
    browser.wait_for_text("h1", "no-scripts");
    browser.click("a[href$='/edit']");
    browser.fill("#new-name", "renamed");
    assert!(browser.find("#expires-on").is_shown());
    browser.click("main form .primary");
    browser.wait_for_text("h1", "renamed");
    browser.click("a[href$='/rotate']");
    browser.wait_for_text("h1", "Rotate");
    browser.click("main form .primary");
    browser.wait_for_text("h1", "Key rotated");
    let rotated = browser.text("#secret");
    browser.click("#secret-card .primary");
    browser.click("form[action$='/retire'] button");
    browser.wait_for_text(".notice.good", "old secret");
    assert_eq!(status_with_key(&site, "/v1/whoami", &secret), 401);

    browser.click("a[href$='/revoke']");
    browser.wait_for_text("h1", "Revoke");
    browser.fill("#confirm", "wrong");
    browser.click("main form button");
    browser.wait_for_text("[role=alert]", "exactly");
    browser.fill("#confirm", &rotated[8..16]);
    browser.click("main form button");
    browser.wait_for_text(".notice.good", "revoked");
    assert_eq!(status_with_key(&site, "/v1/whoami", &rotated), 401);

    browser.click("a[href='/usage']");
    browser.click("figure summary");
    assert!(browser.find("figure table").is_shown());
    browser.click("form[action='/sign-out'] button");
    browser.wait_for_text("h1", "Sign in");
}
