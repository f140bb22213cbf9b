//! A browser of its own for each test: Chromium without a screen, driven by chromedriver.

use std::io::{BufRead, BufReader};
use std::ops::Deref;
use std::process::{Child, Command, Stdio};

use serde_json::json;
use tempfile::TempDir;

use crate::webdriver::Window;

/// How the browser is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Browser {
    pub(crate) scheme: Scheme,
    pub(crate) scripts: Scripts,
    pub(crate) size: (u32, u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Light,
    Dark,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scripts {
    Run,
    Blocked,
}

pub(crate) const DESKTOP: (u32, u32) = (1280, 900);
pub(crate) const PHONE: (u32, u32) = (390, 844);

impl Default for Browser {
    fn default() -> Self {
        Self { scheme: Scheme::Light, scripts: Scripts::Run, size: DESKTOP }
    }
}

impl Browser {
    /// Starts it.
    pub(crate) fn start(self) -> Running {
        let driver = Driver::start();
        let profile = tempfile::tempdir().unwrap();
        let mut arguments: Vec<String> = [
            // The tests may run as root, for whom Chromium has no sandbox. It sees these pages only.
            "--no-sandbox",
            "--headless=new",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-quic",
            "--no-first-run",
            "--no-default-browser-check",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-default-apps",
            "--disable-sync",
            "--metrics-recording-only",
            "--no-proxy-server",
            "--hide-scrollbars",
            "--force-device-scale-factor=1",
        ]
        .map(str::to_owned)
        .to_vec();
        arguments.push(format!("--user-data-dir={}", profile.path().display()));
        let blocked = 2;
        let scripts = if self.scripts == Scripts::Blocked { blocked } else { 1 };
        let capabilities = json!({
            "browserName": "chrome",
            "goog:chromeOptions": {
                "binary": program("chromium"),
                "args": arguments,
                "prefs": { "profile.managed_default_content_settings.javascript": scripts },
                // It would keep pages from coming back from memory, which is tested here.
                "excludeSwitches": ["disable-back-forward-cache"],
            },
        });
        let window = Window::open(&driver.url, &capabilities);
        let running = Running { window, driver, profile };
        running.look(self.scheme, self.size);
        running
    }
}

/// A browser that ends when it is dropped, be it by a panic. In this order: its window, its driver,
/// its files.
pub(crate) struct Running {
    window: Window,
    #[allow(dead_code, reason = "it is held to be dropped")]
    driver: Driver,
    #[allow(dead_code, reason = "it is held to be dropped")]
    profile: TempDir,
}

impl Running {
    /// Sets the colours that the person prefers, and the size of what they look at.
    pub(crate) fn look(&self, scheme: Scheme, (width, height): (u32, u32)) {
        let value = if scheme == Scheme::Dark { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": value }]);
        self.chromium("Emulation.setEmulatedMedia", &json!({ "features": features }));
        let mobile = width < 600;
        let metrics = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile,
        });
        self.chromium("Emulation.setDeviceMetricsOverride", &metrics);
    }
}

impl Deref for Running {
    type Target = Window;

    fn deref(&self) -> &Window {
        &self.window
    }
}

/// A chromedriver on a free port.
struct Driver {
    url: String,
    child: Child,
}

impl Driver {
    fn start() -> Self {
        let mut child = Command::new(program("chromedriver"))
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = lines.find_map(|line| {
            let line = line.unwrap();
            let (_, port) = line.split_once("started successfully on port ")?;
            Some(port.trim_end_matches('.').to_owned())
        });
        // What it goes on to say is read, or it would wait for that.
        std::thread::spawn(move || lines.for_each(drop));
        let port = port.expect("chromedriver says on which port it listens");
        Self { url: format!("http://127.0.0.1:{port}"), child }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where a program is that a Debian package brings.
fn program(name: &str) -> String {
    let package = if name == "chromedriver" { "chromium-driver" } else { name };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        std::env::split_paths(&path).map(|place| place.join(name)).find(|own| own.is_file());
    found
        .unwrap_or_else(|| {
            panic!("{name} is not installed: on Debian, `apt-get install {package}`")
        })
        .display()
        .to_string()
}
