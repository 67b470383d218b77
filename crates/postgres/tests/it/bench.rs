use std::error::Error;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use buttress_core::Entropy;
use buttress_idempotency::{Claim, Claimed, Owned, OwnerToken, Step, Store, StoreError};
use buttress_postgres::{PostgresStore, PostgresStoreBuilder};
use buttress_testkit::patience::until;
use buttress_testkit::postgres::PostgresServer;
use tokio_postgres::types::FromSql;
use tokio_postgres::{NoTls, Row};

pub(crate) const HOUR: Duration = Duration::from_secs(3_600);

/// The server of all tests that need not stop one. It goes with this process.
pub(crate) fn server() -> &'static PostgresServer {
    static SERVER: OnceLock<PostgresServer> = OnceLock::new();
    // No machine is killed here, and a machine of many cores runs many tests at once.
    SERVER.get_or_init(|| PostgresServer::start_with(&[("fsync", "off"), ("max_connections", "600")]))
}

/// A store with a schema of its own on the common server, not yet migrated. A busy machine is no reason for it to fail.
pub(crate) fn builder() -> PostgresStoreBuilder {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let schema = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let builder = PostgresStore::builder(server().url()).schema(schema);
    builder.call_timeout(Duration::from_secs(20)).statement_timeout(HOUR).lock_timeout(HOUR)
}

/// A store of a test's own on the common server.
pub(crate) async fn store() -> PostgresStore {
    migrated(builder()).await
}

pub(crate) async fn migrated(builder: PostgresStoreBuilder) -> PostgresStore {
    let store = builder.build().unwrap();
    store.migrate().await.unwrap();
    store
}

/// Runs statements, past the store; of the last one, the first row. The word `buttress` is its schema.
pub(crate) async fn sql(store: &PostgresStore, statements: &str) -> Option<Row> {
    let client = store.pool().get().await.unwrap();
    let statements = statements.replace("buttress", store.schema());
    let (before, last) = statements.rsplit_once(';').unwrap_or(("", &statements));
    client.batch_execute(before).await.unwrap();
    client.query_opt(last, &[]).await.unwrap()
}

/// The only value that a question has.
pub(crate) async fn ask<T: for<'a> FromSql<'a>>(store: &PostgresStore, question: &str) -> T {
    sql(store, question).await.unwrap().get(0)
}

/// A connection beside those of a store.
#[expect(clippy::disallowed_methods, reason = "a connection lives as long as its client")]
pub(crate) async fn connect(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::task::spawn(async move { drop(connection.await) });
    client
}

/// The same request, sent once more.
pub(crate) fn other(claim: &Claim) -> Claim {
    Claim { owner: OwnerToken::draw(&Entropy::system()), ..claim.clone() }
}

pub(crate) fn complete(body: &str) -> Step {
    Step::Complete { response: buttress_idempotency::testing::response(body.to_owned()), retain: HOUR }
}

pub(crate) async fn owned(store: &PostgresStore, claim: &Claim) -> Owned {
    match store.claim(claim).await.unwrap() {
        Claimed::Owned(owned) => owned,
        other => panic!("not owned: {other:?}"),
    }
}

/// An error with all its causes, as a log has it.
pub(crate) fn said(error: &StoreError) -> String {
    let mut said = error.to_string();
    let mut cause: Option<&dyn Error> = error.source();
    while let Some(error) = cause {
        said = format!("{said}: {error}");
        cause = error.source();
    }
    said
}

/// Waits until so many calls of a function wait for a lock.
pub(crate) async fn until_waiting(store: &PostgresStore, function: &str, calls: i64) {
    let waiting = format!(
        "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query like '%buttress\".{function}(%'"
    );
    until("they wait", async || ask::<i64>(store, &waiting).await == calls).await;
}
