use std::future::poll_fn;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use keyfob_store::FeedPosition;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_postgres::{AsyncMessage, Client, Connection, Socket};

use crate::SchemaName;
use crate::horizon::Horizon;
use crate::hosts::{Hosts, TlsStream};
use crate::tls::Tls;

/// Hears of commits of other nodes, on a connection of its own, and tells those who wait. Nothing hangs on it: a
/// follower polls as well. When it is dropped, it ends.
pub(crate) struct Listener(AbortHandle);

impl Listener {
    /// Starts to listen, on the runtime that this is called on.
    pub(crate) fn start(
        hosts: Hosts,
        tls: Tls,
        schema: &SchemaName,
        horizon: Arc<Horizon>,
    ) -> Self {
        let listen = format!("LISTEN \"{}\"", schema.channel());
        Self(tokio::spawn(run(hosts, tls, listen, horizon)).abort_handle())
    }

    pub(crate) fn stop(&self) {
        self.0.abort();
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The first nap after a connection is lost. Each that follows is twice as long, up to the longest.
const FIRST_NAP: Duration = Duration::from_millis(100);
const LONGEST_NAP: Duration = Duration::from_secs(5);

/// How often the server is asked whether it is still there, and how long it may take to say so.
const HEARTBEAT: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(2);

async fn run(hosts: Hosts, tls: Tls, listen: String, horizon: Arc<Horizon>) {
    let mut nap = FIRST_NAP;
    loop {
        if let Ok((client, connection)) = hosts.connect(&tls).await {
            tokio::select! {
                () = hear(connection, &horizon) => {}
                listened = ask(&client, &listen, &horizon) => if listened {
                    nap = FIRST_NAP;
                },
            }
        }
        tokio::time::sleep(jittered(nap)).await;
        nap = (nap * 2).min(LONGEST_NAP);
    }
}

/// Passes on what is told, until the connection ends.
async fn hear(mut connection: Connection<Socket, TlsStream>, horizon: &Horizon) {
    while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
        // Anybody may tell anything on a channel: what is no position is nothing.
        if let AsyncMessage::Notification(told) = message
            && let Ok(position) = told.payload().parse()
        {
            horizon.rumour(FeedPosition::new(position));
        }
    }
}

/// Listens, and makes sure that there is somebody to listen to: a server that was stopped tells nothing, and neither
/// does a proxy that lost it, on a connection that stays open. Returns when there is nobody; the answer is whether
/// there was.
async fn ask(client: &Client, listen: &str, horizon: &Horizon) -> bool {
    if !answers(client, listen).await {
        return false;
    }
    // What was told before was not heard.
    horizon.rumour(FeedPosition::new(u64::MAX));
    loop {
        tokio::time::sleep(HEARTBEAT).await;
        if !answers(client, "").await {
            return true;
        }
    }
}

async fn answers(client: &Client, sql: &str) -> bool {
    timeout(PATIENCE, client.batch_execute(sql)).await.is_ok_and(|answer| answer.is_ok())
}

/// Between half and all of it, so that nodes that lost the same server do not come back as one.
fn jittered(nap: Duration) -> Duration {
    let random = RandomState::new().hash_one(0) >> 32;
    let part = 0.5 + f64::from(u32::try_from(random).unwrap_or(0)) / f64::from(u32::MAX) / 2.0;
    nap.mul_f64(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nap_is_at_least_half_of_what_it_may_be() {
        let nap = Duration::from_secs(1);
        for _ in 0..100 {
            assert!((nap / 2..=nap).contains(&jittered(nap)));
        }
    }
}
