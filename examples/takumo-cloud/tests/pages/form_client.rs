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

    /// Makes a live key of this name with these scopes, by the form as it comes.
    pub(crate) fn create(&mut self, name: &str, scopes: &[&str]) -> Answer {
        let fields: Vec<_> = scopes.iter().map(|scope| ("scope", *scope)).collect();
        self.create_with(&[&[("name", name), ("environment", "live")], &fields[..]].concat())
    }

    /// Sends the form to make a key, as it comes, with these fields.
    pub(crate) fn create_with(&mut self, fields: &[(&str, &str)]) -> Answer {
        let form = self.get("/settings/api-keys/new").body;
        let (token, once) = (hidden(&form, "form_token"), hidden(&form, "once"));
        let mut all = vec![("form_token", token.as_str())];
        all.extend(fields);
        for (name, text) in [("once", &*once), ("expires", "never"), ("expires_on", "")] {
            if fields.iter().all(|(own, _)| *own != name) {
                all.push((name, text));
            }
        }
        self.submit("/settings/api-keys", &all)
    }

    /// Sends a form with the token of this session.
    pub(crate) fn change(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let token = self.form_token();
        self.submit(path, &[&[("form_token", token.as_str())], fields].concat())
    }

    /// The path of the newest key.
    pub(crate) fn newest_key(&mut self) -> String {
        key_of(&self.get("/settings/api-keys").body)
    }

    /// The token of this session's forms.
    pub(crate) fn form_token(&mut self) -> String {
        let page = self.get("/settings/password");
        hidden(&page.body, "form_token")
    }

    pub(crate) fn call(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
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

/// The path of the first key that a page links to.
#[track_caller]
pub(crate) fn key_of(page: &str) -> String {
    let id = page.split("/settings/api-keys/").find(|part| part.as_bytes().get(8) == Some(&b'-'));
    format!("/settings/api-keys/{}", &id.unwrap()[..36])
}

/// The plaintext that a page shows.
#[track_caller]
pub(crate) fn secret_of(page: &str) -> String {
    page.split("TAKUMO_API_KEY=").nth(1).expect("a page that shows a key")[..72].to_owned()
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
