use serde_json::Value;

use crate::form_client::FormClient;
use crate::site::Site;
use crate::tables;

/// The cells of the row that has this in it, by their labels.
fn cell(page: &str, row: &str, label: &str) -> String {
    let row = page.split("<tr>").find(|own| own.contains(row)).unwrap_or_else(|| panic!("{page}"));
    let cell = row.split(&format!("data-label=\"{label}\">")).nth(1).unwrap();
    let cell = cell.split("</td>").next().unwrap();
    let texts = cell.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text));
    texts.collect()
}

/// A server that was killed ten minutes ago: it says nothing any more, and has not signed off.
const KILLED: &str = "INSERT INTO keyfob_nodes \
    (id, name, started_at, reported_at, position, staleness_bound, report_interval, mark) \
    SELECT x'0190a6e45b2c7d3e8f40112233445566', 'killed:1', started_at - 7200000000, \
    reported_at - 600000000, 1, 7000000, 1000000, 0 FROM keyfob_nodes";

#[test]
fn figures_of_each_server_are_its_own() {
    let site = Site::start();
    let mut owner = FormClient::signed_in(&site, &site.link);
    // There is one row of a server that has said that it runs.
    crate::webdriver::wait("the server's own report", || {
        owner.get("/fleet").body.contains("This one").then_some(())
    });
    tables::execute(site.directory(), KILLED);

    let page = owner.get("/fleet").body;
    let bearer = format!("Bearer {}", site.first_key);
    let told = owner.call("GET", "/v1/fleet/gateways", &[("authorization", &bearer)], "").body;
    let told: Value = serde_json::from_str(&told).unwrap();
    let told = told["nodes"].as_array().unwrap().iter().find(|node| node["name"] == "killed:1");
    let lag = told.unwrap()["feed_lag"].as_u64().unwrap();
    assert!(lag > 1, "the feed has gone on since");
    assert_eq!(cell(&page, "killed:1", "State"), "Gone");
    assert_eq!(cell(&page, "killed:1", "Lag"), format!("{lag} positions"));
    assert_eq!(cell(&page, "killed:1", "Staleness"), "at most 10 minutes");
    assert_eq!(cell(&page, "killed:1", "Bound"), "7 seconds");
    assert_eq!(cell(&page, "killed:1", "Started"), "2 hours ago");
    assert_eq!(cell(&page, "killed:1", "Last report"), "10 minutes ago");

    let own = "This one";
    assert_eq!(cell(&page, own, "State"), "Live");
    assert_eq!(cell(&page, own, "Lag"), "0 positions");
    assert_eq!(cell(&page, own, "Bound"), "5 seconds");
    let staleness = cell(&page, own, "Staleness");
    assert!(staleness.ends_with(" ms") || staleness.contains("second"), "{staleness}");
}

#[test]
fn gateways_are_those_of_the_organization_in_both_environments() {
    let site = Site::start();
    site.operate(&["organizations", "create", "acme", "--plan", "free"]);
    let mut owner = FormClient::signed_in(&site, &site.link);
    for (organization, environment, name) in
        [("demo", "live", "edge-live"), ("demo", "test", "edge-test"), ("acme", "live", "not-ours")]
    {
        let key = ["--organization", organization, "--environment", environment, "--name", name];
        let key = site.operate(&[&["keys", "create", "--scope", "fleet:write"], &key[..]].concat());
        let bearer = format!("Bearer {key}");
        let headers = [("authorization", &*bearer), ("content-type", "application/json")];
        let body = format!("{{\"name\":\"{name}\",\"region\":\"{environment}-region\"}}");
        assert_eq!(owner.call("POST", "/v1/fleet/gateways", &headers, &body).status, 201);
    }
    let page = owner.get("/fleet").body;
    for environment in ["live", "test"] {
        let row = format!("edge-{environment}");
        assert_eq!(cell(&page, &row, "Environment"), environment);
        assert_eq!(cell(&page, &row, "Region"), format!("{environment}-region"));
    }
    assert!(!page.contains("not-ours"), "{page}");
}
