use crate::browser::Browser;
use crate::form_client::{FormClient, key_of};
use crate::site::Site;

/// A session of a member of this role.
fn member(site: &Site, login: &str, role: &str) -> FormClient {
    let add = ["members", "add", login, "--organization", "demo", "--role", role];
    FormClient::signed_in(site, &site.operate(&add))
}

/// Makes a key with these scopes, and answers with the page that came back.
fn create(client: &mut FormClient, scopes: &[&str]) -> (u16, String) {
    let answer = client.create("made-by-a-test", scopes);
    (answer.status, answer.body)
}

#[test]
fn viewer_sees_everything_and_changes_nothing() {
    let site = Site::start();
    let mut viewer = member(&site, "viewer", "viewer");
    let key = viewer.newest_key();
    let list = viewer.get("/settings/api-keys");
    assert!(list.body.contains("first-key") && !list.body.contains("Create key"), "{}", list.body);
    for path in ["/usage", "/usage.csv", "/audit", "/fleet", "/settings/members", &key] {
        assert_eq!(viewer.get(path).status, 200, "{path}");
    }
    assert_eq!(viewer.get("/settings/api-keys/new").status, 403);
    for what in ["edit", "rotate", "revoke"] {
        assert_eq!(viewer.get(&format!("{key}/{what}")).status, 403, "{what}");
    }

    let token = viewer.form_token();
    let token = ("form_token", token.as_str());
    let changes: [(String, Vec<(&str, &str)>); 12] = [
        (
            "/settings/api-keys".into(),
            vec![
                ("once", "x"),
                ("name", "x"),
                ("environment", "live"),
                ("scope", "shield:read"),
                ("expires", "never"),
                ("expires_on", ""),
            ],
        ),
        (format!("{key}/edit"), vec![("name", "x"), ("expires", "keep")]),
        (format!("{key}/rotate"), vec![("once", "x"), ("overlap", "0")]),
        (format!("{key}/retire"), vec![]),
        (format!("{key}/disable"), vec![]),
        (format!("{key}/enable"), vec![]),
        (format!("{key}/revoke"), vec![("confirm", "x")]),
        ("/settings/organization".into(), vec![("name", "x"), ("plan", "enterprise")]),
        ("/settings/members".into(), vec![("login", "x"), ("role", "owner")]),
        ("/settings/members/role".into(), vec![("login", "viewer"), ("role", "owner")]),
        ("/settings/members/link".into(), vec![("login", "viewer")]),
        ("/settings/members/remove".into(), vec![("login", "viewer")]),
    ];
    for (path, fields) in changes {
        let answer = viewer.submit(&path, &[&[token], &fields[..]].concat());
        assert_eq!(answer.status, 403, "{path}: {}", answer.body);
    }
}

/// The forms and links of a page that lead to a change, but for those of the sidebar.
fn ways_to_change(page: &str) -> Vec<&str> {
    let main = page.split_once("<main").unwrap().1;
    let forms = main.split("<form").skip(1).filter(|form| form.contains("method=\"post\""));
    let forms = forms.map(|form| form.split("action=\"").nth(1).unwrap());
    let links = main.split("<a ").skip(1).map(|link| link.split("href=\"").nth(1).unwrap());
    let paths = forms.chain(links).map(|rest| rest.split('"').next().unwrap());
    let changes = ["/new", "/edit", "/rotate", "/retire", "/disable", "/enable", "/revoke"];
    let leads_to_one = |path: &&str| {
        changes.iter().any(|change| path.ends_with(change))
            || path.starts_with("/settings/members")
            || path == &"/settings/organization"
    };
    paths.filter(leads_to_one).collect()
}

#[test]
fn pages_offer_what_their_reader_may_do_and_nothing_else() {
    let site = Site::start();
    let [mut viewer, mut member, mut admin, mut owner] = ["viewer", "member", "admin", "owner"]
        .map(|role| member(&site, &format!("a-{role}"), role));
    let key = owner.newest_key();
    let of_a_key = ["/edit", "/rotate", "/disable", "/revoke"].map(|what| format!("{key}{what}"));
    let of_a_key: Vec<_> = of_a_key.iter().map(String::as_str).collect();
    let offered = |client: &mut FormClient, path: &str| -> Vec<String> {
        ways_to_change(&client.get(path).body).into_iter().map(str::to_owned).collect()
    };
    let list = "/settings/api-keys";
    assert_eq!(offered(&mut viewer, list), [""; 0]);
    for client in [&mut viewer, &mut member] {
        assert_eq!(offered(client, &key), [""; 0]);
        assert_eq!(offered(client, "/settings/organization"), [""; 0]);
        assert_eq!(offered(client, "/settings/members"), [""; 0]);
    }
    for client in [&mut admin, &mut owner] {
        let mut ways = offered(client, &key);
        ways.sort_by_key(|own| of_a_key.iter().position(|way| own == way));
        assert_eq!(ways, of_a_key);
        assert_eq!(offered(client, "/settings/organization"), ["/settings/organization"]);
    }
    assert!(offered(&mut member, list).contains(&format!("{list}/new")));
    assert_eq!(offered(&mut admin, "/settings/members"), [""; 0]);
    let remove = "/settings/members/remove?login=owner".to_owned();
    assert!(offered(&mut owner, "/settings/members").contains(&remove));

    let revoke = [("confirm", &site.first_key[8..16])];
    assert_eq!(owner.change(&format!("{key}/revoke"), &revoke).status, 303);
    assert_eq!(offered(&mut owner, &key), [""; 0], "what is revoked is past changing");
}

#[test]
fn organization_is_changed_by_admins_and_owners_alone() {
    let site = Site::start();
    for (role, status) in [("viewer", 403), ("member", 403), ("admin", 303), ("owner", 303)] {
        let mut client = member(&site, &format!("a-{role}"), role);
        let change = [("name", "Changed"), ("plan", "free")];
        assert_eq!(client.change("/settings/organization", &change).status, status, "{role}");
    }
}

#[test]
fn member_manages_the_keys_that_they_made_and_no_others() {
    let site = Site::start();
    let mut alice = member(&site, "alice", "member");
    let not_hers = alice.newest_key();
    let (status, page) = create(&mut alice, &["shield:read", "shield:write"]);
    assert_eq!(status, 201, "{page}");
    let hers = key_of(&page);
    for what in ["edit", "rotate", "revoke"] {
        assert_eq!(alice.get(&format!("{hers}/{what}")).status, 200, "{what}");
        assert_eq!(alice.get(&format!("{not_hers}/{what}")).status, 403, "{what}");
    }
    let token = alice.form_token();
    let disabled = |client: &mut FormClient, key: &str, token: &str| {
        client.submit(&format!("{key}/disable"), &[("form_token", token)]).status
    };
    assert_eq!(disabled(&mut alice, &hers, &token), 303);
    assert_eq!(disabled(&mut alice, &not_hers, &token), 403);

    let mut bob = member(&site, "bob", "member");
    let token = bob.form_token();
    assert_eq!(bob.get(&hers).status, 200, "they see it");
    assert_eq!(disabled(&mut bob, &hers, &token), 403);
    let mut carol = member(&site, "carol", "admin");
    let token = carol.form_token();
    assert_eq!(disabled(&mut carol, &hers, &token), 303, "an admin manages every key");
}

#[test]
fn member_gets_no_key_that_manages_keys() {
    let site = Site::start();
    let mut alice = member(&site, "alice", "member");
    let form = alice.get("/settings/api-keys/new").body;
    assert!(form.contains("A member can't grant the scopes"), "{form}");
    let (status, page) = create(&mut alice, &["org:write"]);
    assert_eq!(status, 400);
    assert!(
        page.contains("A member can&#39;t grant org:write")
            || page.contains("can't grant org:write"),
        "{page}"
    );
    assert_eq!(create(&mut alice, &["org:*"]).0, 400);

    // Nor by rotating one of hers that an admin has widened.
    let (_, page) = create(&mut alice, &["shield:read"]);
    let hers = key_of(&page);
    let mut carol = member(&site, "carol", "admin");
    let token = carol.form_token();
    let widen = [
        ("form_token", token.as_str()),
        ("name", "made-by-a-test"),
        ("scope", "shield:read"),
        ("scope", "org:write"),
        ("expires", "keep"),
    ];
    assert_eq!(carol.submit(&format!("{hers}/edit"), &widen).status, 303);
    assert_eq!(alice.get(&format!("{hers}/rotate")).status, 403);
    let rotate = [("once", "x"), ("overlap", "0")];
    assert_eq!(alice.change(&format!("{hers}/rotate"), &rotate).status, 403);

    // Nor may she enable or prolong it.
    let token = carol.form_token();
    assert_eq!(carol.submit(&format!("{hers}/disable"), &[("form_token", &token)]).status, 303);
    let token = alice.form_token();
    assert_eq!(alice.submit(&format!("{hers}/enable"), &[("form_token", &token)]).status, 403);
    for expires in ["never", "1y"] {
        let token = carol.form_token();
        let end = [
            ("form_token", token.as_str()),
            ("name", "made-by-a-test"),
            ("scope", "shield:read"),
            ("scope", "org:write"),
            ("expires", "7d"),
        ];
        assert_eq!(carol.submit(&format!("{hers}/edit"), &end).status, 303);
        let token = alice.form_token();
        let prolong = [
            ("form_token", token.as_str()),
            ("name", "made-by-a-test"),
            ("scope", "shield:read"),
            ("expires", expires),
        ];
        let answer = alice.submit(&format!("{hers}/edit"), &prolong);
        assert_eq!(answer.status, 400, "{expires}: {}", answer.body);
    }

    // She may rename it: the scope that she can't grant stays as it is.
    let token = alice.form_token();
    let rename = [
        ("form_token", token.as_str()),
        ("name", "renamed"),
        ("scope", "shield:read"),
        ("expires", "keep"),
    ];
    assert_eq!(alice.submit(&format!("{hers}/edit"), &rename).status, 303);
    let page = alice.get(&hers).body;
    assert!(page.contains("renamed") && page.contains("org:write"), "{page}");
}

#[test]
fn role_holds_from_the_next_request_on() {
    let site = Site::start();
    let mut alice = member(&site, "alice", "member");
    assert_eq!(alice.get("/settings/api-keys/new").status, 200);
    site.operate(&["members", "set-role", "alice", "viewer", "--organization", "demo"]);
    assert_eq!(alice.get("/settings/api-keys/new").status, 403);
    site.operate(&["members", "remove", "alice", "--organization", "demo"]);
    assert_eq!(alice.get("/settings/api-keys").status, 403);
}

#[test]
fn owner_adds_a_member_who_signs_in_and_there_is_always_an_owner() {
    let site = Site::start();
    let browser = Browser::default().start();
    site.sign_in(&browser);
    browser.go(&site.page("/settings/members"));
    browser.fill("#login", "dora@example.com");
    browser.click("#role option[value=admin]");
    browser.follow("[aria-labelledby=add] .primary");
    let link = browser.text("#link");
    assert!(
        link.starts_with(&site.page("/sign-in/link?token=")),
        "it can be sent as it is: {link}"
    );
    browser.follow("form[action='/settings/members/role'] button");
    assert!(browser.text("main").contains("dora@example.com"));
    assert!(!browser.source().contains(&link), "the link is shown once");

    // `dora` comes before `owner`: the last row is the only owner's own.
    browser.follow("tbody tr:last-child a[href*='/remove']");
    assert!(browser.text("main").contains("owner sees nothing of Demo any more"));
    browser.follow("main form button");
    assert!(browser.text("[role=alert]").contains("needs an owner"));

    // What was typed is there still when it was wrong.
    browser.fill("#login", "no login");
    browser.click("#role option[value=viewer]");
    browser.follow("[aria-labelledby=add] .primary");
    assert!(browser.text("[role=alert]").contains("A login is"));
    assert_eq!(browser.find("#login").property("value"), "no login");
    assert_eq!(browser.find("#role").property("value"), "viewer");

    let mut dora = FormClient::signed_in(&site, &link);
    assert_eq!(dora.get("/settings/organization").status, 200);
    let token = dora.form_token();
    let grab = [("form_token", token.as_str()), ("login", "dora@example.com"), ("role", "owner")];
    assert_eq!(dora.submit("/settings/members/role", &grab).status, 403);
    assert_eq!(dora.get("/settings/members/remove?login=owner").status, 403);

    browser.go(&site.page("/settings/members/remove?login=nobody"));
    assert_eq!(browser.text("h1"), "Not found");
    browser.go(&site.page("/settings/members/remove?login=dora%40example.com"));
    browser.follow("main form button");
    assert_eq!(dora.get("/settings/organization").status, 403, "she was removed");
}

#[test]
fn owner_can_not_become_somebody_of_another_organization() {
    let site = Site::start();
    site.operate(&["organizations", "create", "acme", "--plan", "pro"]);
    let link =
        site.operate(&["members", "add", "eve", "--organization", "acme", "--role", "owner"]);
    let mut eve = FormClient::signed_in(&site, &link);
    let token = eve.form_token();
    let add = [("form_token", token.as_str()), ("login", "owner"), ("role", "viewer")];
    let answer = eve.submit("/settings/members", &add);
    assert_eq!(answer.status, 409, "{}", answer.body);
    assert!(!answer.body.contains("token="), "{}", answer.body);

    // Not even when the operator has made them a member here.
    site.operate(&["members", "add", "owner", "--organization", "acme", "--role", "viewer"]);
    let link = [("form_token", token.as_str()), ("login", "owner")];
    let answer = eve.submit("/settings/members/link", &link);
    assert_eq!(answer.status, 409, "{}", answer.body);
    let _still_good = FormClient::signed_in(&site, &site.link);
}

#[test]
fn nobody_looks_at_an_organization_that_is_not_theirs() {
    let site = Site::start();
    site.operate(&["organizations", "create", "acme", "--plan", "pro"]);
    let mut owner = FormClient::signed_in(&site, &site.link);
    for other in ["acme", "no-such-one"] {
        let answer = owner.change("/switch", &[("organization", other)]);
        assert_eq!(answer.status, 404, "{other}: {}", answer.body);
    }
    assert!(owner.get("/settings/api-keys").body.contains("first-key"));
}

#[test]
fn form_that_was_opened_in_one_organization_changes_nothing_in_another() {
    let site = Site::start();
    site.operate(&["organizations", "create", "acme", "--plan", "pro"]);
    site.operate(&["members", "add", "owner", "--organization", "acme", "--role", "owner"]);
    let mut owner = FormClient::signed_in(&site, &site.link);
    assert_eq!(owner.change("/switch", &[("organization", "demo")]).status, 303);
    let token = owner.form_token();
    assert_eq!(owner.change("/switch", &[("organization", "acme")]).status, 303);
    let rename = [("form_token", token.as_str()), ("name", "Meant for demo"), ("plan", "free")];
    assert_eq!(owner.submit("/settings/organization", &rename).status, 403);
    assert!(!owner.get("/settings/organization").body.contains("Meant for demo"));
}

#[test]
fn organizations_are_apart_and_their_people_switch_between_them() {
    let site = Site::start();
    site.operate(&["organizations", "create", "acme", "--plan", "pro"]);
    site.operate(&["members", "add", "owner", "--organization", "acme", "--role", "viewer"]);
    let browser = Browser::default().start();
    site.sign_in(&browser);
    let names = |window: &crate::webdriver::Window| window.text("main");
    // By name: acme comes first.
    assert!(!names(&browser).contains("first-key"));
    browser.click(".switcher summary");
    browser.follow(".switcher button[value=demo]");
    assert!(names(&browser).contains("first-key"));
    browser.follow(".key-name");
    let page = browser.url();
    browser.click(".switcher summary");
    browser.follow(".switcher button[value=acme]");
    browser.go(&page);
    assert_eq!(browser.text("h1"), "Not found", "another organization's key is none");
}
