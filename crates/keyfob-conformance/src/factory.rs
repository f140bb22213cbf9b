use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use keyfob_store::{BackendError, DynStore, KeyId, KeyStore};

/// How the suite gets the stores that it checks.
///
/// See the [crate's documentation](crate) for what is asked of it, and for an example.
pub trait StoreFactory: Send + Sync + 'static {
    /// The store to be checked.
    type Store: KeyStore;
    /// What the handles of one store share: a temporary directory, the name of a schema, or the
    /// store itself. It is dropped after the last handle.
    type Data: Send + Sync + 'static;

    /// Makes a place for data, with nothing in it.
    ///
    /// # Errors
    /// Whatever stands in the way. It fails the check that needed the place.
    fn create(&self) -> impl Future<Output = Result<Self::Data, BackendError>> + Send;

    /// Opens a handle on the data, beside those that are open already.
    ///
    /// # Errors
    /// Whatever stands in the way. It fails the check that needed the handle.
    fn open(
        &self,
        data: &Self::Data,
    ) -> impl Future<Output = Result<Self::Store, BackendError>> + Send;

    /// Damages what is stored of a key, behind the back of every handle: writes a value that the
    /// store never writes. Returns false if nothing can do that to a store of this kind.
    ///
    /// # Errors
    /// Whatever stands in the way. It fails the check that needed the damage.
    fn damage(
        &self,
        data: &Self::Data,
        key: KeyId,
    ) -> impl Future<Output = Result<bool, BackendError>> + Send;
}

pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A factory whose types are hidden, so that the checks are compiled once and not once a store.
pub(crate) trait AnyFactory: Send + Sync {
    fn create(self: Arc<Self>) -> BoxFuture<'static, Result<Box<dyn Place>, BackendError>>;
}

/// Where the data of one check is.
pub(crate) trait Place: Send + Sync {
    fn open(&self) -> BoxFuture<'_, Result<DynStore, BackendError>>;
    fn damage(&self, key: KeyId) -> BoxFuture<'_, Result<bool, BackendError>>;
}

impl<F: StoreFactory> AnyFactory for F {
    fn create(self: Arc<Self>) -> BoxFuture<'static, Result<Box<dyn Place>, BackendError>> {
        Box::pin(async move {
            let data = StoreFactory::create(&*self).await?;
            Ok(Box::new(PlaceOf { factory: self, data }) as Box<dyn Place>)
        })
    }
}

struct PlaceOf<F: StoreFactory> {
    factory: Arc<F>,
    data: F::Data,
}

impl<F: StoreFactory> Place for PlaceOf<F> {
    fn open(&self) -> BoxFuture<'_, Result<DynStore, BackendError>> {
        Box::pin(async { Ok(DynStore::new(self.factory.open(&self.data).await?)) })
    }

    fn damage(&self, key: KeyId) -> BoxFuture<'_, Result<bool, BackendError>> {
        Box::pin(self.factory.damage(&self.data, key))
    }
}
