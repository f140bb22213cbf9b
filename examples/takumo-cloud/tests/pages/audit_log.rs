//! The audit log: how events are found, and how they are taken along as a file.

use crate::browser::Browser;
use crate::form_client::{FormClient, key_of, secret_of};
use crate::site::Site;
use crate::tables;

/// The actions that a page of the log shows.
fn actions(client: &mut FormClient, query: &str) -> Vec<String> {
    let answer = client.get(&format!("/audit?{query}"));
    assert_eq!(answer.status, 200, "{query}: {}", answer.body);
    let rows = answer.body.split("<code class=\"action\">").skip(1);
    rows.map(|row| row.split('<').next().unwrap().to_owned()).collect()
}

#[test]
fn people_are_found_by_a_part_of_their_login() {
    let site = Site::start();
    let mut owner = FormClient::signed_in(&site, &site.link);
    assert_eq!(
        owner.change("/settings/members", &[("login", "dora"), ("role", "owner")]).status,
        201
    );
    let mut dora = FormClient::signed_in(&site, &site.operate(&["members", "link", "dora"]));
    assert_eq!(dora.create("hers", &["shield:read"]).status, 201);
    assert_eq!(owner.create("mine", &["shield:read"]).status, 201);

    let both = ["key.created", "key.created", "member.added"];
    assert_eq!(actions(&mut owner, "actor=dora"), ["key.created"]);
    assert_eq!(actions(&mut owner, "actor=user:dora"), ["key.created"]);
    assert_eq!(actions(&mut owner, "actor=+OWN+"), ["key.created", "member.added"]);
    assert_eq!(actions(&mut owner, "actor=o"), both, "both logins have an o");
    assert!(!actions(&mut owner, "actor=first-run").is_empty());
    assert_eq!(actions(&mut owner, "actor=unknown-person"), [""; 0]);
    let page = owner.get("/audit").body;
    assert!(page.contains("<option value=\"dora\">"), "{page}");

    // A person who is no member any more is found still.
    assert_eq!(owner.change("/settings/members/remove", &[("login", "dora")]).status, 303);
    assert_eq!(actions(&mut owner, "actor=dora"), ["key.created"]);
}

#[test]
fn keys_are_found_by_name_first_digits_id_and_as_a_whole() {
    let site = Site::start();
    let mut owner = FormClient::signed_in(&site, &site.link);
    let page = owner.create("ci-pipeline", &["shield:read"]).body;
    let secret = secret_of(&page);
    let key = key_of(&page);
    let id = key.rsplit('/').next().unwrap();
    assert_eq!(owner.change(&format!("{key}/disable"), &[]).status, 303);
    let all = ["key.disabled", "key.created"];
    for text in ["ci-pipeline", "PIPE", id, &secret[..16], &secret[8..14]] {
        assert_eq!(actions(&mut owner, &format!("key={text}")), all, "{text}");
    }
    assert_eq!(actions(&mut owner, "key=pipe&action=key.created&actor=own"), ["key.created"]);

    let answer = owner.change("/audit", &[("key", &secret), ("actor", "owner"), ("from", "")]);
    let location = answer.headers["location"].to_str().unwrap();
    assert_eq!((answer.status, location), (303, &*format!("/audit?actor=owner&key={id}")));
    let answer = owner.change("/audit", &[("key", &format!("tk_live_{}", "0a".repeat(32)))]);
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("belongs to no key here"), "{}", answer.body);
    assert!(!answer.body.contains("0a0a0a0a0a"), "{}", answer.body);
    assert_eq!(owner.get(&format!("/audit?key={secret}")).status, 400);
}

#[test]
fn filter_that_can_not_be_read_is_an_error_at_its_field() {
    let site = Site::start();
    let mut owner = FormClient::signed_in(&site, &site.link);
    for (query, field, text) in [
        ("key=no-such-key", "key", "No key has this name"),
        ("actor=%07", "actor", "The name "),
        ("action=revoked", "action", "two words"),
        ("from=yesterday", "from", "Choose a day"),
        ("to=2026-02-30", "to", "Choose a day"),
        ("from=2026-02-01&to=2026-01-01", "to", "must not be before"),
    ] {
        let answer = owner.get(&format!("/audit?{query}"));
        assert_eq!(answer.status, 400, "{query}: {}", answer.body);
        let link = format!("href=\"#{field}\"");
        assert!(answer.body.contains(text) && answer.body.contains(&link), "{}", answer.body);
        let field = answer.body.split(&format!("id=\"{field}\"")).nth(1).unwrap();
        let field = field.split('>').next().unwrap();
        assert!(field.contains("aria-invalid=\"true\""), "{query}: {field}");
        assert!(field.contains("aria-describedby=\"problem\""), "{query}: {field}");
    }
}

/// Dates the events of one action.
fn date(site: &Site, action: &str, day: &str) {
    let trigger = "DROP TRIGGER IF EXISTS keyfob_events_are_not_updated";
    tables::execute(site.directory(), trigger);
    let sql = format!(
        "UPDATE keyfob_events SET at = CAST(strftime('%s', '{day}') AS INTEGER) * 1000000 + 1 \
         WHERE action = '{action}'"
    );
    tables::execute(site.directory(), &sql);
}

#[test]
fn events_are_found_by_day() {
    let site = Site::start();
    let mut owner = FormClient::signed_in(&site, &site.link);
    // In the order of the log.
    for (action, day) in [
        // Within the time by which clocks may differ.
        ("organization.created", "2026-01-30 23:30:00"),
        ("key.created", "2026-01-31"),
        ("member.added", "2026-02-01"),
    ] {
        date(&site, action, day);
    }
    let first = "organization.created";
    let second = "key.created";
    let third = "member.added";
    assert_eq!(actions(&mut owner, ""), [third, second, first]);
    assert_eq!(actions(&mut owner, "from=2026-01-31"), [third, second]);
    assert_eq!(actions(&mut owner, "to=2026-01-31"), [second, first]);
    assert_eq!(actions(&mut owner, "from=2026-01-31&to=2026-01-31"), [second]);
    assert_eq!(actions(&mut owner, "from=2026-02-02"), [""; 0]);
    assert_eq!(actions(&mut owner, "to=2026-02-01&action=key.created&actor=first-run"), [second]);
}

#[test]
fn whole_log_is_taken_along_as_a_file() {
    let site = Site::start();
    let mut owner = FormClient::signed_in(&site, &site.link);
    let page = owner.create("=1+1", &["shield:read"]).body;
    let key = key_of(&page);
    let id = key.rsplit('/').next().unwrap();
    let token = owner.form_token();
    // More than two pages of the store.
    for what in ["disable", "enable"].into_iter().cycle().take(420) {
        let answer = owner.submit(&format!("{key}/{what}"), &[("form_token", &token)]);
        assert_eq!(answer.status, 303);
    }
    let csv = owner.get(&format!("/audit.csv?key={id}"));
    assert_eq!(csv.headers["content-type"], "text/csv; charset=utf-8");
    assert_eq!(csv.headers["content-disposition"], "attachment; filename=\"audit.csv\"");
    let lines: Vec<_> = csv.body.lines().collect();
    assert_eq!(lines.len(), 422);
    assert_eq!(lines[0], "id,at,action,actor,key_id,key_name,request_id,details");
    assert!(lines[1].contains(",key.enabled,user:owner,") && lines[1].contains("\"'=1+1\""));
    assert!(lines[421].contains(",key.created,") && lines[421].contains("\"{\"\"environment"));
    assert!(!csv.body.contains(&secret_of(&page)[8..]));

    let lines = owner.get("/audit.jsonl?action=key.disabled&actor=owner").body;
    assert_eq!(lines.lines().count(), 210);
    let mut ids: Vec<u64> = lines
        .lines()
        .map(|line| {
            let event: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(event["action"], "key.disabled");
            assert_eq!(event["key_id"], id);
            event["id"].as_str().unwrap().parse().unwrap()
        })
        .collect();
    ids.dedup();
    assert!(ids.len() == 210 && ids.is_sorted_by(|one, next| one > next));

    assert_eq!(owner.get("/audit.csv?key=no-such-key").status, 400);
    let nobody = FormClient::new(&site).get("/audit.csv");
    assert_eq!(nobody.status, 303);
}

#[test]
fn filter_of_the_page_is_kept_in_its_address_and_in_the_files() {
    let site = Site::start();
    let browser = Browser::default().start();
    site.sign_in(&browser);
    browser.go(&site.page("/audit"));
    browser.fill("#actor", "first-run");
    browser.fill("#key", "first-key");
    browser.follow(".filters button");
    assert!(browser.url().ends_with("/audit?actor=first-run&key=first-key"), "{}", browser.url());
    assert_eq!(browser.count("main tbody tr"), 1);
    let link = browser.find("a[href^='/audit.csv']").property("href");
    assert!(link.as_str().unwrap().ends_with("/audit.csv?actor=first-run&key=first-key"));
}
