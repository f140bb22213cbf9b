//! Who the store talks to, and that nobody listens.

use std::error::Error;
use std::fs;
use std::sync::OnceLock;

use keyfob_postgres::{OpenError, PostgresOptions};
use keyfob_store::KeyStore;
use keyfob_test_cluster::{CertificateAuthority, Database, PostgresServer};

use crate::database::{database, session, try_open, until};
use crate::sample::insert;

/// A server with TLS, on 127.0.0.1, and the authority that says so.
fn certified() -> (&'static PostgresServer, Vec<u8>) {
    static CERTIFIED: OnceLock<(PostgresServer, Vec<u8>)> = OnceLock::new();
    let (server, pem) = CERTIFIED.get_or_init(|| certified_as("127.0.0.1"));
    (server, pem.clone())
}

fn certified_as(host: &str) -> (PostgresServer, Vec<u8>) {
    let authority = CertificateAuthority::new().unwrap();
    let certificate = authority.certify(host).unwrap();
    let options = keyfob_test_cluster::PostgresOptions::new().with_certificate(certificate);
    let pem = fs::read(authority.certificate()).unwrap();
    (PostgresServer::start(&options).unwrap(), pem)
}

/// With a password, which the server does not ask for and no error may show.
fn url(database: &Database) -> String {
    database.url().replace("postgres@", "postgres:canary@")
}

async fn refusal(options: PostgresOptions) -> OpenError {
    let error = try_open(options).await.map(drop).unwrap_err();
    let causes = std::iter::successors(Some(&error as &dyn Error), |error| (*error).source());
    for cause in causes {
        assert!(!format!("{cause} {cause:?}").contains("canary"), "{cause:?}");
    }
    error
}

fn is_tls(error: &OpenError, says: &str) -> bool {
    matches!(error, OpenError::Tls { why } if why.contains(says))
}

#[tokio::test]
async fn every_connection_is_encrypted_where_certificates_are_given() {
    let (server, pem) = certified();
    let database = server.create_database().unwrap();
    for how in ["", "?sslmode=prefer", "?sslmode=disable"] {
        let options = PostgresOptions::new(url(&database) + how)
            .with_replica(url(&database) + how)
            .with_root_certificates(pem.clone());
        let store = try_open(options).await.unwrap();
        let key = insert(&store).await;
        // The first hears from the primary, the second goes to the replica.
        for _ in 0..2 {
            store.find(&[key.secrets[0].hash]).await.unwrap();
        }
        let look = session(&database).await;
        until("the pool, two lanes and the listener are there", || async {
            let sql = "SELECT count(*), count(*) FILTER (WHERE NOT ssl) \
                FROM pg_stat_activity JOIN pg_stat_ssl USING (pid) \
                WHERE datname = current_database() AND application_name = 'keyfob'";
            let row = look.query_one(sql, &[]).await.unwrap();
            assert_eq!(row.get::<_, i64>(1), 0, "{how}");
            row.get::<_, i64>(0) >= 4
        })
        .await;
        store.close().await;
    }
}

#[tokio::test]
async fn server_is_refused_whose_authority_is_not_trusted() {
    let database = certified().0.create_database().unwrap();
    let other = fs::read(CertificateAuthority::new().unwrap().certificate()).unwrap();
    let options = PostgresOptions::new(url(&database));
    for (options, trusted) in
        [(options.clone(), "the system's"), (options.with_root_certificates(other), "another")]
    {
        let error = refusal(options).await;
        assert!(is_tls(&error, "with_root_certificates"), "{trusted}: {error:?}");
    }
}

#[tokio::test]
async fn server_is_refused_whose_certificate_names_another_host() {
    let (server, pem) = certified_as("elsewhere.example");
    let database = server.create_database().unwrap();
    let options = PostgresOptions::new(url(&database)).with_root_certificates(pem);
    let error = refusal(options).await;
    assert!(is_tls(&error, "is not accepted"), "{error:?}");
}

/// As `hostaddr`, which libpq has as well, an address without a name.
#[tokio::test]
async fn address_without_a_name_is_what_the_certificate_must_name() {
    let (server, pem) = certified();
    let database = server.create_database().unwrap();
    let at = |port: u16| format!("hostaddr=127.0.0.1 port={port} user=postgres password=canary");
    let by_address = |server: &PostgresServer| {
        PostgresOptions::new(at(server.port()) + " dbname=" + database.name())
    };
    try_open(by_address(server).with_root_certificates(pem)).await.unwrap();
    assert!(is_tls(&refusal(by_address(server)).await, "with_root_certificates"));
}

#[tokio::test]
async fn server_without_tls_is_refused_where_tls_is_required() {
    let (_, pem) = certified();
    let plain = url(&database());
    for options in [
        PostgresOptions::new(plain.clone() + "?sslmode=require"),
        PostgresOptions::new(plain.clone()).with_root_certificates(pem.clone()),
        PostgresOptions::new(plain.clone() + "?sslmode=disable").with_root_certificates(pem),
    ] {
        let error = refusal(options).await;
        let cause = error.source().map(ToString::to_string).unwrap_or_default();
        assert!(cause.contains("server does not support TLS"), "{error:?}");
    }
    try_open(PostgresOptions::new(plain)).await.unwrap();
}

#[tokio::test]
async fn what_is_not_a_certificate_is_refused() {
    for pem in ["", "not PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let options = PostgresOptions::new(url(&database())).with_root_certificates(pem);
        assert!(is_tls(&refusal(options).await, "root certificate"), "{pem}");
    }
}
