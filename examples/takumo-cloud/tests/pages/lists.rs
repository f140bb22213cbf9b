//! What the lists show of what there is, and what they say to what they can't make out.

use crate::form_client::FormClient;
use crate::site::Site;
use crate::tables;

/// The names of the keys that a list shows, in its order.
fn names(page: &str) -> Vec<String> {
    let rows = page.split("class=\"key-name\"").skip(1);
    let name = |row: &str| {
        row.split("class=\"name\">").nth(1).unwrap().split('<').next().unwrap().to_owned()
    };
    rows.map(name).collect()
}

/// The address of the next page, if there is one.
fn older(page: &str) -> Option<String> {
    let link = page.split("<a ").find(|link| link.contains(">Older "))?;
    Some(link.split('"').find(|part| part.starts_with('/'))?.replace("&amp;", "&"))
}

fn make(site: &Site, name: &str, environment: &str) -> String {
    let key = ["--organization", "demo", "--name", name, "--environment", environment];
    site.operate(&[&["keys", "create", "--scope", "shield:read"], &key[..]].concat())
}

#[test]
fn keys_are_found_by_name_hint_status_and_environment() {
    let site = Site::start();
    site.operate(&["organizations", "edit", "demo", "--plan", "developer"]);
    let ci = make(&site, "CI-Pipeline", "live");
    make(&site, "staging", "test");
    let mut owner = FormClient::signed_in(&site, &site.link);
    assert_eq!(owner.create("off", &["shield:read"]).status, 201);
    let off = owner.newest_key();
    assert_eq!(owner.change(&format!("{off}/disable"), &[]).status, 303);

    let mut found = |query: &str| names(&owner.get(&format!("/settings/api-keys?{query}")).body);
    assert_eq!(found(""), ["off", "staging", "CI-Pipeline", "first-key"]);
    assert_eq!(found("q=ci-pipe"), ["CI-Pipeline"]);
    assert_eq!(found("q=+CI-PIPELINE+"), ["CI-Pipeline"]);
    assert_eq!(found(&format!("q={}", &ci[8..16])), ["CI-Pipeline"]);
    assert_eq!(found(&format!("q={}", &ci[..16])), ["CI-Pipeline"]);
    assert_eq!(found("status=disabled"), ["off"]);
    assert_eq!(found("status=active&q="), ["staging", "CI-Pipeline", "first-key"]);
    assert_eq!(found("status=revoked"), [""; 0]);
    assert_eq!(found("environment=test&status="), ["staging"]);
    assert_eq!(found("environment=live&status=active&q=first"), ["first-key"]);
    assert_eq!(found("q=%25"), [""; 0], "no sign stands for others");
}

#[test]
fn every_key_is_on_one_page_of_the_list() {
    let site = Site::start();
    site.operate(&["organizations", "edit", "demo", "--plan", "enterprise"]);
    let lines: Vec<String> = (0..60)
        .map(|number| {
            let environment = if number < 29 { "test" } else { "live" };
            format!(
                "{{\"sha256\":\"{number:064x}\",\"name\":\"key-{number:02}\",\
                 \"environment\":\"{environment}\",\"scopes\":[\"shield:read\"]}}\n"
            )
        })
        .collect();
    let file = site.directory().join("keys.jsonl");
    std::fs::write(&file, lines.concat()).unwrap();
    site.operate(&["keys", "import", "--organization", "demo", file.to_str().unwrap()]);
    let mut owner = FormClient::signed_in(&site, &site.link);
    let mut listed = |query: &str| {
        let (mut all, mut pages) = (Vec::new(), 0);
        let mut next = Some(format!("/settings/api-keys?{query}"));
        while let Some(path) = next {
            let answer = owner.get(&path);
            assert_eq!(answer.status, 200, "{path}");
            let shown = names(&answer.body);
            assert!(shown.len() <= 25, "{path}: {}", shown.len());
            all.extend(shown);
            pages += 1;
            assert!(pages < 5, "{path}");
            next = older(&answer.body);
        }
        all.sort();
        (all, pages)
    };
    let all: Vec<_> = (0..60).map(|number| format!("key-{number:02}")).collect();
    let with_first: Vec<_> = ["first-key".into()].into_iter().chain(all.clone()).collect();
    assert_eq!(listed(""), (with_first.clone(), 3));
    assert_eq!(listed("q=KEY-"), (all.clone(), 3));
    assert_eq!(listed("environment=test"), (all[..29].to_vec(), 2));
    assert_eq!(listed("status=active"), (with_first, 3));
    let searched = (all[..29].to_vec(), 2);
    assert_eq!(listed("environment=test&status=active&q=key-"), searched);

    tables::execute(
        site.directory(),
        "UPDATE keyfob_keys SET disabled = 1 WHERE name < 'key-30' AND name LIKE 'key-%'",
    );
    assert_eq!(listed("status=disabled"), (all[..30].to_vec(), 2));
    assert_eq!(listed("status=active&environment=live&q=key-"), (all[30..].to_vec(), 2));
}

#[test]
fn audit_log_is_filtered_by_action_actor_and_key() {
    let site = Site::start();
    let mut owner = FormClient::signed_in(&site, &site.link);
    assert_eq!(owner.create("watched", &["shield:read"]).status, 201);
    let key = owner.newest_key();
    let id = key.rsplit('/').next().unwrap();
    for what in ["disable", "enable"] {
        assert_eq!(owner.change(&format!("{key}/{what}"), &[]).status, 303);
    }
    let mut actions = |query: &str| -> Vec<String> {
        let page = owner.get(&format!("/audit?{query}")).body;
        let rows = page.split("<code class=\"action\">").skip(1);
        rows.map(|row| row.split('<').next().unwrap().to_owned()).collect()
    };
    let of_the_key = ["key.enabled", "key.disabled", "key.created"];
    let of_the_first_run = ["member.added", "key.created", "organization.created"];
    assert_eq!(actions(""), [of_the_key, of_the_first_run].concat());
    assert_eq!(actions("action=key.created"), ["key.created"; 2]);
    assert_eq!(actions("actor=user%3Aowner&action=&key="), of_the_key);
    assert_eq!(actions("actor=first-run"), of_the_first_run);
    assert_eq!(actions(&format!("key={id}")), of_the_key);
    assert_eq!(actions(&format!("key={id}&action=key.disabled")), ["key.disabled"]);
    assert_eq!(actions("action=key.revoked"), [""; 0]);
    assert_eq!(actions("action=of.another_release"), [""; 0]);
}

#[test]
fn every_event_is_on_one_page_of_the_log() {
    let site = Site::start();
    let mut owner = FormClient::signed_in(&site, &site.link);
    let key = owner.newest_key();
    let token = owner.form_token();
    for what in ["disable", "enable"].into_iter().cycle().take(110) {
        let answer = owner.submit(&format!("{key}/{what}"), &[("form_token", &token)]);
        assert_eq!(answer.status, 303);
    }
    let mut numbers = Vec::new();
    let mut next = Some("/audit?action=key.enabled&actor=user%3Aowner".to_owned());
    while let Some(path) = next {
        let page = owner.get(&path).body;
        let enabled = page.matches("<code class=\"action\">key.enabled</code>").count();
        let all = page.matches("<code class=\"action\">").count();
        assert_eq!(enabled, all, "the filter holds on each page");
        numbers.push(all);
        assert!(numbers.len() < 5, "{path}");
        next = older(&page);
    }
    assert_eq!(numbers, [50, 5]);
}

/// Mail programs and campaigns add parameters to links.
#[test]
fn unknown_parameters_are_ignored() {
    let site = Site::start();
    let mut owner = FormClient::signed_in(&site, &site.link);
    for path in [
        "/settings/api-keys",
        "/settings/api-keys/new",
        "/settings/organization",
        "/settings/members",
        "/settings/members/remove?login=owner",
        "/settings/password",
        "/usage",
        "/usage.csv",
        "/audit",
        "/fleet",
        &*owner.newest_key(),
    ] {
        let sign = if path.contains('?') { '&' } else { '?' };
        let answer = owner.get(&format!("{path}{sign}utm_source=mail&fbclid=1"));
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    }
}

#[test]
fn first_page_keeps_the_filters() {
    let site = Site::start();
    site.operate(&["organizations", "edit", "demo", "--plan", "enterprise"]);
    let lines: Vec<String> = (0..30)
        .map(|number| {
            format!(
                "{{\"sha256\":\"{number:064x}\",\"name\":\"key-{number:02}\",\
                 \"environment\":\"test\",\"scopes\":[\"shield:read\"]}}\n"
            )
        })
        .collect();
    let file = site.directory().join("keys.jsonl");
    std::fs::write(&file, lines.concat()).unwrap();
    site.operate(&["keys", "import", "--organization", "demo", file.to_str().unwrap()]);
    let mut owner = FormClient::signed_in(&site, &site.link);
    let first = "/settings/api-keys?q=key-&status=active&environment=test";
    let second = older(&owner.get(first).body).unwrap();
    let page = owner.get(&second).body;
    let link = page.split("<a ").find(|link| link.contains(">First page<")).unwrap();
    let link = link.split('"').find(|part| part.starts_with('/')).unwrap().replace("&amp;", "&");
    assert_eq!(link, first);
}

#[test]
fn what_can_not_be_read_is_refused_on_a_page_that_says_why() {
    let site = Site::start();
    let mut owner = FormClient::signed_in(&site, &site.link);
    for (path, told) in [
        ("/settings/api-keys?status=gone", "Status: "),
        ("/settings/api-keys?environment=staging", "Environment: "),
        ("/settings/api-keys?cursor=x", "Cursor: "),
        ("/settings/api-keys?q=a&q=b", "stands there twice"),
        ("/settings/api-keys/no-id", "id"),
        ("/usage?range=1h", "Range: must be"),
        ("/usage.csv?range=1h", "Range: must be"),
        ("/audit?cursor=x", "Cursor: "),
        ("/sign-in/link", "cut short"),
    ] {
        let answer = owner.get(path);
        assert_eq!(answer.status, 400, "{path}: {}", answer.body);
        assert_eq!(answer.headers["content-type"], "text/html; charset=utf-8", "{path}");
        assert!(answer.body.contains(told), "{path}: {}", answer.body);
        assert!(answer.body.contains("<h1>That did not work</h1>"), "{path}: {}", answer.body);
    }
    let twice = [("name", "a"), ("name", "b"), ("environment", "live"), ("scope", "shield:read")];
    assert_eq!(owner.create_with(&twice).status, 400);
    let unknown = [("name", "a"), ("environment", "live"), ("scope", "org:read"), ("x", "y")];
    assert_eq!(owner.create_with(&unknown).status, 400);
    assert!(!owner.get("/settings/api-keys").body.contains(">a<"));
    let endless = owner.change("/settings/organization", &[("name", &"x".repeat(65_536))]);
    assert_eq!(endless.status, 413);
    assert!(endless.body.contains("at most 65536 bytes"), "{}", endless.body);
}
