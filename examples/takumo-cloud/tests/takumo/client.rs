//! A client that says nothing but what a test says, and panics when there is no answer at all.

use std::time::Duration;

use serde_json::Value;
use ureq::http::{HeaderMap, Request};

/// What to call, and with which key.
#[derive(Clone)]
pub(crate) struct Client {
    agent: ureq::Agent,
    base: String,
    key: Option<String>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Client {
    pub(crate) fn new(base: impl Into<String>) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            // A DELETE with a body, which HTTP allows.
            .allow_non_standard_methods(true)
            .timeout_global(Some(Duration::from_secs(30)))
            .build()
            .into();
        Self { agent, base: base.into(), key: None }
    }

    /// The same client with this key.
    pub(crate) fn with_key(&self, key: impl Into<String>) -> Self {
        Self { key: Some(key.into()), ..self.clone() }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.call("GET", path, &[], "")
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, body)
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> Answer {
        self.send("PUT", path, body)
    }

    pub(crate) fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send("PATCH", path, body)
    }

    pub(crate) fn delete(&self, path: &str, body: &Value) -> Answer {
        self.send("DELETE", path, body)
    }

    pub(crate) fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.call(method, path, &[("content-type", "application/json")], &body.to_string())
    }

    pub(crate) fn call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        self.try_call(method, path, headers, body).unwrap()
    }

    /// # Errors
    /// When the server is gone.
    pub(crate) fn try_call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Answer, ureq::Error> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        if let Some(key) = &self.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = match method {
            "GET" => self.agent.run(request.body(()).unwrap()),
            _ => self.agent.run(request.body(body.to_owned()).unwrap()),
        }?;
        let headers = response.headers().clone();
        let status = response.status().as_u16();
        let text = response.body_mut().read_to_string()?;
        assert!(headers.contains_key("x-request-id"), "{method} {path}: no X-Request-Id");
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Answer { status, headers, body })
    }

    /// Does something to a key that needs no more than saying so: `disable`, `revoke`.
    pub(crate) fn act(&self, id: &str, action: &str) -> Answer {
        self.post(&format!("/v1/keys/{id}/{action}"), &serde_json::json!({}))
    }

    pub(crate) fn rotate(&self, id: &str, overlap_seconds: u64) -> Answer {
        let body = serde_json::json!({ "overlap_seconds": overlap_seconds });
        self.post(&format!("/v1/keys/{id}/rotate"), &body)
    }

    /// Makes a key and answers with its id and plaintext.
    pub(crate) fn create_key(&self, environment: &str, scopes: &[&str]) -> (String, String) {
        let body = serde_json::json!({
            "name": "made-by-a-test", "environment": environment, "scopes": scopes,
        });
        let answer = self.post("/v1/keys", &body).expect(201);
        (answer["key"]["id"].text(), answer["api_key"].text())
    }
}

impl Answer {
    /// The body, when the status is this one.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    /// Checks the status, the code and the shape of an error, and answers with its message.
    #[track_caller]
    pub(crate) fn expect_error(self, status: u16, code: &str) -> String {
        assert_eq!(self.status, status, "{}", self.body);
        let error = &self.body["error"];
        assert_eq!(error["code"], code, "{}", self.body);
        assert_eq!(error["request_id"], *self.headers["x-request-id"].to_str().unwrap());
        assert_eq!(self.headers["content-type"], "application/json");
        error["message"].text()
    }
}

/// A JSON string as text.
pub(crate) trait Text {
    fn text(&self) -> String;
}

impl Text for Value {
    #[track_caller]
    fn text(&self) -> String {
        self.as_str().unwrap_or_else(|| panic!("not a string: {self}")).to_owned()
    }
}
