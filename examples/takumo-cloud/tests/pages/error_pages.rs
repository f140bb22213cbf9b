//! Errors as pages: for browsers, with the navigation for a person who is signed in.

use crate::form_client::{Answer, FormClient};
use crate::site::Site;

const HTML: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");

fn is_page(answer: &Answer) -> bool {
    answer.headers["content-type"] == "text/html; charset=utf-8"
}

fn has_navigation(answer: &Answer) -> bool {
    answer.body.contains("aria-label=\"Main\"") && answer.body.contains("href=\"/audit\"")
}

#[test]
fn error_of_a_person_keeps_the_navigation() {
    let site = Site::start();
    let mut owner = FormClient::signed_in(&site, &site.link);
    let key = owner.newest_key();
    let missing = "/settings/api-keys/0190a6e4-5b2c-7d3e-8f40-112233445566";
    let word = "x".repeat(70_000);
    for (answer, status) in [
        (owner.get(missing), 404),
        (owner.get("/settings/nowhere"), 404),
        (owner.call("GET", "/nowhere", &[HTML], ""), 404),
        (owner.get("/audit?cursor=x"), 400),
        (owner.get(&format!("{key}/disable")), 405),
        (owner.submit("/settings/organization", &[]), 403),
        (owner.change("/settings/organization", &[("plan", "no plan")]), 400),
        (owner.change(&format!("{missing}/disable"), &[]), 404),
    ] {
        assert_eq!(answer.status, status, "{}", answer.body);
        assert!(is_page(&answer) && has_navigation(&answer), "{status}: {}", answer.body);
    }
    let answer = owner.change("/settings/organization", &[("name", &word)]);
    assert_eq!(answer.status, 413);
    assert!(is_page(&answer), "{}", answer.body);
    let answer = owner.change("/settings/organization", &[("plan", "no plan")]);
    assert!(
        answer.body.contains("href=\"/settings/organization\">Open the form"),
        "{}",
        answer.body
    );
}

#[test]
fn browser_gets_a_page_for_an_unknown_path_and_a_program_gets_json() {
    let site = Site::start();
    let mut nobody = FormClient::new(&site);
    let page = nobody.call("GET", "/nowhere", &[HTML], "");
    assert_eq!(page.status, 404);
    assert!(is_page(&page) && !has_navigation(&page), "{}", page.body);
    for (path, headers) in
        [("/nowhere", &[][..]), ("/v1/nowhere", &[HTML]), ("/nowhere", &[("accept", "*/*")])]
    {
        let answer = nobody.call("GET", path, headers, "");
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.headers["content-type"], "application/json", "{path}");
        assert!(answer.body.contains("NOT_FOUND"), "{path}: {}", answer.body);
    }
    let answer = nobody.call("POST", "/v1/nowhere", &[], "");
    assert_eq!(answer.status, 404, "{}", answer.body);
}
