use crate::axe;
use crate::browser::{Browser, PHONE, Scheme};
use crate::form_client::{Answer, FormClient, key_of, secret_of};
use crate::site::Site;
use crate::tables;

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

/// What would be an element, in a text or in an attribute that is not escaped.
const MARKUP: &str = "\"><b/id=x>";

#[test]
fn markup_is_text_wherever_it_is_shown() {
    let site = Site::start();
    site.operate(&["organizations", "edit", "demo", "--name", MARKUP, "--plan", "developer"]);
    site.operate(&["organizations", "create", MARKUP, "--plan", "free", "--name", MARKUP]);
    site.operate(&["organizations", "create", "last", "--plan", "free", "--name", "Zulu"]);
    for other in [MARKUP, "last"] {
        site.operate(&["members", "add", "owner", "--organization", other, "--role", "owner"]);
    }
    let mut owner = FormClient::signed_in(&site, &site.link);
    assert_eq!(owner.change("/switch", &[("organization", "demo")]).status, 303);
    let made = owner.create(MARKUP, &["shield:read"]);
    let (key, secret) = (key_of(&made.body), secret_of(&made.body));
    keep_what_another_program_wrote(&site);
    let gateway = serde_json::json!({ "name": MARKUP, "region": MARKUP }).to_string();
    let bearer = format!("Bearer {}", site.first_key);
    let headers = [("authorization", &*bearer), ("content-type", "application/json")];
    let registered = owner.call("POST", "/v1/fleet/gateways", &headers, &gateway);
    assert_eq!(registered.status, 201, "{}", registered.body);

    let typed = "%22%3E%3Cb/id%3Dx%3E";
    let name = [("name", MARKUP)];
    let change = |fields: &[(&'static str, &'static str)]| [&name[..], fields].concat();
    let on_day = [("expires", "on"), ("expires_on", MARKUP)];
    let wrong_key = change(&[("environment", MARKUP), ("scope", MARKUP), on_day[0], on_day[1]]);
    let wrong_day = change(&[("scope", "shield:read"), on_day[0], on_day[1]]);
    let revoke = [("confirm", MARKUP), ("reason", MARKUP)];
    let mut with_reason = revoke;
    with_reason[0].1 = &secret[8..16];
    let shown = [
        made,
        owner.create_with(&wrong_key),
        owner.create_with(&[&wrong_key[..], &[("once", MARKUP)]].concat()),
        owner.change(&format!("{key}/edit"), &wrong_day),
        owner.change(&format!("{key}/edit"), &change(&[("scope", MARKUP), ("expires", "keep")])),
        owner.change(&format!("{key}/revoke"), &revoke),
        owner.change("/settings/members", &[("login", MARKUP), ("role", "viewer")]),
        owner.get(&key),
        owner.get(&format!("{key}/edit")),
        owner.get(&format!("{key}/rotate")),
        owner.get(&format!("{key}/revoke")),
        owner.get(ELSEWHERE),
        owner.get("/settings/api-keys"),
        owner.get(&format!("/settings/api-keys?q={typed}")),
        owner.get("/settings/organization"),
        owner.get("/usage"),
        owner.get("/audit"),
        owner.get(&format!("/audit?actor={typed}")),
        owner.get("/fleet"),
    ];
    for answer in shown {
        assert_escaped(&answer);
    }
    assert_eq!(owner.change(&format!("{key}/revoke"), &with_reason).status, 303);
    assert_escaped(&owner.get(&key));
    assert_eq!(owner.change("/switch", &[("organization", MARKUP)]).status, 303);
    assert_escaped(&owner.get("/settings/organization"));
    assert_escaped(&FormClient::new(&site).get(&format!("/sign-in/link?token={typed}")));

    // Of somebody with one organization, whose name stands by itself.
    let alice = ["members", "add", "alice", "--organization", "demo", "--role", "viewer"];
    let mut alice = FormClient::signed_in(&site, &site.operate(&alice));
    assert_escaped(&alice.get("/settings/organization"));
}

#[track_caller]
fn assert_escaped(answer: &Answer) {
    assert!(answer.body.contains("&lt;b/id=x&gt;"), "it is not there: {}", answer.body);
    assert!(!answer.body.contains("<b/id"), "{}", answer.body);
}

/// The page of a key that has what no page and no command of this program lets anybody write.
const ELSEWHERE: &str = "/settings/api-keys/0190a6e4-5b2c-7d3e-8f40-112233445566";

fn keep_what_another_program_wrote(site: &Site) {
    let id = "x'0190a6e45b2c7d3e8f40112233445566'";
    tables::execute(
        site.directory(),
        &format!(
            "INSERT INTO keyfob_keys (id, organization, name, environment, scopes, created_at, created_by) \
             VALUES ({id}, 'demo', 'elsewhere', 'live', '{MARKUP}', 1, '{MARKUP}')"
        ),
    );
    tables::execute(
        site.directory(),
        &format!(
            "INSERT INTO keyfob_secrets (hash, key, generation, hint, created_at) \
             SELECT zeroblob(32), number, 1, 'tk_live_0a1b2c3d', 1 FROM keyfob_keys WHERE id = {id}"
        ),
    );
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
        let answer = owner.create(name, &["shield:read"]);
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
