//! A session that ends loses neither the page nor the form.

use crate::browser::{Browser, Scripts};
use crate::form_client::{FormClient, hidden, key_of};
use crate::site::Site;
use crate::tables;

fn end_sessions(site: &Site) {
    tables::make_sessions_older(site.directory(), 31 * 60);
}

#[test]
fn person_comes_back_to_the_page_that_they_asked_for() {
    let site = Site::start();
    let browser = Browser::default().start();
    site.sign_in(&browser);
    end_sessions(&site);
    browser.go(&site.page("/usage?range=24h"));
    browser.fill("#login", "owner");
    browser.fill("#password", &site.password);
    browser.follow("main button");
    end_sessions(&site);
    // A file leads back to the page that links to it, and the sign-in page is not taken for a file.
    browser.follow("a[href^='/usage.csv']");
    assert!(browser.text(".notice").contains("Your session has ended. Sign in to continue."));
    browser.fill("#login", "owner");
    browser.fill("#password", "not the password");
    browser.follow("main button");
    assert!(browser.text("[role=alert]").contains("wrong"));
    browser.fill("#password", &site.password);
    browser.follow("main button");
    assert!(browser.url().ends_with("/usage?range=24h"), "{}", browser.url());
}

#[test]
fn form_that_was_sent_too_late_keeps_its_fields() {
    let site = Site::start();
    for scripts in [Scripts::Run, Scripts::Blocked] {
        let browser = Browser { scripts, ..Browser::default() }.start();
        browser.go(&site.page("/sign-in"));
        browser.fill("#login", "owner");
        browser.fill("#password", &site.password);
        browser.click("main button");
        browser.wait_for_text("h1", "API Keys");
        browser.go(&site.page("/settings/api-keys/new"));
        browser.fill("#new-name", "ci-pipeline");
        browser.click("input[name=environment][value=test]");
        browser.click("input[value='shield:read']");
        browser.click("input[value='audit:read']");
        browser.click("#expires option[value='30d']");
        end_sessions(&site);
        browser.click("main form .primary");
        browser.wait_for_text("h1", "Sign in");
        assert!(browser.text(".notice").contains("Your session has ended. Sign in to continue."));
        browser.fill("#login", "owner");
        browser.fill("#password", &site.password);
        browser.click("main button");
        browser.wait_for_text("h1", "Create key");
        assert!(browser.text(".notice").contains("nothing was changed"));
        assert_eq!(browser.find("#new-name").property("value"), "ci-pipeline");
        assert_eq!(browser.count("input[name=environment][value=test]:checked"), 1);
        assert_eq!(browser.count("input[name=scope]:checked"), 2);
        assert_eq!(browser.find("#expires").property("value"), "30d");
        browser.click("main form .primary");
        browser.wait_for_text("h1", "Key created");
    }
}

/// Signs in with what the page has, and answers with the page that follows.
fn sign_in(client: &mut FormClient, site: &Site, page: &str) -> String {
    let next = hidden(page, "next");
    let mut fields = vec![("login", "owner"), ("password", &*site.password), ("next", &*next)];
    let kept = page.contains("name=\"kept\"").then(|| hidden(page, "kept").replace("&quot;", "\""));
    if let Some(kept) = &kept {
        fields.push(("kept", kept));
    }
    let answer = client.submit("/sign-in", &fields);
    assert_eq!(answer.status, 303, "{}", answer.body);
    let location = answer.headers["location"].to_str().unwrap().to_owned();
    let answer = client.get(&location);
    assert_eq!(answer.status, 200, "{location}: {}", answer.body);
    answer.body
}

#[test]
fn every_form_comes_back_with_what_was_typed() {
    let site = Site::start();
    let mut owner = FormClient::signed_in(&site, &site.link);
    let key = key_of(&owner.create("ci-pipeline", &["shield:read"]).body);
    let edit = format!("{key}/edit");
    let rotate = format!("{key}/rotate");
    let revoke = format!("{key}/revoke");
    let disable = format!("{key}/disable");
    for (path, fields, shown) in [
        (&*edit, &[("name", "renamed"), ("scope", "org:read"), ("expires", "7d")][..], "renamed"),
        (&rotate, &[("overlap", "3d")], "value=\"3d\" selected"),
        (&revoke, &[("reason", "Lost laptop"), ("confirm", "x")], "value=\"Lost laptop\""),
        (&disable, &[], "ci-pipeline"),
        ("/settings/organization", &[("name", "Renamed")], "value=\"Renamed\""),
        ("/settings/members", &[("login", "dora"), ("role", "viewer")], "value=\"dora\""),
        ("/settings/members/remove", &[("login", "owner")], "Members"),
        ("/settings/password", &[("current", "hush"), ("password", "hush")], "Password"),
    ] {
        let token = owner.form_token();
        end_sessions(&site);
        let all = [&[("form_token", &*token)], fields].concat();
        let answer = owner.submit(path, &all);
        assert_eq!(answer.status, 401, "{path}: {}", answer.body);
        assert!(answer.body.contains("Your session has ended."), "{path}: {}", answer.body);
        assert!(!answer.body.contains("hush") && !answer.body.contains(&token), "{}", answer.body);
        let page = sign_in(&mut owner, &site, &answer.body);
        assert!(page.contains("nothing was changed"), "{path}: {page}");
        assert!(page.contains(shown), "{path}: {page}");
    }
    let page = owner.get(&key).body;
    assert!(page.contains("ci-pipeline") && !page.contains("Disabled"), "nothing was changed");
}

#[test]
fn form_of_another_session_keeps_its_fields_too() {
    let site = Site::start();
    let mut owner = FormClient::signed_in(&site, &site.link);
    let fields = [("form_token", "of another session"), ("name", "ci-pipeline")];
    let answer = owner.submit("/settings/api-keys", &fields);
    assert_eq!(answer.status, 403, "{}", answer.body);
    assert!(answer.body.contains("href=\"/settings/api-keys/new\""), "{}", answer.body);
    let page = owner.get("/settings/api-keys/new").body;
    assert!(page.contains("value=\"ci-pipeline\""), "{page}");
    let page = owner.get("/settings/api-keys/new").body;
    assert!(!page.contains("value=\"ci-pipeline\""), "for one look only");
}

#[test]
fn nobody_is_led_to_another_site() {
    let site = Site::start();
    let mut client = FormClient::new(&site);
    for bad in [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example/",
        "/\t/evil.example",
        "/%09/evil.example",
        "/.//evil.example",
        "javascript:alert(1)",
        "/sign-in/link?token=x",
    ] {
        let fields = [("login", "owner"), ("password", &*site.password), ("next", bad)];
        let answer = client.submit("/sign-in", &fields);
        let location = answer.headers["location"].to_str().unwrap();
        assert_eq!((answer.status, location), (303, "/settings/api-keys"), "{bad}");
        let encoded = bad.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
        let answer = client.get(&format!("/sign-in?next={encoded}"));
        assert_eq!(answer.headers["location"], "/settings/api-keys", "{bad}");
        let page = FormClient::new(&site).get(&format!("/sign-in?next={encoded}")).body;
        assert!(!page.contains("evil") && !page.contains("name=\"next\""), "{bad}: {page}");
    }
}

#[test]
fn new_session_begins_in_the_organization_of_the_last_one() {
    let site = Site::start();
    site.operate(&["organizations", "create", "acme", "--plan", "free", "--name", "Acme"]);
    site.operate(&["members", "add", "owner", "--organization", "acme", "--role", "viewer"]);
    let link = || site.operate(&["members", "link", "owner"]);
    let seen = |client: &mut FormClient| {
        let page = client.get("/settings/organization").body;
        page.split("organization-name\"><bdi>")
            .nth(1)
            .unwrap()
            .split('<')
            .next()
            .unwrap()
            .to_owned()
    };
    for (id, name) in [("demo", "Demo"), ("acme", "Acme"), ("demo", "Demo")] {
        let mut owner = FormClient::signed_in(&site, &link());
        assert_eq!(owner.change("/switch", &[("organization", id)]).status, 303);
        assert_eq!(seen(&mut FormClient::signed_in(&site, &link())), name);
    }
    // It is remembered no longer than the person is a member.
    let mut owner = FormClient::signed_in(&site, &link());
    assert_eq!(owner.change("/switch", &[("organization", "acme")]).status, 303);
    site.operate(&["members", "remove", "owner", "--organization", "acme"]);
    assert_eq!(seen(&mut FormClient::signed_in(&site, &link())), "Demo");
}
