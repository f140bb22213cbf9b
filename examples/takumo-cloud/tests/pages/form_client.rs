//! A client of HTTP that fills in forms: what a browser would not let an attacker do.

use std::time::Duration;

use ureq::http::{HeaderMap, Request};

use crate::site::Site;

/// A client with cookies of its own, which says what a browser says of its requests unless told
/// otherwise.
pub(crate) struct FormClient {
    agent: ureq::Agent,
    base: String,
    /// The `Cookie` header.
    pub(crate) cookie: Option<String>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl FormClient {
    pub(crate) fn new(site: &Site) -> Self {
        Self::at(&site.url)
    }

    pub(crate) fn at(url: &str) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_global(Some(Duration::from_secs(30)))
            .build()
            .into();
        Self { agent, base: url.to_owned(), cookie: None }
    }

    /// One who is signed in by a link.
    pub(crate) fn signed_in(site: &Site, link: &str) -> Self {
        let mut client = Self::new(site);
        let token = link.split_once("token=").unwrap().1;
        let answer = client.submit("/sign-in/link", &[("token", token)]);
        assert_eq!(answer.status, 303, "{}", answer.body);
        client
    }

    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.call("GET", path, &[], "")
    }

    /// Sends a form as a page of the site would.
    pub(crate) fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.submit_as(path, fields, &[("sec-fetch-site", "same-origin")])
    }

    pub(crate) fn submit_as(
        &mut self,
        path: &str,
        fields: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Answer {
        let pairs: Vec<_> =
            fields.iter().map(|(name, text)| format!("{name}={}", encoded(text))).collect();
        let form = ("content-type", "application/x-www-form-urlencoded");
        self.call("POST", path, &[&[form], headers].concat(), &pairs.join("&"))
    }

    /// The token of this session's forms.
    pub(crate) fn form_token(&mut self) -> String {
        let page = self.get("/settings/password");
        hidden(&page.body, "form_token")
    }

    fn call(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", cookie);
        }
        let answer = match method {
            "GET" => self.agent.run(request.body(()).unwrap()),
            _ => self.agent.run(request.body(body.to_owned()).unwrap()),
        };
        let mut answer = answer.unwrap();
        let headers = answer.headers().clone();
        if let Some(cookie) = headers.get("set-cookie") {
            let cookie = cookie.to_str().unwrap().split(';').next().unwrap();
            self.cookie = Some(cookie.to_owned()).filter(|cookie| !cookie.ends_with('='));
        }
        let (status, body) =
            (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap());
        Answer { status, headers, body }
    }
}

/// The value of a hidden field of a page.
#[track_caller]
pub(crate) fn hidden(page: &str, name: &str) -> String {
    let field = page.split(&format!("name=\"{name}\" value=\"")).nth(1);
    let field = field.unwrap_or_else(|| panic!("no field {name}: {page}"));
    field.split('"').next().unwrap().to_owned()
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat()
}

/// The status of an answer of the API to this key.
pub(crate) fn status_with_key(site: &Site, path: &str, key: &str) -> u16 {
    let mut client = FormClient::new(site);
    let bearer = format!("Bearer {key}");
    client.call("GET", path, &[("authorization", &bearer)], "").status
}
