//! The way back of a person whose session has ended: the page that they asked for, and the fields of
//! the form that they sent.

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use axum::http::{Method, Uri};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use tower_sessions::Session;

use super::submission::Fields;
use super::{address, key_list, notice};
use crate::error::ApiError;
use crate::scanner;

/// The longest address that a person comes back to, in bytes.
const MAX_ADDRESS: usize = 2_048;
/// The largest form that is kept, in bytes. Somebody else's session may begin in the same browser.
const MAX_KEPT: usize = 8_192;
/// The fields that are kept, by name. Passwords, tokens and searches are not among them.
const KEPT_FIELDS: [&str; 9] =
    ["name", "environment", "scope", "expires", "expires_on", "overlap", "reason", "login", "role"];
/// The name in the session.
const KEPT: &str = "kept_form";

/// An address of this site's pages, to go to after sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Next(String);

impl Next {
    /// Reads an address that a browser sent. `None` if it leads anywhere but to a page of this site.
    pub(super) fn read(text: &str) -> Option<Self> {
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if !visible || text.len() > MAX_ADDRESS || text.contains(['\\', '#']) {
            return None;
        }
        let decoded = percent_decode_str(text).decode_utf8().ok()?;
        if decoded.chars().any(char::is_control) || scanner::may_hold_key(text) {
            return None;
        }
        let uri: Uri = text.parse().ok()?;
        let path = percent_decode_str(uri.path()).decode_utf8().ok()?;
        let is_path = text.starts_with('/') && uri.authority().is_none();
        let is_plain = !path.contains("//") && !path.contains("/.") && !path.contains('\\');
        let elsewhere = ["/sign-in", "/sign-out", "/v1", "/assets", "/healthz"];
        let is_page = !elsewhere.iter().any(|own| {
            path.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        (is_path && is_plain && is_page).then(|| Self(text.to_owned()))
    }

    /// The page of a request: what it asked for, or the page whose form it sent.
    pub(super) fn of(method: &Method, uri: &Uri) -> Option<Self> {
        if method == Method::GET || method == Method::HEAD {
            // A notice was about a change that is long over.
            let old = |pair: &&str| !pair.starts_with("done=");
            let query: Vec<_> = uri.query().unwrap_or_default().split('&').filter(old).collect();
            let query = query.join("&");
            let mark = if query.is_empty() { "" } else { "?" };
            // Instead of a file, the page that links to it.
            let path = uri.path();
            let page = path.strip_suffix(".csv").or_else(|| path.strip_suffix(".jsonl"));
            return Self::read(&format!("{}{mark}{query}", page.unwrap_or(path)));
        }
        Self::read(&page_of_form(uri.path()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The same page, which says that nothing was changed.
    pub(super) fn with_notice(&self) -> String {
        let mark = if self.0.contains('?') { '&' } else { '?' };
        format!("{}{mark}{}=not-done", self.0, notice::PARAMETER)
    }

    /// The page to sign in on the way to this one.
    pub(super) fn sign_in(&self, word: &str) -> String {
        address("/sign-in", &[(notice::PARAMETER, word.into()), ("next", self.0.clone())])
    }
}

/// The page that has the form which is sent to this path.
pub(super) fn page_of_form(path: &str) -> String {
    const KEYS: &str = key_list::PATH;
    if path == KEYS {
        return format!("{KEYS}/new");
    }
    if path == "/settings/api-keys/find" || path == "/switch" || path == "/sign-out" {
        return KEYS.into();
    }
    let (page, last) = path.rsplit_once('/').unwrap_or((path, ""));
    match last {
        "disable" | "enable" | "retire" | "role" | "link" | "remove" => page.into(),
        _ => path.into(),
    }
}

/// Fields of a form that was not accepted, for its page to show again.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Kept(Vec<(String, String)>);

#[derive(Debug, Serialize, Deserialize)]
struct KeptForm {
    path: String,
    fields: Kept,
}

impl Kept {
    /// Takes the fields of a form that may be kept.
    pub(super) fn of(fields: &Fields) -> Self {
        let may = |(name, text): &&(String, String)| {
            KEPT_FIELDS.contains(&name.as_str()) && !scanner::mentions_key(text)
        };
        let kept: Vec<_> = fields.pairs().iter().filter(may).cloned().collect();
        let size: usize = kept.iter().map(|(name, text)| name.len() + text.len()).sum();
        if size > MAX_KEPT { Self::default() } else { Self(kept) }
    }

    /// Reads what a sign-in page was given, which a person may have changed.
    pub(super) fn read(text: &str) -> Self {
        let fields = serde_json::from_str::<Vec<(String, String)>>(text).unwrap_or_default();
        Self::of(&Fields::from(fields))
    }

    pub(super) fn to_text(&self) -> String {
        serde_json::to_string(&self.0).unwrap_or_default()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Leaves them for the page.
    pub(super) async fn leave(self, session: &Session, next: &Next) -> Result<(), ApiError> {
        let path = next.0.split('?').next().unwrap_or_default().to_owned();
        Ok(session.insert(KEPT, KeptForm { path, fields: self }).await?)
    }
}

/// The state of a page that a person returns to.
#[derive(Debug)]
pub(super) struct Again {
    /// The fields that were kept for this page. They are kept for one look at it.
    pub(super) fields: Option<Fields>,
    /// The word of the notice.
    pub(super) done: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Again {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let query = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        let pairs = query.map(|Query(pairs)| pairs).unwrap_or_default();
        let done = pairs.into_iter().find(|(name, _)| name == notice::PARAMETER);
        let done = done.map(|(_, word)| word);
        let fields = match parts.extensions.get::<Session>() {
            Some(session) => take(session, parts.uri.path()).await?,
            None => None,
        };
        Ok(Self { fields, done })
    }
}

async fn take(session: &Session, path: &str) -> Result<Option<Fields>, ApiError> {
    let Some(kept) = session.get::<KeptForm>(KEPT).await? else { return Ok(None) };
    if kept.path != path {
        return Ok(None);
    }
    session.remove_value(KEPT).await?;
    Ok(Some(Fields::from(kept.fields.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_this_site_are_come_back_to() {
        for good in [
            "/audit",
            "/settings/api-keys?q=a%20b&status=active",
            "/settings/members/remove?login=bob%40example.com",
            "/",
        ] {
            assert_eq!(Next::read(good).as_ref().map(Next::as_str), Some(good));
        }
        let key = format!("/settings/api-keys?q=tk_live_{}", "0a".repeat(32));
        let hidden_key = key.replace('_', "%5F");
        let long = format!("/audit?actor={}", "x".repeat(MAX_ADDRESS));
        for bad in [
            "",
            "audit",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/%5Cevil.example",
            "/%2F/evil.example",
            "/x//evil.example",
            "/..//evil.example",
            "/%2e%2e/%2fevil.example",
            "https://evil.example/",
            "javascript:alert(1)",
            "/audit\r\nSet-Cookie: a=b",
            "/audit%0d%0aSet-Cookie:%20a=b",
            "/audit\t",
            " /audit",
            "/audit#fragment",
            "/é",
            "/%FF",
            "/sign-in",
            "/sign-in/link?token=x",
            "/sign-out",
            "/v1/keys",
            &key,
            &hidden_key,
            &long,
        ] {
            assert_eq!(Next::read(bad), None, "{bad}");
        }
    }

    #[test]
    fn form_leads_back_to_its_page() {
        let next = |method: Method, path: &'static str| {
            Next::of(&method, &Uri::from_static(path)).unwrap().0
        };
        assert_eq!(next(Method::POST, "/settings/api-keys"), "/settings/api-keys/new");
        assert_eq!(next(Method::POST, "/settings/api-keys/x/edit"), "/settings/api-keys/x/edit");
        assert_eq!(next(Method::POST, "/settings/api-keys/x/disable"), "/settings/api-keys/x");
        assert_eq!(next(Method::POST, "/settings/members/role"), "/settings/members");
        assert_eq!(next(Method::POST, "/switch"), "/settings/api-keys");
        assert_eq!(next(Method::GET, "/usage?done=x&range=7d"), "/usage?range=7d");
        assert_eq!(next(Method::GET, "/settings/members?done=role"), "/settings/members");
        assert_eq!(next(Method::GET, "/usage.csv?range=24h"), "/usage?range=24h");
        assert_eq!(next(Method::GET, "/audit.jsonl"), "/audit");
    }

    #[test]
    fn passwords_tokens_and_keys_are_not_kept() {
        let field = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        let key = format!("tk_live_{}", "0a".repeat(32));
        let fields = Fields::from(vec![
            field("name", "ci"),
            field("scope", "org:read"),
            field("scope", "org:write"),
            field("reason", &key),
            field("password", "secret"),
            field("current", "secret"),
            field("again", "secret"),
            field("form_token", "secret"),
            field("once", "secret"),
            field("token", "secret"),
            field("q", "secret"),
        ]);
        let kept = Kept::of(&fields);
        assert_eq!(kept.to_text(), r#"[["name","ci"],["scope","org:read"],["scope","org:write"]]"#);
        assert_eq!(Kept::read(&kept.to_text()).0, kept.0);
        assert!(Kept::read(r#"[["password","x"]]"#).is_empty());
        assert!(Kept::read("no JSON").is_empty());
        let long = Fields::from(vec![field("name", &"x".repeat(MAX_KEPT))]);
        assert!(Kept::of(&long).is_empty());
    }
}
