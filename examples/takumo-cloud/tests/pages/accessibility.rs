use crate::axe;
use crate::browser::{DESKTOP, PHONE, Scheme};
use crate::tour::Tour;

/// The fields without a label. To axe-core, what stands in an empty field is one.
const UNLABELLED: &str = "
    const fields = [...document.querySelectorAll('input:not([type=hidden], [hidden]), select, textarea')];
    return fields.filter((own) => !own.labels?.length && !own.ariaLabel).map((own) => own.outerHTML);";

#[test]
fn every_page_can_be_used_by_everybody() {
    let tour = Tour::start();
    let Tour { site, browser, stops, .. } = &tour;
    for (scheme, size) in
        [(Scheme::Light, DESKTOP), (Scheme::Dark, DESKTOP), (Scheme::Light, PHONE)]
    {
        browser.look(scheme, size);
        for stop in stops {
            tour.visit(stop);
            let what = format!("{} in {scheme:?} at {size:?}", stop.name);
            axe::check(browser, &what);
            assert_eq!(browser.run(UNLABELLED), serde_json::json!([]), "{what}");
        }
        browser.go(&site.page("/settings/api-keys"));
        browser.click("[data-dialog]");
        axe::check(browser, &format!("the dialog in {scheme:?} at {size:?}"));
        browser.fill("dialog #new-name", "shown-once");
        browser.click("dialog input[value='shield:read']");
        browser.follow("dialog form .primary");
        assert_eq!(browser.status(), 201);
        axe::check(browser, &format!("a key that was made, in {scheme:?} at {size:?}"));
        let log =
            browser.run("return performance.getEntriesByType('resource').map((own) => own.name)");
        for asked in log.as_array().unwrap() {
            assert!(asked.as_str().unwrap().starts_with(&site.url), "{asked} is not of this site");
        }
    }
    for (scheme, size) in [(Scheme::Light, DESKTOP), (Scheme::Dark, PHONE)] {
        browser.look(scheme, size);
        browser.chromium("Network.clearBrowserCookies", &serde_json::json!({}));
        for path in ["/sign-in", &*site.link] {
            browser.go(&site.page(path));
            assert_eq!(browser.status(), 200, "{path}");
            axe::check(browser, path);
        }
    }
}

/// From a small phone to where the layout changes no more, at each side of each change.
#[test]
fn no_page_is_wider_than_its_window() {
    let Tour { site, browser, stops, .. } = Tour::start();
    for stop in &stops {
        browser.go(&site.page(&stop.path));
        for width in [320, 390, 600, 860, 861, 1100, 1101, 1279, 1280] {
            browser.look(Scheme::Light, (width, 900));
            let beyond = browser.run("return document.documentElement.scrollWidth - innerWidth");
            let beyond = beyond.as_i64().unwrap();
            assert!(beyond <= 0, "{} at {width}: wider than the window by {beyond}", stop.name);
        }
    }
}
