use crate::browser::Browser;
use crate::form_client::{FormClient, hidden};
use crate::journey::create;
use crate::site::Site;
use crate::tables;

#[test]
fn limit_is_told_before_anything_is_typed() {
    let site = Site::start();
    let browser = Browser::default().start();
    site.sign_in(&browser);
    for name in ["second", "third"] {
        create(&browser, name);
        browser.go(&site.page("/settings/api-keys"));
    }
    assert!(browser.text("#slots").starts_with("3 of 3"));
    assert_eq!(browser.count("dialog"), 0);
    browser.follow(".page-head .primary");
    assert!(browser.text("main").contains("all are in use"));
    assert_eq!(browser.count("#new-name"), 0, "there is nothing to fill in");

    // A larger plan makes room.
    browser.follow("a[href='/settings/organization'].button");
    browser.click("#plan option[value=developer]");
    browser.follow("main form .primary");
    browser.go(&site.page("/settings/api-keys"));
    assert!(browser.text("#slots").starts_with("3 of 10"));
}

#[test]
fn form_that_was_opened_before_the_limit_makes_no_key_beyond_it() {
    let site = Site::start();
    let mut owner = FormClient::signed_in(&site, &site.link);
    let forms: Vec<_> = (0..3).map(|_| owner.get("/settings/api-keys/new").body).collect();
    let mut statuses = Vec::new();
    for form in &forms {
        let fields = [
            ("form_token", hidden(form, "form_token")),
            ("once", hidden(form, "once")),
            ("name", "one-more".into()),
            ("environment", "live".into()),
            ("scope", "shield:read".into()),
            ("expires", "never".into()),
            ("expires_on", String::new()),
        ];
        let fields: Vec<_> = fields.iter().map(|(name, text)| (*name, text.as_str())).collect();
        let answer = owner.submit("/settings/api-keys", &fields);
        assert_eq!(answer.body.contains("tk_live_"), answer.status == 201);
        statuses.push(answer.status);
    }
    assert_eq!(statuses, [201, 201, 403]);
}

#[test]
fn key_that_has_expired_does_not_come_back_beyond_the_limit() {
    let site = Site::start();
    let mut owner = FormClient::signed_in(&site, &site.link);
    assert_eq!(owner.create("expired", &["shield:read"]).status, 201);
    let expired = owner.newest_key();
    let expire = "UPDATE keyfob_keys SET expires_at = created_at + 1 WHERE name = 'expired'";
    tables::execute(site.directory(), expire);
    for name in ["second", "third"] {
        assert_eq!(owner.create(name, &["shield:read"]).status, 201);
    }
    let revive = [("name", "expired"), ("scope", "shield:read"), ("expires", "never")];
    let answer = owner.change(&format!("{expired}/edit"), &revive);
    assert_eq!(answer.status, 403, "{}", answer.body);
    assert!(owner.get(&expired).body.contains(">Expired</span>"));
}
