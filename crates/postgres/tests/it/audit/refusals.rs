use std::time::Duration;

use buttress_audit::sink::{FeederState, FeederStatus};
use buttress_audit::testing::{Until as _, Written};
use buttress_postgres::PostgresStore;
use buttress_testkit::patience::PATIENCE;

use super::log::{arrived, feed, feed_all, up_to};
use crate::bench::{builder, server, sql, store};

async fn failing(store: &PostgresStore, written: &Written) -> (FeederStatus, String) {
    let handle = feed(store, written).await;
    let status = handle.until("it has failed", |status| status.failures > 0).await;
    handle.stop(Duration::ZERO).await;
    let said = status.last_error.clone().unwrap().to_string();
    (status, said)
}

#[tokio::test]
async fn a_table_that_is_missing_is_named_with_what_to_run_and_fed_once_it_is_there() {
    let store = builder().build().unwrap();
    let written = Written::new();
    let end = written.add(10).await;
    let handle = feed(&store, &written).await;
    let status = handle.until("it has failed", |status| status.failures > 0).await;
    let said = status.last_error.unwrap();
    let expected = format!(
        "the sink cannot take records as it is set up: the database is not fit for audit records: schema `{}` is not \
         there or too old: run `PostgresStore::migrate` or the files 0001_records.sql, 0002_outbox.sql, 0003_audit.sql",
        store.schema()
    );
    assert!(said.starts_with(&expected), "{said}");
    store.migrate().await.unwrap();
    assert_eq!(handle.until_confirmed(end).await.state, FeederState::Feeding);
}

#[tokio::test]
async fn an_address_where_nobody_is_is_named_and_no_password_is() {
    let written = Written::new();
    let url = "postgres://user:hunter2@127.0.0.1:1/none";
    let store = PostgresStore::builder(url).build().unwrap();
    let (status, said) = failing(&store, &written).await;
    assert_eq!(status.state, FeederState::Failing);
    assert!(said.contains("127.0.0.1:1") && !said.contains("hunter2") && !said.contains("user"), "{said}");
    assert!(!format!("{:?}", store.audit_sink()).contains("hunter2"));

    let url = format!("postgres://nobody:hunter2@127.0.0.1:{}/none", server().port());
    let (_, said) = failing(&PostgresStore::builder(url).build().unwrap(), &written).await;
    assert!(said.contains("not fit for audit records") && !said.contains("hunter2"), "{said}");
}

#[tokio::test]
async fn the_rights_in_the_documentation_are_enough_and_let_nobody_read_or_change() {
    let store = store().await;
    let written = Written::new();
    let end = written.add(10).await;
    let grants = include_str!("../../../../../docs/audit-sinks.md");
    let (_, grants) = grants.split_once("```sql\ngrant").unwrap();
    let (grants, _) = grants.split_once("```").unwrap();
    sql(&store, &format!("create role audit_writer login; grant{grants} select 1")).await;
    let url = server().url().replace("postgres@", "audit_writer@");
    let writer = PostgresStore::builder(url).schema(store.schema()).build().unwrap();
    feed_all(&writer, &written).await;
    written.forget_cursor("postgres");
    feed_all(&writer, &written).await;
    assert_eq!(arrived(&store).await, up_to(end));
    let client = writer.pool().get().await.unwrap();
    for statement in [
        "select raw from buttress.audit",
        "select event from buttress.audit",
        "update buttress.audit set raw = ''",
        "delete from buttress.audit",
        "truncate buttress.audit",
        "drop table buttress.audit",
    ] {
        let error = client.batch_execute(&statement.replace("buttress", store.schema())).await.unwrap_err();
        assert_eq!(error.code().unwrap().code(), "42501", "{statement}: {error:?}");
    }
}

#[tokio::test]
async fn not_even_the_owner_changes_or_removes_a_record_by_mistake() {
    let store = store().await;
    let written = Written::new();
    let end = written.add(10).await;
    feed_all(&store, &written).await;
    let client = store.pool().get().await.unwrap();
    for statement in
        ["update buttress.audit set raw = ''", "delete from buttress.audit", "truncate buttress.audit"]
    {
        let error = client.batch_execute(&statement.replace("buttress", store.schema())).await.unwrap_err();
        assert!(format!("{error:?}").contains("neither changed nor removed"), "{error:?}");
    }
    assert_eq!(feed(&store, &written).await.stop(PATIENCE).await.delivered, 0);
    assert_eq!(arrived(&store).await, up_to(end));
}
