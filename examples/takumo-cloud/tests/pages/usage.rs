use crate::form_client::{FormClient, status_with_key};
use crate::site::Site;
use crate::webdriver::wait;

#[test]
fn figures_of_the_chart_the_table_and_the_file_are_the_same() {
    let site = Site::start();
    for _ in 0..3 {
        status_with_key(&site, "/v1/whoami", &site.first_key);
    }
    let mut owner = FormClient::signed_in(&site, &site.link);
    let page = wait("usage", || {
        let page = owner.get("/usage?range=24h").body;
        page.contains("3 accepted").then_some(page)
    });
    assert_eq!(
        page.matches("<td class=\"number\">3</td>").count(),
        3,
        "chart, key, outcome: {page}"
    );
    for range in ["24h", "7d", "30d", "12m"] {
        let page = owner.get(&format!("/usage?range={range}")).body;
        assert!(page.contains("3 accepted"), "{range}: {page}");
        let file = owner.get(&format!("/usage.csv?range={range}")).body;
        assert!(file.contains(",first-key,live,accepted,3\r\n"), "{range}: {file}");
    }
}
