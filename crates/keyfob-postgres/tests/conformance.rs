//! Certifies the store against its contract, with as many nodes on one schema as a check wants.

use std::sync::atomic::{AtomicU32, Ordering};

use keyfob_conformance::{ModelRun, StoreFactory, run_all, run_model};
use keyfob_postgres::{PostgresOptions, PostgresStore, SchemaName};
use keyfob_store::{BackendError, KeyId};
use keyfob_test_cluster::{PgBouncer, PgBouncerOptions, PostgresServer};
use tokio_postgres::NoTls;

struct InASchema {
    options: PostgresOptions,
    /// The database, past every pooler.
    url: String,
    schemas: AtomicU32,
}

impl InASchema {
    fn of(options: PostgresOptions, url: String) -> Self {
        Self { options, url, schemas: AtomicU32::new(0) }
    }
}

impl StoreFactory for InASchema {
    type Store = PostgresStore;
    type Data = SchemaName;

    async fn create(&self) -> Result<SchemaName, BackendError> {
        let number = self.schemas.fetch_add(1, Ordering::Relaxed);
        Ok(SchemaName::new(&format!("keyfob_{number}"))?)
    }

    async fn open(&self, schema: &SchemaName) -> Result<PostgresStore, BackendError> {
        let options = self.options.clone().with_schema(schema.clone());
        Ok(PostgresStore::open_with(options).await?)
    }

    async fn damage(&self, schema: &SchemaName, key: KeyId) -> Result<bool, BackendError> {
        let (client, connection) = tokio_postgres::connect(&self.url, NoTls).await?;
        let connection = tokio::spawn(connection);
        // No trigger of the schema sees what a replica writes.
        let key = uuid::Uuid::from_bytes(*key.as_bytes());
        client
            .batch_execute(&format!(
                "SET session_replication_role = replica; \
                 UPDATE {schema}.keys SET scopes = 'twice twice' WHERE id = '{key}'"
            ))
            .await?;
        drop(client);
        connection.await??;
        Ok(true)
    }
}

#[test]
fn postgres_store_keeps_the_contract() {
    let database = PostgresServer::shared().unwrap().create_database().unwrap();
    let options = PostgresOptions::new(database.url()).with_prepared_lookups(true);
    run_all(InASchema::of(options, database.socket_url())).assert_passed();
}

/// And hears of other nodes straight from the server.
#[test]
fn postgres_store_keeps_the_contract_through_a_pooler_in_transaction_mode() {
    let server = PostgresServer::shared().unwrap();
    let pooler = PgBouncer::start(server, &PgBouncerOptions::new()).unwrap();
    let database = server.create_database().unwrap();
    let options =
        PostgresOptions::new(pooler.url(&database)).with_notification_url(database.socket_url());
    run_all(InASchema::of(options, database.socket_url())).assert_passed();
}

#[test]
fn postgres_store_never_differs_from_the_model() {
    let database = PostgresServer::shared().unwrap().create_database().unwrap();
    let options = PostgresOptions::new(database.socket_url());
    let run = ModelRun { cases: 48, steps: 60, seed: 2 };
    run_model(InASchema::of(options, database.socket_url()), run).assert_passed();
}
