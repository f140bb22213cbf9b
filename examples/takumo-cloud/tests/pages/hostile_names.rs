use crate::axe;
use crate::browser::{Browser, PHONE, Scheme};
use crate::form_client::FormClient;
use crate::site::Site;

/// Names that would do something, in a page that let them.
const NAMES: [&str; 7] = [
    "<script>document.title='owned'</script>",
    "\"><img src=x onerror=\"document.title='owned'\">",
    "'; DROP TABLE takumo_organizations; --",
    "\u{202e}\u{2066}drowssap\u{200f}مفتاح الإنتاج",
    "=HYPERLINK(\"http://evil.example\",\"x\")",
    "&lt;b&gt; &amp; {{7*7}} ${7*7} %s",
    "[31mred[0m \u{1F511}\u{200d}\u{fe0f} Z\u{0351}\u{036b}\u{0343}a\u{0329}lgo",
];

#[test]
fn names_are_shown_as_they_are_and_do_nothing() {
    let site = Site::start();
    site.operate(&["organizations", "edit", "demo", "--plan", "enterprise"]);
    let longest = "é".repeat(255);
    let unbroken = "W".repeat(255);
    let names: Vec<&str> = NAMES.iter().copied().chain([&*longest, &*unbroken]).collect();
    let browser = Browser::default().start();
    site.sign_in(&browser);
    for name in &names {
        browser.click("[data-dialog]");
        // As a person pastes it: WebDriver's own typing has no letters beyond the first plane.
        browser.run_with(
            "document.querySelector('dialog #new-name').value = arguments[0]",
            &[(*name).into()],
        );
        browser.click("dialog input[value='shield:read']");
        browser.follow("dialog form .primary");
        assert!(browser.text("#secret").starts_with("tk_live_"), "{name}");
        browser.go(&site.page("/settings/api-keys"));
    }
    let shown = browser.run(
        "return [...document.querySelectorAll('.key-name .name')].map((name) => name.textContent)",
    );
    let shown: Vec<_> =
        shown.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    for name in &names {
        assert!(shown.contains(name), "{name} is missing: {shown:?}");
    }
    for path in ["/settings/api-keys", "/usage", "/audit"] {
        for (scheme, size) in [(Scheme::Light, crate::browser::DESKTOP), (Scheme::Dark, PHONE)] {
            browser.look(scheme, size);
            browser.go(&site.page(path));
            assert!(!browser.run("return document.title").as_str().unwrap().contains("owned"));
            assert_eq!(
                browser.run("return document.querySelectorAll('main img, main script').length"),
                0
            );
            assert_fits(&browser, path);
            axe::check(&browser, path);
        }
    }
    browser.go(&site.page("/settings/api-keys?q=W"));
    browser.follow(".key-name");
    assert_fits(&browser, "the key's page");
}

#[track_caller]
fn assert_fits(window: &crate::webdriver::Window, what: &str) {
    let beyond = window.run("return document.documentElement.scrollWidth - innerWidth");
    assert!(beyond.as_i64().unwrap() <= 0, "{what} is wider than the window by {beyond}");
}

#[test]
fn names_that_no_line_can_have_are_refused_and_told() {
    let site = Site::start();
    let mut owner = FormClient::signed_in(&site, &site.link);
    for name in ["\u{1b}[31mred", "a\nb", "\0", " ", "", &"x".repeat(256)] {
        let form = owner.get("/settings/api-keys/new").body;
        let (token, once) = (
            crate::form_client::hidden(&form, "form_token"),
            crate::form_client::hidden(&form, "once"),
        );
        let answer = owner.submit(
            "/settings/api-keys",
            &[
                ("form_token", token.as_str()),
                ("once", once.as_str()),
                ("name", name),
                ("environment", "live"),
                ("scope", "shield:read"),
                ("expires", "never"),
                ("expires_on", ""),
            ],
        );
        assert_eq!(answer.status, 400, "{name:?}");
        assert!(answer.body.contains("role=\"alert\""), "{name:?}: {}", answer.body);
    }
}

#[test]
fn name_is_no_formula_in_a_spreadsheet() {
    let site = Site::start();
    let key = site.operate(&[
        "keys",
        "create",
        "--organization",
        "demo",
        "--name",
        "=1+1",
        "--environment",
        "live",
        "--scope",
        "shield:read",
    ]);
    assert_eq!(crate::form_client::status_with_key(&site, "/v1/whoami", &key), 200);
    let mut owner = FormClient::signed_in(&site, &site.link);
    let text = crate::webdriver::wait("the usage", || {
        let text = owner.get("/usage.csv?range=24h").body;
        text.contains("1+1").then_some(text)
    });
    assert!(text.contains(",\"'=1+1\",live,accepted,1\r\n"), "{text}");
}
