use std::env::{self, VarError};
use std::time::Duration;

use serde_json::Value;
use ureq::http::{self, Uri, header};

use super::args::Request;
use super::failure::{Exit, Failure};
use super::output::{self, Format};
use crate::scanner;
use crate::takumo::FORMAT;

const VARIABLE: &str = "TAKUMO_API_KEY";
const TIMEOUT: Duration = Duration::from_secs(30);
/// The longest answer that is read, in bytes.
const ANSWER_LIMIT: u64 = 16 * 1024 * 1024;

/// Calls the server and prints its answer.
pub(super) fn run(call: &Request, format: Format) -> Result<Exit, Failure> {
    let uri = target(call)?;
    let key = key()?;
    let method = call.method.clone().map_or_else(
        || if call.data.is_some() { "POST".into() } else { "GET".into() },
        |method| method.to_ascii_uppercase(),
    );
    let request = http::Request::builder()
        .method(method.as_str())
        .uri(uri)
        .header(header::AUTHORIZATION, format!("Bearer {key}"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(call.data.clone().unwrap_or_default())
        .map_err(|_| usage("the method or the path is malformed"))?;

    // Neither a redirect nor a proxy from the environment may carry the key anywhere else.
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .timeout_global(Some(TIMEOUT))
        .allow_non_standard_methods(true)
        .build()
        .into();
    let unreachable = |error: ureq::Error| {
        let message = format!("{} does not answer: {error}", call.url);
        Failure::new(Exit::Failure, message)
    };
    let mut response = agent.run(request).map_err(unreachable)?;
    let body = response.body_mut().with_config().limit(ANSWER_LIMIT).read_to_string();
    let body = body.map_err(unreachable)?;

    let answer: Option<Value> = serde_json::from_str(&body).ok();
    match &answer {
        Some(answer) if format == Format::Table => output::print_json(answer)?,
        _ => output::print(&body)?,
    }
    if !response.status().is_success() {
        output::remark(&format!("HTTP {}", response.status()));
    }
    Ok(exit(response.status().as_u16(), answer.as_ref()))
}

fn exit(status: u16, answer: Option<&Value>) -> Exit {
    let code = answer.and_then(|answer| answer.pointer("/error/code")).and_then(Value::as_str);
    match (status, code) {
        (200..=299, _) => Exit::Success,
        (403, Some("PLAN_LIMIT_REACHED")) => Exit::LimitReached,
        (401 | 403, _) => Exit::Refused,
        (404, _) => Exit::NotFound,
        (409, _) => Exit::Conflict,
        _ => Exit::Failure,
    }
}

/// Where to send the key: never over an open network, since this client speaks plain HTTP.
fn target(call: &Request) -> Result<Uri, Failure> {
    if !call.path.starts_with('/') {
        return Err(usage("the path starts with a slash, as in /v1/whoami"));
    }
    if scanner::mentions_key(&call.path) {
        return Err(usage("a key has no place in a path: it is read from TAKUMO_API_KEY"));
    }
    let uri: Uri = format!("{}{}", call.url.trim_end_matches('/'), call.path)
        .parse()
        .map_err(|_| usage("the URL or the path is malformed"))?;
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let loopback = host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    match uri.scheme_str() {
        Some("http") if loopback => Ok(uri),
        Some("http") => {
            Err(usage("a key is not sent over plain HTTP to another machine: use a tunnel"))
        }
        _ => Err(usage("this client speaks http:// to its own machine only")),
    }
}

/// The key from the environment, or else from a `.env` file here or in a directory above.
fn key() -> Result<String, Failure> {
    let key = match env::var(VARIABLE) {
        Ok(key) => key,
        Err(VarError::NotPresent) => from_env_file()?
            .ok_or_else(|| usage("set TAKUMO_API_KEY in the environment or in a .env file"))?,
        Err(VarError::NotUnicode(_)) => return Err(usage("TAKUMO_API_KEY is not a key")),
    };
    match FORMAT.parse(&key) {
        Ok(_) => Ok(key),
        Err(error) => Err(usage(&format!("TAKUMO_API_KEY: {error}"))),
    }
}

/// The error of a line would quote it, and the line may be the one with the key.
fn from_env_file() -> Result<Option<String>, Failure> {
    let lines = match dotenvy::dotenv_iter() {
        Ok(lines) => lines,
        Err(error) if error.not_found() => return Ok(None),
        Err(_) => return Err(Failure::new(Exit::Failure, "the .env file can't be read")),
    };
    for line in lines {
        let (name, value) =
            line.map_err(|_| Failure::new(Exit::Failure, "the .env file has a malformed line"))?;
        if name == VARIABLE {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

fn usage(message: &str) -> Failure {
    Failure::new(Exit::Usage, message)
}
