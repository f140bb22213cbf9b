use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{self, Instant};

use super::answers::{Answers, Verdict};
use super::link::{Link, Losses, State};

/// Takes connections until the proxy is dropped.
pub(super) async fn accept(
    listener: TcpListener,
    mut states: watch::Receiver<State>,
    losses: Arc<Losses>,
) {
    loop {
        tokio::select! {
            connection = listener.accept() => if let Ok((client, _)) = connection {
                tokio::spawn(relay(client, states.clone(), Arc::clone(&losses)));
            },
            changed = states.changed() => if changed.is_err() {
                return;
            },
        }
    }
}

/// Passes a connection on until it ends, or a fault ends it.
async fn relay(mut client: TcpStream, mut states: watch::Receiver<State>, losses: Arc<Losses>) {
    let generation = states.borrow().generation;
    let mut ended = states.clone();
    let ended = ended.wait_for(|state| state.generation != generation || state.link == Link::Cut);
    if end_by_reset(&client, true).is_err() {
        return;
    }
    tokio::select! {
        biased;
        _ = ended => {}
        _ = pass_on(&mut client, &mut states, &losses) => {}
    }
}

async fn pass_on(
    client: &mut TcpStream,
    states: &mut watch::Receiver<State>,
    losses: &Losses,
) -> io::Result<()> {
    let target = match states.wait_for(|state| state.link != Link::BlackHole).await {
        Ok(state) => state.target,
        Err(_) => return Ok(()),
    };
    let mut server = TcpStream::connect(target).await?;
    end_by_reset(&server, true)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let mut answers = Answers::default();
    tokio::try_join!(
        pump(from_client, to_server, states.clone(), |bytes| Verdict::Pass(bytes.len())),
        pump(from_server, to_client, states.clone(), |bytes| {
            let verdict = answers.read(bytes, |tag| losses.takes(tag));
            if verdict == Verdict::Lost {
                losses.happened();
            }
            verdict
        }),
    )?;
    end_by_reset(&server, false)?;
    end_by_reset(client, false)
}

/// One direction of a connection, until there is no more to read.
async fn pump(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut states: watch::Receiver<State>,
    mut judge: impl FnMut(&[u8]) -> Verdict,
) -> io::Result<()> {
    /// What a link holds at most, in reads.
    const MOST_ON_THE_WAY: usize = 256;
    let mut buffer = vec![0; 16 * 1024];
    let mut on_the_way = VecDeque::new();
    let mut ended = false;
    let at_arrival = states.clone();
    while !(ended && on_the_way.is_empty()) {
        let link = states.borrow_and_update().link;
        let (delay, open) = match link {
            Link::Whole { delay } => (delay, true),
            Link::BlackHole | Link::Cut => (Duration::ZERO, false),
        };
        tokio::select! {
            // What has changed holds for what is read next.
            biased;
            changed = states.changed() => if changed.is_err() {
                return Ok(());
            },
            arrived = arrive(&to, &mut on_the_way, &at_arrival),
                if open && !on_the_way.is_empty() => arrived?,
            length = from.read(&mut buffer),
                if open && !ended && on_the_way.len() < MOST_ON_THE_WAY =>
            {
                let bytes = &buffer[..length?];
                ended = bytes.is_empty();
                let Verdict::Pass(length) = judge(bytes) else {
                    return Err(io::ErrorKind::ConnectionReset.into());
                };
                if length > 0 {
                    on_the_way.push_back((Instant::now() + delay, bytes[..length].to_vec()));
                }
            }
        }
    }
    to.shutdown().await
}

/// Passes on what is first on the way, when its time has come.
///
/// The state is held while bytes leave: whoever has begun a fault knows that none left since.
async fn arrive(
    to: &WriteHalf<'_>,
    on_the_way: &mut VecDeque<(Instant, Vec<u8>)>,
    states: &watch::Receiver<State>,
) -> io::Result<()> {
    let Some((arrival, bytes)) = on_the_way.front_mut() else {
        return Ok(());
    };
    time::sleep_until(*arrival).await;
    to.writable().await?;
    let state = states.borrow();
    if !matches!(state.link, Link::Whole { .. }) {
        return Ok(());
    }
    match to.try_write(bytes) {
        Ok(length) => drop(bytes.drain(..length)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
        Err(error) => return Err(error),
    }
    if bytes.is_empty() {
        on_the_way.pop_front();
    }
    Ok(())
}

/// Whoever drops the connection resets it, as when its other end is gone, unless all was passed on.
fn end_by_reset(connection: &TcpStream, reset: bool) -> io::Result<()> {
    let linger = reset.then_some(Duration::ZERO);
    rustix::net::sockopt::set_socket_linger(connection, linger).map_err(io::Error::from)
}
