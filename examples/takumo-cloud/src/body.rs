//! The body of a request, read to its end whatever becomes of the request.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;

/// A body of which what nobody reads can be thrown away later.
///
/// A request that is refused early leaves its body unread. The server could then only close the
/// connection, and a client that is still sending may never see why, or meet the closed connection
/// with its next request.
#[derive(Clone)]
pub(crate) struct SharedBody(Arc<Mutex<Body>>);

/// How much is thrown away before the connection is given up.
const LIMIT: usize = 1024 * 1024;
/// How long that may take.
const PATIENCE: Duration = Duration::from_secs(1);

impl SharedBody {
    pub(crate) fn new(body: Body) -> Self {
        Self(Arc::new(Mutex::new(body)))
    }

    /// Throws away what is left. Answers whether that was all of it.
    pub(crate) async fn drain(self) -> bool {
        let mut body = std::mem::take(&mut *self.lock());
        let to_the_end = async {
            let mut seen = 0_usize;
            while let Some(frame) = body.frame().await {
                let Ok(frame) = frame else { return false };
                seen = seen.saturating_add(frame.data_ref().map_or(0, Bytes::len));
                if seen > LIMIT {
                    return false;
                }
            }
            true
        };
        tokio::time::timeout(PATIENCE, to_the_end).await.unwrap_or(false)
    }

    fn lock(&self) -> MutexGuard<'_, Body> {
        // Nothing is done under the lock but a poll of the body, which is over after a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HttpBody for SharedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut *self.lock()).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.lock().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.lock().size_hint()
    }
}
