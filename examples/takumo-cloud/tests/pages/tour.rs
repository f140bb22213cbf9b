//! Every page, with something on it: for accessibility and for the pictures of the README.

use crate::browser::Browser;
use crate::form_client::status_with_key;
use crate::site::Site;
use crate::webdriver::{Window, wait};

/// A stop of the tour: its name and its path.
pub(crate) struct Stop {
    pub(crate) name: &'static str,
    pub(crate) path: String,
}

/// An organization as it may look after a while, with the browser signed in.
pub(crate) struct Tour {
    pub(crate) site: Site,
    pub(crate) browser: crate::browser::Running,
    pub(crate) stops: Vec<Stop>,
    /// The keys' names, with the paths of their pages.
    paths: Vec<(String, String)>,
}

/// Name, environment, scopes.
pub(crate) const KEYS: [(&str, &str, &[&str]); 6] = [
    ("ci-pipeline", "live", &["shield:write"]),
    ("cursor-laptop", "live", &["shield:*", "policy:read"]),
    ("grafana-dashboard", "live", &["fleet:read", "audit:read"]),
    ("staging-gateway", "test", &["fleet:*"]),
    ("nightly-scan", "live", &["shield:*", "policy:*", "audit:read"]),
    ("old-laptop", "live", &["shield:read"]),
];

impl Tour {
    /// One whose keys were all made, used and changed just now.
    pub(crate) fn start() -> Self {
        let site = inhabited();
        let keys: Vec<_> = KEYS.iter().map(|key| made(&site, key)).collect();
        let tour = Self::of(site);
        use_them(&tour.site, &keys);
        let rotate = ["rotate", "--overlap", "24h"];
        for (what, name) in [
            (&rotate[..], "cursor-laptop"),
            (&["disable"], "grafana-dashboard"),
            (&["revoke"], "old-laptop"),
        ] {
            let key = ["--organization", "demo", tour.id(name)];
            tour.site.operate(&[&["keys"], what, &key[..]].concat());
        }
        usage_is_there(&tour.site, &tour.browser);
        tour
    }

    /// One through a site that has the keys of [`KEYS`].
    pub(crate) fn of(site: Site) -> Self {
        let browser = Browser::default().start();
        site.sign_in(&browser);
        browser.go(&site.page("/settings/api-keys"));
        browser.click(".switcher summary");
        browser.follow(".switcher button[value=demo]");
        let paths = paths(&browser);
        let path = |name: &str| {
            let found = paths.iter().find(|(own, _)| own == name);
            found.unwrap_or_else(|| panic!("{name} is missing: {paths:?}")).1.clone()
        };
        let stops = [
            ("api-keys", "/settings/api-keys".into()),
            ("create-key", "/settings/api-keys/new?preset=shield".into()),
            ("edit-key", format!("{}/edit", path("ci-pipeline"))),
            ("rotate-key", format!("{}/rotate", path("ci-pipeline"))),
            ("revoke-key", format!("{}/revoke", path("cursor-laptop"))),
            ("key", path("cursor-laptop")),
            ("disabled-key", path("grafana-dashboard")),
            ("revoked-key", path("old-laptop")),
            ("no-such-keys", "/settings/api-keys?q=nothing".into()),
            ("usage", "/usage?range=30d".into()),
            ("audit", "/audit".into()),
            ("fleet", "/fleet".into()),
            ("members", "/settings/members".into()),
            ("remove-member", "/settings/members/remove?login=bob%40example.com".into()),
            ("organization", "/settings/organization".into()),
            ("password", "/settings/password".into()),
            ("not-found", "/settings/nothing".into()),
        ];
        let stops = stops.into_iter().map(|(name, path)| Stop { name, path }).collect();
        Self { site, browser, stops, paths }
    }

    /// Goes to a stop, which must be there: a picture of an error shows nothing, and nobody is kept out
    /// of one either.
    pub(crate) fn visit(&self, stop: &Stop) {
        self.browser.go(&self.site.page(&stop.path));
        let status = self.browser.status();
        assert_eq!(status, if stop.name == "not-found" { 404 } else { 200 }, "{}", stop.path);
    }

    /// The id of the key of this name.
    fn id(&self, name: &str) -> &str {
        let found = self.paths.iter().find(|(own, _)| own == name);
        found.and_then(|(_, path)| path.rsplit('/').next()).unwrap()
    }
}

/// An organization with a plan, its people, and another one to switch to.
pub(crate) fn inhabited() -> Site {
    let site = Site::start();
    site.operate(&["organizations", "edit", "demo", "--plan", "developer"]);
    site.operate(&["organizations", "create", "acme", "--plan", "free", "--name", "Acme"]);
    site.operate(&["members", "add", "owner", "--organization", "acme", "--role", "viewer"]);
    for (login, role) in [("alice@example.com", "admin"), ("bob@example.com", "member")] {
        site.operate(&["members", "add", login, "--organization", "demo", "--role", role]);
    }
    site
}

fn made(site: &Site, (name, environment, scopes): &(&str, &str, &[&str])) -> String {
    let mut arguments = vec![
        "keys",
        "create",
        "--organization",
        "demo",
        "--name",
        name,
        "--environment",
        environment,
        "--expires-in",
        "90d",
    ];
    for scope in *scopes {
        arguments.extend(["--scope", scope]);
    }
    site.operate(&arguments)
}

/// The names of the keys on the list, with the paths of their pages.
fn paths(window: &Window) -> Vec<(String, String)> {
    let links = window.run(
        "return [...document.querySelectorAll('.key-name')].map((own) => [own.textContent, own.pathname])",
    );
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    links.as_array().unwrap().iter().map(|link| (text(&link[0]), text(&link[1]))).collect()
}

fn use_them(site: &Site, keys: &[String]) {
    for (place, key) in keys.iter().enumerate() {
        for _ in 0..=(place * 3 % 7) {
            status_with_key(site, "/v1/whoami", key);
            status_with_key(site, "/v1/policies", key);
        }
    }
}

fn usage_is_there(site: &Site, window: &Window) {
    wait("usage", || {
        window.go(&site.page("/usage?range=24h"));
        window.text("main").contains("nightly-scan").then_some(())
    });
}
