use crate::browser::Browser;
use crate::form_client::status_with_key;
use crate::site::Site;
use crate::webdriver::{Window, wait};

/// The life of a key, as its owner lives it on the pages and a program on the API.
#[test]
fn owner_makes_uses_rotates_and_revokes_a_key() {
    let site = Site::start();
    let browser = Browser::default().start();
    let accepted = |key: &str| status_with_key(&site, "/v1/whoami", key) == 200;

    browser.go(&site.page(&site.link));
    browser.follow("main button");
    assert_eq!(browser.text("h1"), "API Keys");
    assert!(browser.text("#slots").starts_with("1 of 3"), "{}", browser.text("#slots"));

    let first = create(&browser, "cursor-laptop");
    assert!(accepted(&first));
    assert_eq!(browser.text("#secret-export"), format!("export TAKUMO_API_KEY={first}"));
    assert_eq!(browser.text("#secret-dotenv"), format!("TAKUMO_API_KEY={first}"));
    browser.follow("#secret-card .primary");
    assert_eq!(browser.text("h1"), "cursor-laptop");
    let page = browser.url();

    // What is counted is written down within a second or so.
    reload_until(&browser, "last used", |browser| {
        browser.text("ul.secrets").contains("The secret was last used just now")
    });
    assert!(browser.text(".legend").contains("1 accepted"), "{}", browser.text(".legend"));
    browser.go(&site.page("/usage?range=24h"));
    assert!(browser.text("[aria-labelledby=by-key]").contains("cursor-laptop"));
    assert!(browser.text("[aria-labelledby=by-outcome]").contains("Accepted"));

    browser.go(&page);
    browser.follow("a[href$='/rotate']");
    browser.follow("main form button");
    let second = browser.text("#secret");
    assert_ne!(first, second);
    assert!(accepted(&first) && accepted(&second), "both work while they overlap");
    assert!(browser.text("#secret-card").contains("The old secret works on, and retires in 1 day"));
    browser.follow("#secret-card .primary");
    assert!(browser.text(".badges").contains("Rotating"));
    reload_until(&browser, "both used", |browser| {
        let secrets = browser.text("ul.secrets");
        secrets.contains("The secret was last used")
            && secrets.contains("The old secret was last used")
    });

    browser.follow("form[action$='/retire'] button");
    assert!(browser.text(".notice.good").contains("old secret is refused"));
    assert!(!accepted(&first) && accepted(&second));

    browser.follow("form[action$='/disable'] button");
    assert!(!accepted(&second));
    assert!(browser.text(".badges").contains("Disabled"));
    assert!(browser.text("ul.secrets").contains("Refused"), "{}", browser.text("ul.secrets"));
    browser.follow("form[action$='/enable'] button");
    assert!(accepted(&second));

    revoke(&browser, &second, "lost laptop");
    assert!(!accepted(&second));
    let told = browser.text(".notice.bad");
    assert!(told.contains("Revoked") && told.contains("lost laptop"), "{told}");
    assert_eq!(browser.count("section.danger"), 0, "what is revoked can't be changed");
    let secrets = browser.text("ul.secrets");
    assert!(secrets.contains("Refused") && !secrets.contains("Works"), "{secrets}");
    for change in ["edit", "rotate", "revoke"] {
        browser.go(&format!("{}/{change}", page.split('?').next().unwrap()));
        assert!(browser.text("main").contains("The key is revoked, and that is final"), "{change}");
    }

    browser.go(&site.page("/audit"));
    let log = browser.text("main table");
    for said in ["key.created", "key.rotated", "key.retired", "key.revoked", "user:owner"] {
        assert!(log.contains(said), "{said}: {log}");
    }
    browser.go(&site.page("/fleet"));
    assert!(browser.text("[aria-labelledby=nodes]").contains("This one"));
}

/// Makes a key by the dialog, and answers with its plaintext.
pub(crate) fn create(window: &Window, name: &str) -> String {
    window.click("[data-dialog]");
    assert!(window.find("dialog[open]").is_shown());
    window.fill("dialog #new-name", name);
    window.click("dialog a[href$='preset=read-only']");
    window.follow("dialog form .primary");
    window.text("#secret")
}

/// Revokes the key whose page is shown.
fn revoke(window: &Window, key: &str, reason: &str) {
    window.follow("a[href$='/revoke']");
    window.fill("#reason", reason);
    let button = window.find("main form button");
    assert_eq!(button.property("disabled"), true, "the word is not typed yet");
    window.fill("#confirm", &key[8..16]);
    window.follow("main form button");
}

pub(crate) fn reload_until(window: &Window, what: &str, holds: impl Fn(&Window) -> bool) {
    wait(what, || {
        window.reload();
        holds(window).then_some(())
    });
}
