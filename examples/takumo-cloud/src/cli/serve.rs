use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use keyfob::IssuedKey;
use tokio::signal::unix::{SignalKind, signal};

use super::failure::Failure;
use super::output;
use crate::config::Config;
use crate::first_run::FirstOwner;
use crate::server::Server;

/// Serves until the process is told to stop.
pub(super) async fn run(config: &Config) -> Result<(), Failure> {
    let mut server = Server::start(config).await?;
    let stop = stop_signal()?;
    let url = format!("http://{}", server.address());

    // A server goes on when nobody reads what it prints, unless it is the key.
    let _ = output::print(&format!("takumo-cloud serves {} at {url}", config.database.url));
    if !server.address().ip().is_loopback() && config.public_url.is_none() {
        output::remark(
            "it is reachable from outside, and speaks plain HTTP: put TLS in front of it, and say \
             where by --public-url",
        );
    }
    let local = reachable(server.address());
    let pages = config.public_url.as_ref().map_or_else(|| local.clone(), ToString::to_string);
    match (server.take_first_key(), server.take_first_owner()) {
        (Some(key), Some(owner)) => output::print(&welcome(&key, &owner, &local, &pages))?,
        _ => drop(output::print(&greeting(&local, &pages))),
    }
    server.serve(stop).await?;
    Ok(())
}

/// A URL of the server on this machine: what it listens on may be every address at once.
fn reachable(mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    format!("http://{address}")
}

/// The one time that the first key and what the owner signs in with are shown: on the terminal, and in
/// no log.
fn welcome(key: &IssuedKey, owner: &FirstOwner, url: &str, pages: &str) -> String {
    format!(
        r#"
The database was empty. Here are an organization, `demo` on the Free plan, its first key, and its
owner. You will not see these again.

To make and manage keys on a page, open this link. It works once, within 24 hours:

{pages}{link}

Later, sign in at {pages}/sign-in as {login}, with the password {password}

To use the key, paste this into another terminal:

  export TAKUMO_API_KEY={key}
  curl -H "Authorization: Bearer $TAKUMO_API_KEY" {url}/v1/whoami
"#,
        link = owner.expose_link(),
        login = owner.login(),
        password = owner.expose_password(),
        key = key.api_key.expose_secret(),
    )
}

fn greeting(url: &str, pages: &str) -> String {
    format!(
        r#"
Keys are managed at {pages}/sign-in, or by `takumo-cloud keys`. With one of them:

  curl -H "Authorization: Bearer $TAKUMO_API_KEY" {url}/v1/whoami
"#
    )
}

/// Listens for the signals from now on, so that none is lost between here and the first request.
fn stop_signal() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
