use keyfob_store::{
    Attribution, Committed, ImportError, KeyLimit, KeyRecord, KeyStore, NewKey, StoreError,
};

use crate::fault::Fault;
use crate::faulty_store::{FaultyStore, dawdle, now};

impl FaultyStore {
    pub(crate) async fn faulty_import(
        &self,
        mut keys: Vec<NewKey>,
        mut limit: KeyLimit,
        by: Attribution,
    ) -> Result<Committed<Vec<KeyRecord>>, ImportError> {
        let owner = keys.first().map(|key| key.organization.clone());
        match (self.fault, &owner) {
            (Fault::ImportStopsHalfWay, Some(_)) => return self.one_by_one(keys, limit, by).await,
            (Fault::ImportIgnoresTheLimit, _) => limit = KeyLimit::Unlimited,
            (Fault::LargeImportIsCut, _) => keys.truncate(1_000),
            (Fault::EmptyImportIsLogged, None) => {
                let anyone = self.notes().stored[0].organization.clone();
                self.log_needlessly(&anyone, &by);
            }
            (Fault::ImportIsCheckedBeforeTheTransaction, Some(owner)) => {
                let in_use = now(self.honest.keys_in_use(owner, by.at)).unwrap();
                if let Some(index) =
                    (0..keys.len()).find(|more| !limit.allows_another(in_use + *more as u64))
                {
                    return Err(ImportError { index, error: StoreError::LimitReached { limit } });
                }
                dawdle().await;
                limit = KeyLimit::Unlimited;
            }
            _ => {}
        }
        let hashes: Vec<_> = keys.iter().map(|key| key.secret.hash).collect();
        let mut imported =
            self.honest.import(keys, limit, by).await.map_err(|error| match self.fault {
                Fault::ImportBlamesTheFirst => ImportError { index: 0, ..error },
                Fault::ErrorsQuoteTheHash => {
                    let quoted = format!("UNIQUE({})", hashes[error.index]);
                    ImportError { error: StoreError::Internal(quoted.into()), ..error }
                }
                _ => error,
            })?;
        if self.fault == Fault::ImportAnswersInOrderOfIds {
            imported.value.sort_by_key(|key| key.id);
        }
        self.notes().stored.extend(imported.value.clone());
        Ok(self.misplace(Fault::FeedOmitsImports, imported))
    }

    async fn one_by_one(
        &self,
        keys: Vec<NewKey>,
        limit: KeyLimit,
        by: Attribution,
    ) -> Result<Committed<Vec<KeyRecord>>, ImportError> {
        let position = now(self.honest.position()).unwrap();
        let mut all = Committed { value: Vec::new(), position: position.position() };
        for (index, key) in keys.into_iter().enumerate() {
            let one = self.honest.import(vec![key], limit, by.clone()).await;
            let one = one.map_err(|error| ImportError { index, ..error })?;
            all.value.extend(one.value);
            all.position = one.position;
            dawdle().await;
        }
        Ok(all)
    }
}
