//! The server: binds, opens the database, serves until it is told to stop.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use keyfob::IssuedKey;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::api;
use crate::app::{App, Purpose};
use crate::config::Config;
use crate::first_run::{self, FirstOwner, FirstRunError};
use crate::pages::Front;
use crate::public_url::PublicUrl;
use crate::store::{IfMissing, OpenError};

/// A server that has its port and its database, and does not serve yet.
pub struct Server {
    app: App,
    listener: TcpListener,
    address: SocketAddr,
    public_url: Option<PublicUrl>,
    first_key: Option<IssuedKey>,
    first_owner: Option<FirstOwner>,
}

/// How long requests that are under way may take to end once the server is told to stop.
const GRACE: Duration = Duration::from_secs(10);

impl Server {
    /// Takes the port, opens the database, and makes the first key if the database is empty.
    ///
    /// The port comes first, so that a second server that is started by mistake changes nothing.
    ///
    /// # Errors
    /// [`StartError`], which says what to do about it.
    pub async fn start(config: &Config) -> Result<Self, StartError> {
        let wanted = config.listen;
        let listener = TcpListener::bind(wanted)
            .await
            .map_err(|source| StartError::Listen { address: wanted, source })?;
        let address = listener
            .local_addr()
            .map_err(|source| StartError::Listen { address: wanted, source })?;
        let purpose = Purpose::Serve { only: config.require_environment };
        let app = App::open(&config.database, IfMissing::Create, purpose).await?;
        let (first_key, first_owner) = first_run::first_of_all(&app).await?.unzip();
        let public_url = config.public_url.clone();
        Ok(Self { app, listener, address, public_url, first_key, first_owner })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The key that was made because the database was empty. Show it now: it can't be read again.
    pub const fn take_first_key(&mut self) -> Option<IssuedKey> {
        self.first_key.take()
    }

    /// The owner who was made because the database was empty. Show what they sign in with now: it
    /// can't be read again.
    pub const fn take_first_owner(&mut self) -> Option<FirstOwner> {
        self.first_owner.take()
    }

    /// Serves until `stop` is ready, and then until the requests under way are answered, which may
    /// take 10 seconds more.
    ///
    /// # Errors
    /// The failures of the socket.
    pub async fn serve(self, stop: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        let (stopping, mut stopped) = watch::channel(false);
        let stop = async move {
            stop.await;
            tracing::info!("stopping");
            stopping.send_replace(true);
        };
        let front = Front::new(self.address, self.public_url);
        let service = api::router(self.app.clone(), front)
            .into_make_service_with_connect_info::<SocketAddr>();
        let serving = axum::serve(self.listener, service).with_graceful_shutdown(stop);
        tokio::select! {
            served = serving => served?,
            () = async {
                // The sender lives as long as the server does.
                let _ = stopped.wait_for(|stopping| *stopping).await;
                tokio::time::sleep(GRACE).await;
            } => tracing::warn!("some requests did not end in time"),
        }
        self.app.close().await;
        tracing::info!("stopped");
        Ok(())
    }
}

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address can't be listened on.
    #[error("{}", listen_message(*address, source))]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// The database can't be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The first key can't be made.
    #[error(transparent)]
    FirstRun(#[from] FirstRunError),
}

fn listen_message(address: SocketAddr, source: &io::Error) -> String {
    match source.kind() {
        io::ErrorKind::AddrInUse => format!(
            "{address} is in use: stop the other server, or choose another port with --listen"
        ),
        io::ErrorKind::PermissionDenied => {
            format!("this user may not listen on {address}: choose a port above 1023 with --listen")
        }
        _ => format!("can't listen on {address}"),
    }
}
