use buttress_idempotency::testing::{check_store, claim};
use buttress_idempotency::{Step, Store, StoreErrorKind};
use buttress_postgres::{MIGRATIONS, PostgresStore};

use crate::bench::{ask, builder, connect, migrated, owned, said, server, sql, store};

#[tokio::test]
async fn a_schema_that_is_missing_is_unfit_and_says_what_to_run() {
    let store = builder().connections(1).build().unwrap();
    let session: i32 = ask(&store, "select pg_backend_pid()").await;
    let claim = claim();
    let mut errors = vec![store.check().await.unwrap_err(), store.claim(&claim).await.unwrap_err()];
    let ticket = owned(&self::store().await, &claim).await.ticket;
    errors.push(store.step(&ticket, &Step::Abandon).await.unwrap_err());
    errors.push(store.invalidate(claim.id).await.unwrap_err());
    errors.push(store.clear().await.unwrap_err());
    errors.push(store.prune().await.unwrap_err());
    for error in errors {
        assert_eq!(error.kind(), StoreErrorKind::Unfit, "{}", said(&error));
        assert!(!error.may_have_happened());
        let expected =
            format!("schema `{}` is not there or too old: run `PostgresStore::migrate`", store.schema());
        assert!(
            said(&error).contains(&expected) && said(&error).contains("0001_records.sql"),
            "{}",
            said(&error)
        );
    }
    assert_eq!(ask::<i32>(&store, "select pg_backend_pid()").await, session, "a refusal costs no connection");
    store.migrate().await.unwrap();
    store.check().await.unwrap();
}

#[tokio::test]
async fn a_schema_that_is_too_old_is_told_at_the_start() {
    let store = store().await;
    sql(&store, "delete from buttress.migrations where version > 1; select 1").await;
    let error = store.check().await.unwrap_err();
    assert!(error.kind() == StoreErrorKind::Unfit && said(&error).contains("too old"), "{}", said(&error));
}

#[tokio::test]
async fn a_newer_schema_is_not_touched_and_programs_before_it_go_on() {
    let store = store().await;
    sql(&store, "insert into buttress.migrations (version) values (7); select 1").await;
    let error = store.migrate().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unfit);
    assert!(
        said(&error).ends_with("has version 7, and this program knows versions up to 3"),
        "{}",
        said(&error)
    );
    store.check().await.unwrap();
    owned(&store, &claim()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_processes_that_migrate_at_once_run_each_file_once() {
    let first = builder().build().unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let store = PostgresStore::builder(server().url()).schema(first.schema()).connections(1);
        let store = store.call_timeout(std::time::Duration::from_secs(20)).build().unwrap();
        tasks.spawn(async move { store.migrate().await.unwrap() });
    }
    let mut ran = tasks.join_all().await;
    ran.sort_unstable();
    assert_eq!((ran[..19].iter().sum::<usize>(), ran[19]), (0, MIGRATIONS.len()));
    assert_eq!(ask::<i64>(&first, "select count(*) from buttress.migrations").await, 3);
    assert_eq!(first.migrate().await.unwrap(), 0, "and never again");
}

#[tokio::test]
async fn the_files_can_be_run_by_hand() {
    let url = server().url();
    connect(&url).await.batch_execute("create database by_hand").await.unwrap();
    let url = server().url_of("by_hand");
    let client = connect(&url).await;
    for migration in MIGRATIONS {
        client.batch_execute(migration.sql()).await.unwrap();
    }
    let store = PostgresStore::builder(url).build().unwrap();
    store.check().await.unwrap();
    assert_eq!(store.migrate().await.unwrap(), 0);
    owned(&store, &claim()).await;
}

#[tokio::test]
async fn a_schema_may_be_called_by_a_word_of_sql_and_two_are_two_stores() {
    let store = |name: &str| builder().schema(name).build().unwrap();
    let (user, table) = (store("user"), store("table"));
    user.migrate().await.unwrap();
    table.migrate().await.unwrap();
    let claim = claim();
    owned(&user, &claim).await;
    owned(&table, &claim).await;
    check_store(&table, async |time| tokio::time::sleep(time).await).await;
}

#[tokio::test]
async fn a_role_that_may_not_is_told_so_and_needs_no_more_than_the_schema() {
    let store = migrated(builder()).await;
    let grant = "create role clerk login; grant usage on schema buttress to clerk";
    sql(&store, &format!("{grant}; select 1")).await;
    let url = server().url().replace("postgres@", "clerk@");
    let clerk = PostgresStore::builder(url).schema(store.schema()).build().unwrap();
    let error = clerk.claim(&claim()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unfit, "{}", said(&error));
    assert_eq!(clerk.migrate().await.unwrap_err().kind(), StoreErrorKind::Unfit);
    let grant = "grant select, insert, update, delete on all tables in schema buttress to clerk";
    sql(&store, &format!("{grant}; select 1")).await;
    let claim = claim();
    let ticket = owned(&clerk, &claim).await.ticket;
    clerk.step(&ticket, &Step::Abandon).await.unwrap();
    clerk.prune().await.unwrap();
    clerk.check().await.unwrap();
}

#[test]
fn all_settings_that_cannot_be_used_are_named_at_once_and_no_password_is() {
    let zero = std::time::Duration::ZERO;
    let builder = PostgresStore::builder("postgres://user:hunter2@host:notaport/db")
        .schema("No Schema")
        .connections(0)
        .call_timeout(zero)
        .statement_timeout(zero)
        .lock_timeout(zero)
        .prune_every(zero)
        .prune_batch(0);
    assert!(!format!("{builder:?}").contains("hunter2"));
    let error = builder.build().unwrap_err();
    let fields: Vec<&str> = error.problems().iter().map(buttress_core::Problem::field).collect();
    let expected = [
        "schema",
        "connections",
        "call_timeout",
        "statement_timeout",
        "lock_timeout",
        "prune_every",
        "prune_batch",
        "database",
    ];
    assert_eq!(fields, expected);
    assert!(!error.to_string().contains("hunter2"), "{error}");
    let error = PostgresStore::builder("postgres://u:hunter2@h/d?sslmode=require").build().unwrap_err();
    assert!(error.to_string().contains("TLS") && !error.to_string().contains("hunter2"), "{error}");
    let store = PostgresStore::builder("postgres://u:hunter2@h/d").build().unwrap();
    assert!(!format!("{store:?}").contains("hunter2"), "{store:?}");
}

#[tokio::test]
async fn what_a_session_is_told_is_in_force_and_what_the_address_says_counts() {
    let settings =
        "select current_setting('statement_timeout') || ' ' || current_setting('lock_timeout') || ' ' ||
        current_setting('default_transaction_isolation') || ' ' || current_setting('application_name')";
    let url = server().url();
    let store = PostgresStore::builder(&*url).build().unwrap();
    assert_eq!(ask::<String>(&store, settings).await, "5s 500ms read committed buttress");
    let store = PostgresStore::builder(&*url).without_session_settings().build().unwrap();
    assert_eq!(ask::<String>(&store, settings).await, "0 0 read committed buttress");
    let own = format!("{url}?options=-c%20lock_timeout%3D7s&application_name=shop");
    let store = PostgresStore::builder(own).build().unwrap();
    assert_eq!(ask::<String>(&store, settings).await, "5s 7s read committed shop");
}
