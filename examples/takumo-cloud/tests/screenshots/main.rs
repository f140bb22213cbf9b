//! Takes the pictures of the README, `cargo xtask screenshots`, into `docs/images`. With `--all` it takes
//! every page in light and dark, on a desktop and on a phone, into `target/screenshots`, to be looked at.

#![allow(clippy::unwrap_used, reason = "whoever takes pictures wants to know why there are none")]
#![allow(dead_code, reason = "the tests of the pages use more of it")]

#[path = "../pages/browser.rs"]
mod browser;
#[path = "../pages/form_client.rs"]
mod form_client;
mod history;
#[path = "../takumo/place.rs"]
mod place;
#[path = "../pages/site.rs"]
mod site;
#[path = "../pages/tour.rs"]
mod tour;
#[path = "../pages/webdriver.rs"]
mod webdriver;

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use browser::{DESKTOP, PHONE, Running, Scheme};
use history::live_through;
use tour::{Tour, inhabited};

/// What the README shows, or whoever looks for more finds beside it.
const SHOWN: [(&str, &[&str]); 8] = [
    ("api-keys", &["light", "dark", "phone-light", "phone-dark"]),
    ("create-key", &["light", "dark"]),
    ("key-created", &["light", "dark"]),
    ("key", &["light", "dark"]),
    ("usage", &["light", "dark"]),
    ("audit", &["light", "dark"]),
    ("revoke-key", &["light"]),
    ("sign-in", &["light"]),
];

fn main() {
    let all = std::env::args().any(|argument| argument == "--all");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let place = root.join(if all { "target/screenshots" } else { "docs/images" });
    fs::create_dir_all(&place).unwrap();
    // What is not taken any more shall not stay.
    for entry in fs::read_dir(&place).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "png") {
            fs::remove_file(path).unwrap();
        }
    }
    let site = inhabited();
    live_through(&site);
    let tour = Tour::of(site);
    let Tour { site, browser, stops, .. } = &tour;
    for look in looks() {
        let camera = Camera { browser, place: &place, look, all };
        browser.look(look.scheme, look.size);
        // The dialog is taken in the place of the page that there is without a script.
        for stop in stops.iter().filter(|stop| stop.name != "create-key") {
            if camera.wants(stop.name) {
                browser.look(look.scheme, look.size);
                tour.visit(stop);
                camera.take(stop.name);
            }
        }
    }
    for look in looks() {
        let camera = Camera { browser, place: &place, look, all };
        if camera.wants("create-key") {
            browser.look(look.scheme, look.size);
            browser.go(&site.page("/settings/api-keys"));
            browser.click("[data-dialog]");
            browser.click("dialog [data-scopes='shield:read shield:write']");
            browser.fill("dialog #new-name", "release-bot");
            camera.take_window("create-key");
            browser.follow("dialog form .primary");
            assert_eq!(browser.status(), 201);
            // No plaintext, not even one of a key that never leaves this run, gets into a picture.
            browser.run(
                "for (const line of document.querySelectorAll('.copy-text'))
                     line.textContent = line.textContent.replace(/[0-9a-f]{64}/, '0123456789abcdef'.repeat(4))",
            );
            camera.take("key-created");
        }
    }
    browser.chromium("Network.clearBrowserCookies", &serde_json::json!({}));
    for look in looks() {
        let camera = Camera { browser, place: &place, look, all };
        if camera.wants("sign-in") {
            browser.look(look.scheme, look.size);
            browser.go(&site.page("/sign-in"));
            assert_eq!(browser.status(), 200);
            camera.take("sign-in");
        }
    }
}

#[derive(Clone, Copy)]
struct Look {
    name: &'static str,
    scheme: Scheme,
    size: (u32, u32),
    /// How much of a long page is taken, in pixels.
    highest: u64,
}

const LOWEST: u64 = 640;

fn looks() -> [Look; 4] {
    let look = |name, scheme, size, highest| Look { name, scheme, size, highest };
    [
        look("light", Scheme::Light, DESKTOP, 1400),
        look("dark", Scheme::Dark, DESKTOP, 1400),
        look("phone-light", Scheme::Light, PHONE, 1000),
        look("phone-dark", Scheme::Dark, PHONE, 1000),
    ]
}

struct Camera<'b> {
    browser: &'b Running,
    place: &'b Path,
    look: Look,
    all: bool,
}

impl Camera<'_> {
    fn wants(&self, name: &str) -> bool {
        let shown =
            |(own, looks): &(&str, &[&str])| *own == name && looks.contains(&self.look.name);
        self.all || SHOWN.iter().any(shown)
    }

    /// Takes all of the page, unless it is very long.
    fn take(&self, name: &str) {
        let (width, _) = self.look.size;
        // The sidebar is as high as the window, so the window is made low before it is asked.
        self.browser.look(self.look.scheme, (width, u32::try_from(LOWEST).unwrap()));
        let wanted = self.browser.run("return document.documentElement.scrollHeight");
        let wanted = wanted.as_u64().unwrap().clamp(LOWEST, self.look.highest);
        self.browser.look(self.look.scheme, (width, u32::try_from(wanted).unwrap()));
        self.take_window(name);
    }

    /// Takes what the window shows.
    fn take_window(&self, name: &str) {
        let taken = self.browser.chromium("Page.captureScreenshot", &serde_json::json!({}));
        let picture = STANDARD.decode(taken["data"].as_str().unwrap()).unwrap();
        fs::write(self.path(name), picture).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.join(format!("{name}-{}.png", self.look.name))
    }
}
