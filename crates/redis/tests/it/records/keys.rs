use std::time::Duration;

use buttress_idempotency::testing::{claim, response};
use buttress_idempotency::{
    Checkpoint, Claim, Claimed, HeaderList, Invalidated, RecordId, Step, Stepped, Store, StoreErrorKind,
    StoredResponse,
};
use buttress_testkit::redis::RedisServer;

use super::{HOUR, complete, completion, connect, name, other, owned, refusal, step, until_owned};

const MINUTE: Duration = Duration::from_secs(60);

fn time_left(server: &RedisServer, id: RecordId) -> i64 {
    server.ask(&["PTTL", &name(id)]).parse().unwrap()
}

/// Within a minute, for a machine that has other things to do.
fn is_about(millis: i64, span: Duration) -> bool {
    let span = i64::try_from(span.as_millis()).unwrap();
    (span - 60_000..=span).contains(&millis)
}

#[tokio::test]
async fn no_record_is_ever_without_the_expiry_that_its_state_asks_for_i7_i8() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    let claim = Claim { lease: 2 * HOUR, retain: HOUR, ..claim() };
    let owner = owned(&store, &claim).await;
    assert!(is_about(time_left(&server, claim.id), 2 * HOUR), "a lease at least");
    assert_eq!(step(&store, &owner, Step::Renew { lease: HOUR, retain: 3 * HOUR }).await, Stepped::Done);
    assert!(is_about(time_left(&server, claim.id), 3 * HOUR), "renewed");
    let left = Checkpoint::new(&b"half"[..]).unwrap();
    assert_eq!(step(&store, &owner, Step::Checkpoint(left)).await, Stepped::Done);
    assert_eq!(step(&store, &owner, Step::Abandon).await, Stepped::Done);
    assert!(is_about(time_left(&server, claim.id), 3 * HOUR), "as before");
    let owner = owned(&store, &Claim { lease: HOUR, ..other(&claim) }).await;
    assert!(is_about(time_left(&server, claim.id), HOUR), "taken over");
    assert_eq!(step(&store, &owner, Step::Release { retain: 5 * HOUR }).await, Stepped::Done);
    assert!(is_about(time_left(&server, claim.id), 5 * HOUR), "released");
    let owner = owned(&store, &other(&claim)).await;
    let done = Step::Complete { response: response("done"), retain: 4 * HOUR };
    assert_eq!(step(&store, &owner, done).await, Stepped::Done);
    assert!(is_about(time_left(&server, claim.id), 4 * HOUR), "completed");
    completion(&store, &claim).await;
    assert!(is_about(time_left(&server, claim.id), 4 * HOUR), "a replay prolongs nothing");
}

#[tokio::test]
async fn what_is_kept_for_no_time_or_for_ages_is_gone_at_once_or_stays() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    let short = claim();
    let owner = owned(&store, &short).await;
    let done = Step::Complete { response: response("done"), retain: Duration::ZERO };
    assert_eq!(step(&store, &owner, done).await, Stepped::Done);
    assert_eq!(server.ask(&["EXISTS", &name(short.id)]), "0");
    let owner = owned(&store, &other(&short)).await;
    assert_eq!(step(&store, &owner, Step::Release { retain: Duration::ZERO }).await, Stepped::Done);
    assert_eq!(server.ask(&["EXISTS", &name(short.id)]), "0");

    let long = Claim { lease: Duration::MAX, retain: Duration::MAX, ..claim() };
    let owner = owned(&store, &long).await;
    let Claimed::InFlight { remaining } = store.claim(&other(&long)).await.unwrap() else { panic!("two") };
    assert!(remaining <= Duration::from_millis(u32::MAX.into()), "{remaining:?}");
    let done = Step::Complete { response: response("done"), retain: Duration::MAX };
    assert_eq!(step(&store, &owner, done).await, Stepped::Done);
    assert!(time_left(&server, long.id) > 1 << 51);
    let kept = completion(&store, &long).await;
    assert_eq!(kept.response, response("done"));
}

#[tokio::test]
async fn sixteen_mebibytes_of_all_bytes_come_back_whole_i4() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    let claim = claim();
    let owner = owned(&store, &claim).await;
    let body: Vec<u8> = (0_u8..=255).cycle().take(StoredResponse::MAX_BODY_BYTES).collect();
    let mut headers = HeaderList::builder();
    for place in (0..=255).chain(0..=200) {
        headers.push(b"set-cookie", &[place; 100]).unwrap();
    }
    let large = std::sync::Arc::new(StoredResponse::new(299, headers.finish(), body.into()).unwrap());
    let done = Step::Complete { response: large.clone(), retain: HOUR };
    assert_eq!(step(&store, &owner, done).await, Stepped::Done);
    assert_eq!(completion(&store, &claim).await.response, large);
    assert_eq!(server.ask(&["HGET", &name(claim.id), "status"]), "299");
}

#[tokio::test]
async fn a_completed_record_holds_nothing_of_the_run() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    let claim = claim();
    let owner = owned(&store, &claim).await;
    step(&store, &owner, Step::Checkpoint(Checkpoint::new(&b"half"[..]).unwrap())).await;
    step(&store, &owner, complete("done")).await;
    let fields = server.ask(&["HKEYS", &name(claim.id)]);
    let mut fields: Vec<&str> = fields.lines().collect();
    fields.sort_unstable();
    let expected = [
        "attempt",
        "body",
        "completed_at",
        "created_at",
        "epoch",
        "expires_at",
        "fingerprint",
        "headers",
        "owner",
        "state",
        "status",
        "version",
    ];
    assert_eq!(fields, expected);
}

#[tokio::test]
async fn a_released_record_holds_nothing_of_the_lease_and_an_expired_one_that_is_there_leaves_nothing() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    let claim = claim();
    let owner = owned(&store, &claim).await;
    step(&store, &owner, Step::Checkpoint(Checkpoint::new(&b"half"[..]).unwrap())).await;
    step(&store, &owner, Step::Release { retain: HOUR }).await;
    let fields = server.ask(&["HKEYS", &name(claim.id)]);
    assert!(fields.contains("checkpoint"), "{fields}");
    assert!(!fields.contains("lease") && !fields.contains("after"), "{fields}");
    server.ask(&["HSET", &name(claim.id), "expires_at", "1"]);
    let first = owned(&store, &other(&claim)).await;
    assert_eq!((first.attempt, first.checkpoint), (1, None));
    let fields = server.ask(&["HKEYS", &name(claim.id)]);
    assert!(!fields.contains("checkpoint"), "{fields}");
}

#[tokio::test]
async fn what_cannot_be_read_is_corrupt_for_that_record_alone_and_nothing_panics() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    let large = "9".repeat(400);
    for (field, value) in [
        ("version", "2"),
        ("version", ""),
        ("state", "running"),
        ("fingerprint", "short"),
        ("owner", "short"),
        ("epoch", "0"),
        ("epoch", "-1"),
        ("epoch", "1e3"),
        ("epoch", "9007199254740993"),
        ("epoch", "nan"),
        ("epoch", ""),
        ("epoch", &large),
        ("attempt", "0"),
        ("attempt", "x"),
        ("created_at", "0x10"),
        ("expires_at", "1.5"),
        ("lease_until", ""),
        ("lease_millis", "0"),
        ("after", "lunch"),
    ] {
        let claim = claim();
        let owner = owned(&store, &claim).await;
        server.ask(&["HSET", &name(claim.id), field, value]);
        assert_eq!(refusal(&store, &other(&claim)).await, StoreErrorKind::Corrupt, "{field} {value}");
        let error = store.step(&owner.ticket, &complete("x")).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{field} {value}");
        let error = store.invalidate(claim.id).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{field} {value}");
        assert_eq!(server.ask(&["HGET", &name(claim.id), field]), value, "nothing was written");
    }
    for (field, value) in [
        ("status", "99"),
        ("status", "1000"),
        ("status", "-200"),
        ("headers", "x"),
        ("completed_at", "soon"),
        ("state", "in_flight"),
    ] {
        let claim = claim();
        let owner = owned(&store, &claim).await;
        step(&store, &owner, complete("done")).await;
        server.ask(&["HSET", &name(claim.id), field, value]);
        assert_eq!(refusal(&store, &other(&claim)).await, StoreErrorKind::Corrupt, "{field} {value}");
    }
    for field in ["version", "state", "fingerprint", "owner", "epoch", "lease_until", "after"] {
        let claim = claim();
        owned(&store, &claim).await;
        server.ask(&["HDEL", &name(claim.id), field]);
        assert_eq!(refusal(&store, &other(&claim)).await, StoreErrorKind::Corrupt, "{field} missing");
    }
    for write in [["SET", "words"], ["RPUSH", "1"], ["SADD", "1"]] {
        let claim = claim();
        server.ask(&[write[0], &name(claim.id), write[1]]);
        assert_eq!(refusal(&store, &claim).await, StoreErrorKind::Corrupt, "{write:?}");
    }
    let foreign = claim();
    server.ask(&["HSET", &name(foreign.id), "name", "value"]);
    assert_eq!(refusal(&store, &foreign).await, StoreErrorKind::Corrupt, "somebody else's hash");

    // One that can be read is cleared all the same, and the others are told.
    let well = claim();
    let owner = owned(&store, &well).await;
    step(&store, &owner, complete("well")).await;
    assert_eq!(store.clear().await.unwrap_err().kind(), StoreErrorKind::Corrupt);
    assert_eq!(store.invalidate(well.id).await.unwrap(), Invalidated::Absent);
    assert_eq!(store.health().losses, 0);
}

#[tokio::test]
async fn a_body_that_vanished_is_a_tombstone_and_a_checkpoint_too_large_is_corrupt() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    let claim = claim();
    let owner = owned(&store, &claim).await;
    step(&store, &owner, Step::Abandon).await;
    server.ask(&["HSET", &name(claim.id), "checkpoint", &"x".repeat(Checkpoint::MAX_BYTES + 1)]);
    assert_eq!(refusal(&store, &other(&claim)).await, StoreErrorKind::Corrupt);
}

/// The server's clock, in milliseconds.
fn clock(server: &RedisServer) -> u64 {
    let time = server.ask(&["TIME"]);
    let (seconds, micros) = time.split_once('\n').unwrap();
    seconds.parse::<u64>().unwrap() * 1_000 + micros.parse::<u64>().unwrap() / 1_000
}

#[tokio::test]
async fn a_clock_that_went_back_holds_a_record_for_a_lease_and_one_that_went_on_ends_it() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    // The clock went back an hour: what is stored lies an hour ahead, and its owner is dead.
    let back = Claim { lease: Duration::from_millis(300), ..claim() };
    owned(&store, &back).await;
    let ahead = (clock(&server) + 3_600_000).to_string();
    server.ask(&["HSET", &name(back.id), "lease_until", &ahead, "expires_at", &ahead, "created_at", &ahead]);
    server.ask(&["HSET", &name(back.id), "epoch", &ahead]);
    let Claimed::InFlight { remaining } = store.claim(&other(&back)).await.unwrap() else { panic!("two") };
    assert!(remaining <= back.lease, "{remaining:?}");
    let second = until_owned(&store, &back).await;
    assert_eq!(second.attempt, 2);
    assert_eq!(second.ticket.epoch.to_string(), (ahead.parse::<u64>().unwrap() + 1).to_string());

    // It went on by an hour: the lease is over, and the record is not.
    let on = Claim { lease: MINUTE, retain: 2 * HOUR, ..claim() };
    let first = owned(&store, &on).await;
    let [lease_until, expires_at] = ["lease_until", "expires_at"].map(|field| {
        let time: u64 = server.ask(&["HGET", &name(on.id), field]).parse().unwrap();
        (time - 3_600_000).to_string()
    });
    server.ask(&["HSET", &name(on.id), "lease_until", &lease_until, "expires_at", &expires_at]);
    let second = owned(&store, &other(&on)).await;
    assert_eq!(second.attempt, 2);
    assert!(second.ticket.epoch > first.ticket.epoch);
    assert_eq!(step(&store, &first, complete("late")).await, Stepped::Fenced(None));
}

/// What the documentation says of memory, with all that the server keeps for a key.
#[tokio::test]
async fn a_record_takes_half_a_kibibyte_in_flight_and_no_more_when_it_is_completed_beside_its_response() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    let bytes = |id| server.ask(&["MEMORY", "USAGE", &name(id), "SAMPLES", "0"]).parse::<usize>().unwrap();
    let small = claim();
    let owner = owned(&store, &small).await;
    let in_flight = bytes(small.id);
    step(&store, &owner, complete("")).await;
    let completed = bytes(small.id);
    let large = claim();
    let owner = owned(&store, &large).await;
    step(&store, &owner, complete(&"x".repeat(10_000))).await;
    let whole = bytes(large.id);
    println!("{in_flight} bytes in flight, {completed} completed, {whole} with a body of 10,000");
    assert!(in_flight <= 512 && completed <= 512, "{in_flight}, {completed}");
    assert!(whole <= 12_288, "{whole}");
}
