//! Takes the pictures of the README, `cargo xtask screenshots`: each page in light and dark, on a
//! desktop and on a phone.

#![allow(clippy::unwrap_used, reason = "whoever takes pictures wants to know why there are none")]
#![allow(dead_code, reason = "the tests of the pages use more of it")]

#[path = "../pages/browser.rs"]
mod browser;
#[path = "../pages/form_client.rs"]
mod form_client;
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
use tour::Tour;

/// What the README shows, or whoever looks for more finds beside it.
const SHOWN: [&str; 8] =
    ["api-keys", "key", "rotate-key", "revoke-key", "usage", "audit", "fleet", "members"];
/// How much of a long page is taken, in pixels.
const HIGHEST: [u64; 2] = [1500, 1700];

fn main() {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/images");
    fs::create_dir_all(&place).unwrap();
    // What is not taken any more shall not stay.
    for entry in fs::read_dir(&place).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "png") {
            fs::remove_file(path).unwrap();
        }
    }
    let Tour { site, browser, stops } = Tour::start();
    let all = std::env::args().any(|argument| argument == "--all");
    for look in looks() {
        let camera = Camera { browser: &browser, place: &place, look };
        for stop in stops.iter().filter(|stop| all || SHOWN.contains(&stop.name)) {
            browser.look(look.scheme, look.size);
            browser.go(&site.page(&stop.path));
            camera.take(stop.name);
        }
    }
    for look in looks() {
        let camera = Camera { browser: &browser, place: &place, look };
        browser.look(look.scheme, look.size);
        browser.go(&site.page("/settings/api-keys"));
        browser.click("[data-dialog]");
        browser.fill("dialog #new-name", "cursor-laptop");
        browser.click("dialog [data-scopes='shield:read shield:write']");
        camera.take_window("create-key");
        browser.follow("dialog form .primary");
        // No plaintext, not even one of a key that never leaves this run, gets into a picture.
        browser.run(
            "for (const line of document.querySelectorAll('.copy-text'))
                 line.textContent = line.textContent.replace(/[0-9a-f]{64}/, '0123456789abcdef'.repeat(4))",
        );
        camera.take("key-created");
    }
    browser.chromium("Network.clearBrowserCookies", &serde_json::json!({}));
    for look in looks() {
        browser.look(look.scheme, look.size);
        browser.go(&site.page("/sign-in"));
        Camera { browser: &browser, place: &place, look }.take_window("sign-in");
    }
}

#[derive(Clone, Copy)]
struct Look {
    name: &'static str,
    scheme: Scheme,
    size: (u32, u32),
    highest: u64,
}

fn looks() -> [Look; 4] {
    let look = |name, scheme, size, highest| Look { name, scheme, size, highest };
    [
        look("light", Scheme::Light, DESKTOP, HIGHEST[0]),
        look("dark", Scheme::Dark, DESKTOP, HIGHEST[0]),
        look("phone-light", Scheme::Light, PHONE, HIGHEST[1]),
        look("phone-dark", Scheme::Dark, PHONE, HIGHEST[1]),
    ]
}

struct Camera<'b> {
    browser: &'b Running,
    place: &'b Path,
    look: Look,
}

impl Camera<'_> {
    /// Takes all of the page, unless it is very long.
    fn take(&self, name: &str) {
        let (width, height) = self.look.size;
        let wanted = self.browser.run("return document.documentElement.scrollHeight");
        let wanted = wanted.as_u64().unwrap().clamp(u64::from(height).min(600), self.look.highest);
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
