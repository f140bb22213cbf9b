//! What a handler leaves unread of a request's body.
//!
//! A request can be refused before its body has arrived: for its key, say. A server that then
//! closes the connection under a client that is still sending may take the answer with it, and one
//! that closes a little later surprises a client that has sent its next request there already. So
//! the rest of a body that is not too long is read and thrown away before the answer is sent.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;

/// How much is thrown away at most, in bytes.
const MOST: usize = 1024 * 1024;
/// How long that may take.
const LONGEST: Duration = Duration::from_secs(2);

/// Gives a body away, and keeps hold of what will be left of it.
pub(crate) fn lend(body: Body) -> (Body, Unread) {
    let body = Arc::new(Mutex::new(body));
    (Body::new(Lent(Arc::clone(&body))), Unread(Lent(body)))
}

/// The rest of a body that was lent.
pub(crate) struct Unread(Lent);

impl Unread {
    /// Throws the rest away. False means that it has not ended, and the connection is of no more use.
    pub(crate) async fn drain(mut self) -> bool {
        let to_the_end = async {
            let mut seen = 0_usize;
            while !self.0.is_end_stream() {
                match self.0.frame().await {
                    None => break,
                    Some(Err(_)) => return false,
                    Some(Ok(frame)) => seen += frame.data_ref().map_or(0, Bytes::len),
                }
                if seen > MOST {
                    return false;
                }
            }
            true
        };
        tokio::time::timeout(LONGEST, to_the_end).await.unwrap_or(false)
    }
}

/// A body with two owners, of whom one reads after the other.
struct Lent(Arc<Mutex<Body>>);

impl Lent {
    fn body(&self) -> MutexGuard<'_, Body> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut *self.body()).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body().size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_not_read_is_thrown_away() {
        let (lent, unread) = lend(Body::from("some text"));
        drop(lent);
        assert!(unread.drain().await);

        let (lent, unread) = lend(Body::from("some text"));
        assert_eq!(lent.collect().await.unwrap().to_bytes(), "some text");
        assert!(unread.drain().await);
    }

    #[tokio::test]
    async fn too_much_is_given_up() {
        let (lent, unread) = lend(Body::from(vec![0; MOST + 1]));
        drop(lent);
        assert!(!unread.drain().await);
    }

    #[tokio::test(start_paused = true)]
    async fn body_that_never_ends_is_given_up() {
        struct Silent;

        impl HttpBody for Silent {
            type Data = Bytes;
            type Error = axum::Error;

            fn poll_frame(
                self: Pin<&mut Self>,
                _: &mut Context<'_>,
            ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
                Poll::Pending
            }
        }

        let (lent, unread) = lend(Body::new(Silent));
        drop(lent);
        assert!(!unread.drain().await);
    }
}
