use crate::form_client::{FormClient, hidden, key_of, secret_of, status_with_key};
use crate::site::Site;
use crate::webdriver::wait;

/// Makes a key, and answers with its path and its plaintext.
fn made(owner: &mut FormClient) -> (String, String) {
    let page = owner.create("to-rotate", &["shield:read"]).body;
    (key_of(&page), secret_of(&page))
}

fn rotate(owner: &mut FormClient, key: &str, overlap: &str) -> (u16, String) {
    let once = hidden(&owner.get(&format!("{key}/rotate")).body, "once");
    let fields = [("once", once.as_str()), ("overlap", overlap)];
    let answer = owner.change(&format!("{key}/rotate"), &fields);
    (answer.status, answer.body)
}

#[test]
fn old_secret_works_for_as_long_as_was_chosen() {
    let site = Site::start();
    site.operate(&["organizations", "edit", "demo", "--plan", "developer"]);
    let mut owner = FormClient::signed_in(&site, &site.link);
    for (overlap, told) in [
        ("1h", "Retires <time"),
        ("24h", "in 1 day</time>"),
        ("3d", "in 3 days</time>"),
        ("7d", "in 7 days</time>"),
    ] {
        let (key, old) = made(&mut owner);
        let (status, page) = rotate(&mut owner, &key, overlap);
        assert_eq!(status, 201, "{page}");
        assert_eq!(status_with_key(&site, "/v1/whoami", &old), 200, "{overlap}");
        assert_eq!(status_with_key(&site, "/v1/whoami", &secret_of(&page)), 200, "{overlap}");
        let page = owner.get(&key).body;
        let retires = page.split("Retires ").nth(1).unwrap().split("</span>").next().unwrap();
        assert!(format!("Retires {retires}").contains(told), "{overlap}: {retires}");
        if overlap == "1h" {
            assert!(
                retires.contains("in 1 hour<") || retires.contains("in 59 minutes<"),
                "{retires}"
            );
        }
    }

    let (key, old) = made(&mut owner);
    let (status, page) = rotate(&mut owner, &key, "0");
    assert_eq!(status, 201, "{page}");
    assert_eq!(status_with_key(&site, "/v1/whoami", &old), 401, "it has leaked");
    assert_eq!(status_with_key(&site, "/v1/whoami", &secret_of(&page)), 200);
    for other in ["2h", "-1", ""] {
        assert_eq!(rotate(&mut owner, &key, other).0, 400, "{other}");
    }
}

#[test]
fn rotation_that_is_sent_again_makes_no_other_secret() {
    let site = Site::start();
    let mut owner = FormClient::signed_in(&site, &site.link);
    let (key, _) = made(&mut owner);
    let once = hidden(&owner.get(&format!("{key}/rotate")).body, "once");
    let fields = [("once", once.as_str()), ("overlap", "0")];
    let new = secret_of(&owner.change(&format!("{key}/rotate"), &fields).body);
    let again = owner.change(&format!("{key}/rotate"), &fields);
    assert_eq!(again.status, 200);
    assert!(again.body.contains("shown already") && !again.body.contains("TAKUMO_API_KEY"));
    assert_eq!(status_with_key(&site, "/v1/whoami", &new), 200, "it is the newest still");
}

#[test]
fn key_that_rotates_is_not_rotated_again() {
    let site = Site::start();
    let mut owner = FormClient::signed_in(&site, &site.link);
    let (key, old) = made(&mut owner);
    let form = owner.get(&format!("{key}/rotate")).body;
    let (status, page) = rotate(&mut owner, &key, "24h");
    assert_eq!(status, 201);
    let page_of_key = owner.get(&key).body;
    assert!(page_of_key.contains("The new secret has not been used yet"), "{page_of_key}");
    let form_of_key = owner.get(&format!("{key}/rotate")).body;
    assert!(form_of_key.contains("create another key"), "{form_of_key}");
    assert_eq!(status_with_key(&site, "/v1/whoami", &secret_of(&page)), 200);
    wait("the use of the new secret to be written down", || {
        owner.get(&key).body.contains("The secret was last used").then_some(())
    });
    let page = owner.get(&format!("{key}/rotate")).body;
    assert!(page.contains("two secrets already") && !page.contains("name=\"overlap\""), "{page}");
    let once = format!("{}x", &hidden(&form, "once")[1..]);
    let fields = [("once", once.as_str()), ("overlap", "0")];
    let answer = owner.change(&format!("{key}/rotate"), &fields);
    assert_eq!(answer.status, 409, "{}", answer.body);
    assert_eq!(status_with_key(&site, "/v1/whoami", &old), 200);
}
