use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use buttress_idempotency::testing::{claim, response};
use buttress_idempotency::{
    After, Claim, Claimed, RecordId, Step, Stepped, Store, StoreError, StoreErrorKind, StoredResponse,
};
use buttress_postgres::PostgresStore;
use buttress_testkit::patience::until;
use buttress_testkit::postgres::PostgresServer;
use tokio::net::TcpListener;
use tokio::task::{JoinSet, block_in_place};
use tokio::time::Instant;

use crate::bench::{
    HOUR, ask, builder, complete, connect, migrated, other, owned, said, server, sql, until_waiting,
};

const LIMIT: Duration = Duration::from_millis(500);
/// Twenty times that, for a machine that has other things to do.
const NOBODY_WAITS: Duration = Duration::from_secs(10);

async fn store_of(server: &PostgresServer) -> PostgresStore {
    migrated(PostgresStore::builder(server.url()).call_timeout(LIMIT)).await
}

fn is_unreachable<A: std::fmt::Debug>(answer: Result<A, StoreError>) {
    let error = answer.unwrap_err();
    assert!(error.kind() == StoreErrorKind::Unreachable && error.may_have_happened(), "{error:?}");
}

/// Runs operations until it is told to stop, and keeps what was confirmed.
#[derive(Debug, Default)]
struct Worker {
    stop: AtomicBool,
    failed: AtomicU64,
    done: AtomicU64,
}

impl Worker {
    async fn work(self: Arc<Self>, store: PostgresStore) -> Vec<(Claim, Arc<StoredResponse>)> {
        let mut confirmed = Vec::new();
        while !self.stop.load(Ordering::Relaxed) {
            let claim = claim();
            match run(&store, &claim).await {
                Ok(response) => {
                    confirmed.push((claim, response));
                    self.done.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) => {
                    assert_eq!(error.kind(), StoreErrorKind::Unreachable, "{error:?}");
                    self.failed.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        }
        confirmed
    }

    async fn until_it_works(&self) {
        let before = self.done.load(Ordering::Relaxed);
        until("it works", async || self.done.load(Ordering::Relaxed) > before + 20).await;
    }

    async fn until_it_fails(&self) {
        let before = self.failed.load(Ordering::Relaxed);
        until("it fails", async || self.failed.load(Ordering::Relaxed) > before + 2).await;
    }
}

async fn run(store: &PostgresStore, claim: &Claim) -> Result<Arc<StoredResponse>, StoreError> {
    let claimed = store.claim(claim).await?;
    let Claimed::Owned(owned) = claimed else { panic!("not owned: {claimed:?}") };
    let response = response(format!("{}", owned.ticket.epoch));
    let complete = Step::Complete { response: Arc::clone(&response), retain: HOUR };
    assert_eq!(store.step(&owned.ticket, &complete).await?, Stepped::Done);
    Ok(response)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_stopped_and_restarted_mid_work_loses_no_confirmed_answer() {
    let mut server = PostgresServer::start();
    let store = store_of(&server).await;
    let worker = Arc::new(Worker::default());
    let mut tasks = JoinSet::new();
    for _ in 0..4 {
        tasks.spawn(Arc::clone(&worker).work(store.clone()));
    }
    worker.until_it_works().await;
    for round in 0..3 {
        if round == 1 {
            block_in_place(|| server.stop());
        } else {
            block_in_place(|| server.kill());
        }
        worker.until_it_fails().await;
        block_in_place(|| server.restart());
        worker.until_it_works().await;
    }
    worker.stop.store(true, Ordering::Relaxed);
    let confirmed: BTreeMap<RecordId, _> = tasks
        .join_all()
        .await
        .into_iter()
        .flatten()
        .map(|(claim, response)| (claim.id, (claim, response)))
        .collect();
    assert!(confirmed.len() > 80, "{}", confirmed.len());
    for (claim, response) in confirmed.values() {
        let Claimed::Completed(kept) = store.claim(&other(claim)).await.unwrap() else { panic!("lost") };
        assert_eq!((&kept.response, kept.attempt), (response, 1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_paused_for_longer_than_the_lease_lets_one_take_over_and_fences_the_zombie() {
    let server = PostgresServer::start();
    let store = store_of(&server).await;
    let claim = Claim { lease: Duration::from_millis(300), ..claim() };
    let zombie = owned(&store, &claim).await;
    let leased = Instant::now();
    block_in_place(|| server.pause());
    let next = Claim { lease: HOUR, ..other(&claim) };
    let asked = Instant::now();
    is_unreachable(store.claim(&next).await);
    is_unreachable(store.step(&zombie.ticket, &Step::Checkpoint(checkpoint())).await);
    assert!(asked.elapsed() < NOBODY_WAITS);
    tokio::time::sleep_until(leased + Duration::from_millis(400)).await;
    block_in_place(|| server.resume());
    // Sent again, since nobody knows whether it happened when it was sent first.
    let second = until_answered(async || store.claim(&next).await).await;
    let Claimed::Owned(second) = second else { panic!("{second:?}") };
    assert_eq!((second.attempt, second.after), (2, After::Abandonment));
    assert_eq!(store.step(&zombie.ticket, &complete("late")).await.unwrap(), Stepped::Fenced(None));
    assert_eq!(store.step(&second.ticket, &complete("right")).await.unwrap(), Stepped::Done);
}

fn checkpoint() -> buttress_idempotency::Checkpoint {
    buttress_idempotency::Checkpoint::new(&b"half"[..]).unwrap()
}

async fn until_answered<A>(call: impl AsyncFn() -> Result<A, StoreError>) -> A {
    let asking = async {
        loop {
            match call().await {
                Ok(answer) => return answer,
                Err(error) => assert_eq!(error.kind(), StoreErrorKind::Unreachable, "{error:?}"),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), asking).await.expect("it answers again")
}

#[tokio::test]
async fn an_address_where_nobody_answers_is_unreachable_in_time() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for address in [silent.local_addr().unwrap(), nobody] {
        let url = format!("postgres://postgres@{address}/postgres");
        let store = PostgresStore::builder(url).call_timeout(LIMIT).build().unwrap();
        let asked = Instant::now();
        is_unreachable(store.claim(&claim()).await);
        is_unreachable(store.check().await);
        is_unreachable(store.migrate().await);
        is_unreachable(store.clear().await);
        is_unreachable(store.prune().await);
        assert!(asked.elapsed() < NOBODY_WAITS, "{:?}", asked.elapsed());
    }
}

#[tokio::test]
async fn a_failure_names_the_server_and_no_password() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silence = silent.local_addr().unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let strict = format!("127.0.0.1:{}", server().port());
    let build = |address: &str| {
        let url = format!("postgres://me:s3cret@{address}/postgres");
        PostgresStore::builder(url).call_timeout(LIMIT).build().unwrap()
    };
    let unreachable = build(&nobody.to_string());
    let pool = PostgresStore::builder(unreachable.pool().clone()).build().unwrap();
    for (store, expected) in [
        (unreachable, format!("no connection to PostgreSQL at {nobody}: error connecting to server: ")),
        (build(&silence.to_string()), format!("no answer from PostgreSQL at {silence} within 500ms")),
        (build(&strict), format!("no connection to PostgreSQL at {strict}: db error: FATAL: role \"me\"")),
        (pool, "no connection to PostgreSQL: error connecting to server: ".to_owned()),
    ] {
        for error in [store.check().await.unwrap_err(), store.migrate().await.unwrap_err()] {
            let told = said(&error);
            assert!(told.contains(&expected) && !told.contains("s3cret"), "{expected} in {told}");
        }
    }
    assert_eq!(build(&strict).check().await.unwrap_err().kind(), StoreErrorKind::Unfit, "it did answer");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_breaks_under_a_call_is_told_with_its_server() {
    let mut server = PostgresServer::start_careless();
    let patient = PostgresStore::builder(server.url()).lock_timeout(HOUR).statement_timeout(HOUR);
    let store = migrated(patient.call_timeout(Duration::from_secs(60))).await;
    let mut client = connect(&server.url()).await;
    let transaction = client.transaction().await.unwrap();
    transaction.batch_execute("lock table buttress.records in access exclusive mode").await.unwrap();
    let claim = claim();
    let kill = async {
        until_waiting(&store, "claim", 1).await;
        block_in_place(|| server.kill());
    };
    let (claimed, ()) = tokio::join!(store.claim(&claim), kill);
    let told = said(&claimed.unwrap_err());
    assert!(told.contains(&format!("no answer from PostgreSQL at 127.0.0.1:{}: ", server.port())), "{told}");
}

#[tokio::test]
async fn a_store_that_was_built_before_its_server_came_up_works_once_it_is_there() {
    let mut server = PostgresServer::start();
    store_of(&server).await;
    server.kill();
    let store = PostgresStore::builder(server.url()).call_timeout(LIMIT).build().unwrap();
    let claim = claim();
    is_unreachable(store.claim(&claim).await);
    server.restart();
    let claimed = until_answered(async || store.claim(&claim).await).await;
    assert!(matches!(claimed, Claimed::Owned(_)));
}

#[tokio::test]
async fn a_call_without_a_free_connection_fails_in_time() {
    let store = migrated(builder().connections(1)).await;
    let impatient = PostgresStore::builder(store.pool().clone()).schema(store.schema()).call_timeout(LIMIT);
    let impatient = impatient.build().unwrap();
    let taken = store.pool().get().await.unwrap();
    let asked = Instant::now();
    is_unreachable(impatient.claim(&claim()).await);
    assert!(asked.elapsed() < NOBODY_WAITS, "{:?}", asked.elapsed());
    drop(taken);
    owned(&store, &claim()).await;
}

#[tokio::test]
async fn a_table_that_somebody_locked_fails_by_the_server_s_limit_and_nothing_is_left_behind() {
    let store = migrated(builder().connections(1).lock_timeout(Duration::from_millis(100))).await;
    let mut client = connect(&server().url()).await;
    let transaction = client.transaction().await.unwrap();
    let lock = format!("lock table {}.records in access exclusive mode", store.schema());
    transaction.batch_execute(&lock).await.unwrap();
    let claim = claim();
    is_unreachable(store.claim(&claim).await);
    transaction.rollback().await.unwrap();
    assert_eq!(owned(&store, &claim).await.attempt, 1);
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_ended_by_the_server() {
    let store = migrated(builder().statement_timeout(Duration::from_millis(100))).await;
    let slow = "create or replace function buttress.clock_millis() returns bigint language sql volatile as
        'select 1 + pg_sleep(100)::text::bigint'; select 1";
    sql(&store, slow).await;
    is_unreachable(store.claim(&claim()).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_dropped_makes_the_next_one_wait_for_nothing() {
    let server = PostgresServer::start_careless();
    // Nothing but closing its connection lets go of the call that is dropped.
    let patient = PostgresStore::builder(server.url()).lock_timeout(HOUR).statement_timeout(HOUR);
    let store = migrated(patient.connections(1).call_timeout(NOBODY_WAITS)).await;
    let mut client = connect(&server.url()).await;
    let transaction = client.transaction().await.unwrap();
    transaction.batch_execute("lock table buttress.records in access exclusive mode").await.unwrap();
    let claim = claim();
    tokio::time::timeout(Duration::from_millis(50), store.claim(&claim)).await.unwrap_err();
    // The table is locked still: what was dropped is under way on the server.
    store.check().await.unwrap();
    transaction.rollback().await.unwrap();
    owned(&store, &claim).await;
}

/// A disk that is full for what is large. The functions of the schema are put behind others that complain as the server
/// does.
#[tokio::test]
async fn a_full_disk_refuses_claims_and_keeps_of_a_completion_that_it_is_done() {
    let store = migrated(builder()).await;
    let claim = claim();
    let owner = owned(&store, &claim).await;
    let full = "alter function buttress.step rename to step_when_there_is_room;
        create function buttress.step(bytea, bytea, bytea, bigint, smallint, bigint, bigint, p_content bytea, bigint,
            out verdict smallint, out o_attempt bigint, out o_completed_at bigint, out o_expires_at bigint,
            out o_response bytea) language plpgsql as $$ begin
            if length(p_content) > 100 then raise 'no room' using errcode = 'disk_full'; end if;
            select * into verdict, o_attempt, o_completed_at, o_expires_at, o_response
            from buttress.step_when_there_is_room($1, $2, $3, $4, $5, $6, $7, $8, $9); end $$;
        create or replace function buttress.room() returns trigger language plpgsql as
            $$ begin raise 'no room' using errcode = 'disk_full'; end $$;
        create trigger room before insert on buttress.records execute function buttress.room();
        select 1";
    let client = store.pool().get().await.unwrap();
    client.batch_execute(&full.replace("buttress", store.schema())).await.unwrap();
    let error = store.claim(&self::claim()).await.unwrap_err();
    assert_eq!((error.kind(), error.may_have_happened()), (StoreErrorKind::Full, false));
    assert_eq!(store.step(&owner.ticket, &complete(&"x".repeat(200))).await.unwrap(), Stepped::StatusOnly);
    let Claimed::Completed(kept) = store.claim(&other(&claim)).await.unwrap() else {
        panic!("not completed")
    };
    assert_eq!((kept.response.status(), kept.response.body()), (201, None));
    assert!(!kept.response.headers().is_empty());
}

/// A leader that was made a replica while connections to it stay open.
#[tokio::test]
async fn a_server_that_only_reads_is_not_ready_and_costs_its_connection_so_that_its_successor_is_found() {
    let store = migrated(builder().connections(1)).await;
    let session = "select pg_backend_pid()";
    for call in ["check", "claim"] {
        let before: i32 = ask(&store, session).await;
        sql(&store, "set default_transaction_read_only = on; select 1").await;
        let error = match call {
            "check" => store.check().await.unwrap_err(),
            _ => store.claim(&claim()).await.unwrap_err(),
        };
        assert_eq!(error.kind(), StoreErrorKind::Unfit, "{call}: {}", said(&error));
        assert!(!error.may_have_happened());
        assert!(ask::<i32>(&store, session).await != before, "{call}");
        store.check().await.unwrap();
        owned(&store, &claim()).await;
    }
}
