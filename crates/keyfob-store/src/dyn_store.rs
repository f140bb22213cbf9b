use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use keyfob_core::KeyHash;

use crate::every_method::every_method;
use crate::{
    Attribution, Changes, Committed, Event, EventQuery, FeedCursor, FeedPosition, FoundKeys, Hour,
    ImportError, Issued, KeyEdit, KeyId, KeyLimit, KeyQuery, KeyRecord, KeyStore, NewEvent, NewKey,
    NodeId, NodeReport, OrganizationId, Page, Reason, Rotation, StoreError, Switch, Timestamp,
    UsageBatch, UsageQuery, UsageRow,
};

/// A store chosen at run time, at the price of one allocation a call.
///
/// It is a cheap clone, and a [`KeyStore`] itself.
#[derive(Clone)]
pub struct DynStore(Arc<dyn BoxedKeyStore>);

impl DynStore {
    /// Hides which store it is.
    pub fn new(store: impl KeyStore) -> Self {
        Self(Arc::new(store))
    }
}

impl fmt::Debug for DynStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynStore").finish_non_exhaustive()
    }
}

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What is written of every method by [`every_method`].
macro_rules! boxed {
    ($($name:ident($($argument:ident: ($($by:tt)?) $Argument:ty),*) -> $Output:ty;)+) => {
        /// [`KeyStore`] with boxed futures, which a trait object can have.
        #[allow(clippy::elidable_lifetime_names, reason = "some methods borrow their arguments too")]
        trait BoxedKeyStore: Send + Sync {
            $(
                fn $name<'a>(
                    &'a self,
                    $($argument: $($by 'a)? $Argument),*
                ) -> BoxFuture<'a, $Output>;
            )+
        }

        #[allow(clippy::elidable_lifetime_names, reason = "some methods borrow their arguments too")]
        impl<T: KeyStore> BoxedKeyStore for T {
            $(
                fn $name<'a>(
                    &'a self,
                    $($argument: $($by 'a)? $Argument),*
                ) -> BoxFuture<'a, $Output> {
                    Box::pin(KeyStore::$name(self, $($argument),*))
                }
            )+
        }

        impl KeyStore for DynStore {
            $(
                async fn $name(
                    &self,
                    $($argument: $($by)? $Argument),*
                ) -> $Output {
                    self.0.$name($($argument),*).await
                }
            )+
        }
    };
}

every_method!(boxed);
