use std::future::poll_fn;
use std::hash::{BuildHasher, RandomState};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use keyfob_store::FeedPosition;
use tokio::task::AbortHandle;
use tokio_postgres::{AsyncMessage, Config};

use crate::SchemaName;
use crate::horizon::Horizon;
use crate::tls::Tls;

/// Hears of commits of other nodes, on a connection of its own, and tells those who wait. Nothing hangs on it: a
/// follower polls as well. When it is dropped, it ends.
pub(crate) struct Listener(AbortHandle);

impl Listener {
    /// Starts to listen, on the runtime that this is called on.
    pub(crate) fn start(
        config: Config,
        tls: Tls,
        schema: &SchemaName,
        horizon: Arc<Horizon>,
    ) -> Self {
        let listen = format!("LISTEN \"{}\"", schema.channel());
        Self(tokio::spawn(run(config, tls, listen, horizon)).abort_handle())
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

async fn run(config: Config, tls: Tls, listen: String, horizon: Arc<Horizon>) {
    let mut nap = FIRST_NAP;
    loop {
        if hear(&config, tls.clone(), &listen, &horizon).await == Ended::AfterListening {
            nap = FIRST_NAP;
        }
        tokio::time::sleep(jittered(nap)).await;
        nap = (nap * 2).min(LONGEST_NAP);
    }
}

#[derive(PartialEq)]
enum Ended {
    BeforeListening,
    AfterListening,
}

/// Listens until the connection ends.
async fn hear(config: &Config, tls: Tls, listen: &str, horizon: &Horizon) -> Ended {
    let Ok((client, mut connection)) = config.connect(tls).await else {
        return Ended::BeforeListening;
    };
    let mut listening = pin!(client.batch_execute(listen));
    let mut listens = false;
    loop {
        tokio::select! {
            answer = &mut listening, if !listens => {
                if answer.is_err() {
                    return Ended::BeforeListening;
                }
                listens = true;
                // What was told before was not heard.
                horizon.rumour(FeedPosition::new(u64::MAX));
            }
            message = poll_fn(|context| connection.poll_message(context)) => match message {
                Some(Ok(AsyncMessage::Notification(told))) => {
                    // Anybody may tell anything on a channel: what is no position is nothing.
                    if let Ok(position) = told.payload().parse() {
                        horizon.rumour(FeedPosition::new(position));
                    }
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None if listens => return Ended::AfterListening,
                Some(Err(_)) | None => return Ended::BeforeListening,
            },
        }
    }
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
