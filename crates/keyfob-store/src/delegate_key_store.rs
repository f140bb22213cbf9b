use std::future::Future;
use std::sync::Arc;

use keyfob_core::KeyHash;

use crate::every_method::every_method;
use crate::{
    Attribution, Changes, Committed, Event, EventQuery, FeedCursor, FeedPosition, FoundKeys, Hour,
    ImportError, Issued, KeyEdit, KeyId, KeyLimit, KeyQuery, KeyRecord, KeyStore, NewEvent, NewKey,
    NodeId, NodeReport, OrganizationId, Page, Reason, Rotation, StoreError, Switch, Timestamp,
    UsageBatch, UsageQuery, UsageRow,
};

/// What is written of every method by [`every_method`].
macro_rules! delegate {
    ($($name:ident($($argument:ident: ($($by:tt)?) $Argument:ty),*) -> $Output:ty;)+) => {
        /// A store that does something of its own in a few methods, and has another store do the
        /// rest: one that counts lookups, or one that fails when a test tells it to.
        ///
        /// Whoever implements it writes the methods that differ, and is a [`KeyStore`] by that.
        /// [`Arc`] and [`Box`] are the plainest of them: they write none.
        ///
        /// ```
        /// use std::sync::atomic::{AtomicUsize, Ordering};
        ///
        /// use keyfob_store::{DelegateKeyStore, FoundKeys, KeyHash, KeyStore, StoreError};
        ///
        /// struct CountsLookups<T> {
        ///     store: T,
        ///     lookups: AtomicUsize,
        /// }
        ///
        /// impl<T: KeyStore> DelegateKeyStore for CountsLookups<T> {
        ///     type Inner = T;
        ///
        ///     fn inner(&self) -> &T {
        ///         &self.store
        ///     }
        ///
        ///     async fn find(&self, hashes: &[KeyHash]) -> Result<FoundKeys, StoreError> {
        ///         self.lookups.fetch_add(1, Ordering::Relaxed);
        ///         self.store.find(hashes).await
        ///     }
        /// }
        ///
        /// fn is_a_store(_: impl KeyStore) {}
        /// # fn shown<T: KeyStore>(store: T) {
        /// is_a_store(CountsLookups { store, lookups: AtomicUsize::new(0) });
        /// # }
        /// ```
        ///
        /// A method that a later release adds to the contract is passed on unseen. Where that would
        /// be wrong, such as in an adapter for a database, implement [`KeyStore`] itself: it has no
        /// default bodies.
        #[diagnostic::on_unimplemented(
            message = "`{Self}` is not a store of keys",
            label = "not a `KeyStore`",
            note = "implement `KeyStore`, or `DelegateKeyStore` to wrap another store"
        )]
        pub trait DelegateKeyStore: Send + Sync + 'static {
            /// The store that does the rest.
            type Inner: KeyStore + ?Sized;

            /// The store that does the rest.
            fn inner(&self) -> &Self::Inner;

            $(
                #[doc = concat!("[`KeyStore::", stringify!($name), "`]: by default, the inner store's.")]
                ///
                /// # Errors
                /// Those of the inner store.
                fn $name(
                    &self,
                    $($argument: $($by)? $Argument),*
                ) -> impl Future<Output = $Output> + Send {
                    self.inner().$name($($argument),*)
                }
            )+
        }

        impl<T: DelegateKeyStore> KeyStore for T {
            $(
                fn $name(
                    &self,
                    $($argument: $($by)? $Argument),*
                ) -> impl Future<Output = $Output> + Send {
                    DelegateKeyStore::$name(self, $($argument),*)
                }
            )+
        }
    };
}

every_method!(delegate);

impl<T: KeyStore + ?Sized> DelegateKeyStore for Arc<T> {
    type Inner = T;

    fn inner(&self) -> &T {
        self
    }
}

impl<T: KeyStore + ?Sized> DelegateKeyStore for Box<T> {
    type Inner = T;

    fn inner(&self) -> &T {
        self
    }
}
