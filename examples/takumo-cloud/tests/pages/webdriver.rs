//! A client of W3C's `WebDriver`, as much of it as these tests use: JSON over HTTP to chromedriver.
//!
//! The clients that there are bring about a hundred crates each, and one of these a licence that
//! `deny.toml` does not allow. The protocol is a standard (<https://www.w3.org/TR/webdriver2/>) of
//! which a dozen commands are needed.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use ureq::http::Request;

/// How a reference to an element is named in JSON (`WebDriver`, §11.1).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// How long a condition may take to come true.
const PATIENCE: Duration = Duration::from_secs(20);

/// A window of a browser.
pub(crate) struct Window {
    agent: ureq::Agent,
    session: String,
}

impl Window {
    /// Opens one in the browser that these capabilities ask for.
    pub(crate) fn open(driver: &str, capabilities: &Value) -> Self {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .timeout_global(Some(Duration::from_secs(60)))
            .build()
            .into();
        let body = json!({ "capabilities": { "alwaysMatch": capabilities } });
        let answer = call(&agent, "POST", &format!("{driver}/session"), Some(&body)).unwrap();
        let id = answer["sessionId"].as_str().expect("a session has an id").to_owned();
        Self { agent, session: format!("{driver}/session/{id}") }
    }

    pub(crate) fn go(&self, url: &str) {
        self.post("/url", &json!({ "url": url }));
    }

    pub(crate) fn back(&self) {
        self.post("/back", &json!({}));
    }

    pub(crate) fn forward(&self) {
        self.post("/forward", &json!({}));
    }

    pub(crate) fn reload(&self) {
        self.post("/refresh", &json!({}));
    }

    pub(crate) fn url(&self) -> String {
        self.get("/url").as_str().unwrap().to_owned()
    }

    /// The status of the answer that the page came in.
    pub(crate) fn status(&self) -> u64 {
        let status =
            self.run("return performance.getEntriesByType('navigation')[0].responseStatus");
        status.as_u64().unwrap()
    }

    pub(crate) fn source(&self) -> String {
        self.get("/source").as_str().unwrap().to_owned()
    }

    pub(crate) fn press(&self, keys: &str) {
        let actions: Vec<_> = keys
            .chars()
            .flat_map(|key| {
                ["keyDown", "keyUp"].map(|what| json!({ "type": what, "value": key.to_string() }))
            })
            .collect();
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": actions });
        self.post("/actions", &json!({ "actions": [keyboard] }));
    }

    /// Clicks twice on an element, as fast as a double click.
    pub(crate) fn double_click(&self, selector: &str) {
        let id = self.find(selector).id;
        let origin = json!({ ELEMENT: id });
        let click = [
            json!({ "type": "pointerDown", "button": 0 }),
            json!({ "type": "pointerUp", "button": 0 }),
        ];
        let mut actions =
            vec![json!({ "type": "pointerMove", "duration": 0, "origin": origin, "x": 0, "y": 0 })];
        actions.extend(click.iter().chain(&click).cloned());
        let mouse = json!({ "type": "pointer", "id": "mouse", "actions": actions });
        self.post("/actions", &json!({ "actions": [mouse] }));
    }

    /// Presses Enter in a field and clicks an element at once after it.
    pub(crate) fn enter_and_click(&self, field: &str, selector: &str) {
        self.run_with("document.querySelector(arguments[0]).focus()", &[field.into()]);
        let id = self.find(selector).id;
        let origin = json!({ ELEMENT: id });
        let enter = "\u{E007}";
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": [
            { "type": "pause", "duration": 0 },
            { "type": "keyDown", "value": enter },
            { "type": "keyUp", "value": enter },
        ]});
        let mouse = json!({ "type": "pointer", "id": "mouse", "actions": [
            { "type": "pointerMove", "duration": 0, "origin": origin, "x": 0, "y": 0 },
            { "type": "pointerDown", "button": 0 },
            { "type": "pointerUp", "button": 0 },
        ]});
        self.post("/actions", &json!({ "actions": [keyboard, mouse] }));
    }

    /// What this script returns, in the page.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.run_with(script, &[])
    }

    pub(crate) fn run_with(&self, script: &str, arguments: &[Value]) -> Value {
        self.post("/execute/sync", &json!({ "script": script, "args": arguments }))
    }

    /// What this script's promise comes to.
    pub(crate) fn run_async(&self, script: &str) -> Value {
        let script = format!(
            "const done = arguments[arguments.length - 1]; \
             (async () => {{ {script} }})().then(done, error => done('failed: ' + error));"
        );
        self.post("/execute/async", &json!({ "script": script, "args": [] }))
    }

    /// A command of Chromium's own protocol.
    pub(crate) fn chromium(&self, command: &str, parameters: &Value) -> Value {
        self.post("/goog/cdp/execute", &json!({ "cmd": command, "params": parameters }))
    }

    /// The first element that this CSS selector fits, when there is one.
    pub(crate) fn find(&self, selector: &str) -> Element<'_> {
        let what = json!({ "using": "css selector", "value": selector });
        let found = wait(&format!("{selector} at {}", self.url()), || {
            self.try_post("/element", &what).ok()
        });
        let id = found[ELEMENT].as_str().unwrap().to_owned();
        Element { window: self, id }
    }

    pub(crate) fn count(&self, selector: &str) -> usize {
        let what = json!({ "using": "css selector", "value": selector });
        self.post("/elements", &what).as_array().unwrap().len()
    }

    pub(crate) fn click(&self, selector: &str) {
        self.find(selector).click();
    }

    /// Clicks on what leads to another page, and waits until it is there.
    pub(crate) fn follow(&self, selector: &str) {
        self.leave(|| self.find(selector).click());
    }

    /// Does what leads to another page, and waits until that is there.
    pub(crate) fn leave(&self, how: impl FnOnce()) {
        self.run("window.isTheOldPage = true");
        how();
        wait("the next page", || {
            let script = "return !window.isTheOldPage && document.readyState === 'complete'";
            let there = self.try_post("/execute/sync", &json!({ "script": script, "args": [] }));
            (there == Ok(Value::Bool(true))).then_some(())
        });
    }

    pub(crate) fn fill(&self, selector: &str, text: &str) {
        self.find(selector).fill(text);
    }

    /// Reads the element's text. A page that is replaced between the two calls makes the element
    /// stale: then it is found again.
    #[track_caller]
    pub(crate) fn text(&self, selector: &str) -> String {
        let what = json!({ "using": "css selector", "value": selector });
        let text = wait(&format!("the text of {selector} at {}", self.url()), || {
            let found = self.try_post("/element", &what).ok()?;
            let id = found[ELEMENT].as_str()?;
            self.try_get(&format!("/element/{id}/text")).ok()
        });
        text.as_str().unwrap().to_owned()
    }

    /// Waits until the element's text holds this.
    #[track_caller]
    pub(crate) fn wait_for_text(&self, selector: &str, text: &str) {
        wait(&format!("{text:?} in {selector}"), || {
            self.text(selector).contains(text).then_some(())
        });
    }

    #[track_caller]
    fn get(&self, path: &str) -> Value {
        self.try_get(path).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    fn try_get(&self, path: &str) -> Result<Value, String> {
        call(&self.agent, "GET", &format!("{}{path}", self.session), None)
    }

    #[track_caller]
    fn post(&self, path: &str, body: &Value) -> Value {
        self.try_post(path, body).unwrap_or_else(|error| panic!("{path} {body}: {error}"))
    }

    fn try_post(&self, path: &str, body: &Value) -> Result<Value, String> {
        call(&self.agent, "POST", &format!("{}{path}", self.session), Some(body))
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        // The driver closes what is left when it is stopped.
        let _ = call(&self.agent, "DELETE", &self.session, None);
    }
}

/// An element of the page.
pub(crate) struct Element<'w> {
    window: &'w Window,
    id: String,
}

impl Element<'_> {
    pub(crate) fn click(&self) {
        self.post("click", &json!({}));
    }

    pub(crate) fn property(&self, name: &str) -> Value {
        self.window.get(&format!("/element/{}/property/{name}", self.id))
    }

    pub(crate) fn is_shown(&self) -> bool {
        self.window.get(&format!("/element/{}/displayed", self.id)) == Value::Bool(true)
    }

    pub(crate) fn fill(&self, text: &str) {
        self.post("clear", &json!({}));
        self.post("value", &json!({ "text": text }));
    }

    #[track_caller]
    fn post(&self, what: &str, body: &Value) {
        self.window.post(&format!("/element/{}/{what}", self.id), body);
    }
}

/// Waits until there is a result.
#[track_caller]
pub(crate) fn wait<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(result) = attempt() {
            return result;
        }
        assert!(Instant::now() < until, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn call(
    agent: &ureq::Agent,
    method: &str,
    url: &str,
    body: Option<&Value>,
) -> Result<Value, String> {
    let request = Request::builder().method(method).uri(url);
    let answer = match body {
        Some(body) => {
            let request = request.header("content-type", "application/json");
            agent.run(request.body(body.to_string()).unwrap())
        }
        None => agent.run(request.body(()).unwrap()),
    };
    let mut answer = answer.map_err(|error| error.to_string())?;
    let status = answer.status();
    let body = answer.body_mut().with_config().limit(64 * 1024 * 1024).read_to_string();
    let body = body.map_err(|error| error.to_string())?;
    let body: Value = serde_json::from_str(&body).map_err(|error| format!("{error}: {body}"))?;
    let value = &body["value"];
    if status.is_success() {
        return Ok(value.clone());
    }
    Err(format!("{}: {}", value["error"], value["message"]))
}
