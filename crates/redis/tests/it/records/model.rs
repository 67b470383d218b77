//! The scripts beside the machine in Rust, command by command, on a real server.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use buttress_idempotency::{
    After, Checkpoint, Claim, Claimed, Fingerprint, HeaderList, Invalidated, OwnerToken, Record, RecordId,
    Scope, State, Step, Stepped, Store, StoredResponse, Ticket, Timestamp, WhenAbandoned, Write,
};
use buttress_redis::RedisRecords;
use buttress_testkit::redis::RedisServer;
use proptest::prelude::*;
use redis::Commands as _;
use redis::Connection;

use super::{connect, name};

const ID: RecordId = RecordId::from_bytes([3; 32]);

#[derive(Clone, Debug)]
enum Command {
    Claim {
        fingerprint: u8,
        owner: u128,
        lease: u64,
        retain: u64,
        refuse: bool,
    },
    /// By one of the tickets that were handed out, or by a forged one.
    Step {
        ticket: usize,
        forged: Option<(u128, i64)>,
        step: Step,
    },
    Invalidate,
    /// As if the server's clock had gone on, or back, by so many milliseconds.
    ClockStep(i64),
}

fn millis() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(1), Just(60_000), Just(3_600_000), Just(4_000_000_000)]
}

fn step() -> impl Strategy<Value = Step> {
    let span = || millis().prop_map(Duration::from_millis);
    prop_oneof![
        (span(), span()).prop_map(|(lease, retain)| Step::Renew { lease, retain }),
        any::<Vec<u8>>().prop_map(|left| Step::Checkpoint(Checkpoint::new(left).unwrap())),
        (response(), span()).prop_map(|(response, retain)| Step::Complete { response, retain }),
        span().prop_map(|retain| Step::Release { retain }),
        Just(Step::Abandon),
    ]
}

fn response() -> impl Strategy<Value = Arc<StoredResponse>> {
    (100_u16..=999, any::<Option<Vec<u8>>>(), any::<Vec<u8>>()).prop_map(|(status, body, value)| {
        let mut headers = HeaderList::builder();
        headers.push(b"x-value", &value).unwrap();
        Arc::new(match body {
            Some(body) => StoredResponse::new(status, headers.finish(), body.into()).unwrap(),
            None => StoredResponse::without_body(status, headers.finish()),
        })
    })
}

fn command() -> impl Strategy<Value = Command> {
    let claim = (0_u8..8, 1_u128..4, millis(), millis(), any::<bool>()).prop_map(
        |(fingerprint, owner, lease, retain, refuse)| {
            let fingerprint = u8::from(fingerprint == 0);
            Command::Claim { fingerprint, owner, lease, retain, refuse }
        },
    );
    let forged = prop_oneof![4 => Just(None), 1 => (1_u128..4, -1_i64..=1).prop_map(Some)];
    let step = (0_usize..3, forged, step()).prop_map(|(ticket, forged, step)| Command::Step {
        ticket,
        forged,
        step,
    });
    let clock =
        prop_oneof![Just(59_999), Just(60_000), Just(3_600_000), Just(-3_600_000), Just(5_000_000_000)];
    prop_oneof![4 => claim, 6 => step, 1 => Just(Command::Invalidate), 2 => clock.prop_map(Command::ClockStep)]
}

/// The server, asked beside the store.
struct Beside(Connection);

impl Beside {
    fn now(&mut self) -> u64 {
        let (seconds, micros): (u64, u64) = redis::cmd("TIME").query(&mut self.0).unwrap();
        seconds * 1_000 + micros / 1_000
    }

    /// The record as the fields say, which is what other programs read too.
    fn record(&mut self) -> Option<Record> {
        let fields: HashMap<String, Vec<u8>> = self.0.hgetall(name(ID)).unwrap();
        if fields.is_empty() {
            return None;
        }
        let text = |field: &str| String::from_utf8(fields[field].clone()).unwrap();
        let number = |field: &str| text(field).parse::<u64>().unwrap();
        let time = |field: &str| Timestamp::from_millis(number(field));
        let state = match &*text("state") {
            "stub" => State::Stub,
            "in_flight" => State::InFlight {
                lease_until: time("lease_until"),
                lease_millis: u32::try_from(number("lease_millis")).unwrap(),
                after: match &*text("after") {
                    "nothing" => After::Nothing,
                    "release" => After::Release,
                    _ => After::Abandonment,
                },
            },
            _ => {
                let headers = HeaderList::from_bytes(fields["headers"].clone().into()).unwrap();
                let status = u16::try_from(number("status")).unwrap();
                let response = match fields.get("body") {
                    Some(body) => StoredResponse::new(status, headers, body.clone().into()).unwrap(),
                    None => StoredResponse::without_body(status, headers),
                };
                State::Completed { at: time("completed_at"), response: Arc::new(response) }
            }
        };
        let ttl: i64 = self.0.pexpire_time(name(ID)).unwrap();
        assert_ne!(ttl, -1, "a record without an expiry");
        Some(Record {
            fingerprint: Fingerprint::from_bytes(fields["fingerprint"].clone().try_into().unwrap()),
            owner: <[u8; 16]>::try_from(&*fields["owner"])
                .ok()
                .and_then(|owner| OwnerToken::from_bits(u128::from_be_bytes(owner))),
            epoch: number("epoch"),
            attempt: u32::try_from(number("attempt")).unwrap(),
            created_at: time("created_at"),
            expires_at: time("expires_at"),
            checkpoint: fields.get("checkpoint").map(|left| Checkpoint::new(&left[..]).unwrap()),
            state,
        })
    }

    /// Moves all times of the record the other way, as a step of the clock does; its epoch is such a time too.
    fn step_clock(&mut self, by: i64) {
        // From here on the fields alone decide about expiry, and the record cannot vanish while they are moved.
        let _: bool = self.0.pexpire(name(ID), 10_000_000_000).unwrap();
        let Some(record) = self.record() else { return };
        let moved = |time: Timestamp| (i64::try_from(time.as_millis()).unwrap() - by).max(0).to_string();
        let set = |connection: &mut Connection, field: &str, time| {
            let _: () = connection.hset(name(ID), field, moved(time)).unwrap();
        };
        set(&mut self.0, "created_at", record.created_at);
        set(&mut self.0, "expires_at", record.expires_at);
        set(&mut self.0, "epoch", Timestamp::from_millis(record.epoch));
        match record.state {
            State::InFlight { lease_until, .. } => set(&mut self.0, "lease_until", lease_until),
            State::Completed { at, .. } => set(&mut self.0, "completed_at", at),
            State::Stub => {}
        }
    }
}

/// Whatever a command came to.
#[derive(Clone, Debug, PartialEq)]
enum Answer {
    Claimed(Claimed),
    Stepped(Stepped),
    Invalidated(Invalidated),
}

fn decide(
    command: &Command,
    tickets: &[Ticket],
    found: Option<&Record>,
    now: Timestamp,
) -> (Answer, Option<Write>) {
    match command {
        Command::Claim { .. } => {
            let decided = Record::claim(found, &claim(command), now);
            (Answer::Claimed(decided.answer), decided.write)
        }
        Command::Step { step, .. } => {
            let decided = Record::step(found, &ticket(command, tickets), step, now);
            (Answer::Stepped(decided.answer), decided.write)
        }
        Command::Invalidate | Command::ClockStep(_) => {
            let decided = Record::invalidate(found, now);
            (Answer::Invalidated(decided.answer), decided.write)
        }
    }
}

async fn ask(store: &RedisRecords, command: &Command, tickets: &[Ticket]) -> Answer {
    match command {
        Command::Claim { .. } => Answer::Claimed(store.claim(&claim(command)).await.unwrap()),
        Command::Step { step, .. } => {
            Answer::Stepped(store.step(&ticket(command, tickets), step).await.unwrap())
        }
        Command::Invalidate | Command::ClockStep(_) => {
            Answer::Invalidated(store.invalidate(ID).await.unwrap())
        }
    }
}

fn claim(command: &Command) -> Claim {
    let Command::Claim { fingerprint, owner, lease, retain, refuse } = *command else { unreachable!() };
    Claim {
        id: ID,
        scope: Scope::from_bits(1),
        fingerprint: Fingerprint::from_bytes([fingerprint; 32]),
        owner: OwnerToken::from_bits(owner).unwrap(),
        lease: Duration::from_millis(lease),
        retain: Duration::from_millis(retain),
        when_abandoned: if refuse { WhenAbandoned::Refuse } else { WhenAbandoned::TakeOver },
    }
}

/// Of the latest tickets, the one that is meant.
fn ticket(command: &Command, tickets: &[Ticket]) -> Ticket {
    let Command::Step { ticket, forged, .. } = command else { unreachable!() };
    let nobody = Ticket {
        id: ID,
        fingerprint: Fingerprint::from_bytes([0; 32]),
        owner: OwnerToken::from_bits(1).unwrap(),
        epoch: 1,
    };
    let found = tickets.iter().rev().nth(*ticket).or(tickets.last()).copied().unwrap_or(nobody);
    match forged {
        None => found,
        Some((owner, by)) => Ticket {
            owner: OwnerToken::from_bits(*owner).unwrap(),
            epoch: found.epoch.saturating_add_signed(*by),
            ..found
        },
    }
}

/// Whether what stands there now is what the machine wanted; what has expired may be gone already.
fn agrees(
    write: Option<&Write>,
    before: Option<&Record>,
    after: Option<&Record>,
    now: Timestamp,
    until: Timestamp,
) -> bool {
    let wanted = match write {
        None => before,
        Some(Write::Put(record)) => Some(record),
        Some(Write::Remove) => None,
    };
    after == wanted || (after.is_none() && wanted.is_none_or(|record| record.is_expired(now.max(until))))
}

/// What kind of answer it is, so that the test knows that it has seen them all.
fn word(answer: &Answer) -> String {
    let whole = match answer {
        Answer::Claimed(Claimed::Owned(owned)) => format!("{:?}", owned.after),
        Answer::Stepped(Stepped::Fenced(kept)) => format!("Fenced{}", kept.is_some()),
        Answer::Claimed(claimed) => format!("{claimed:?}"),
        Answer::Stepped(stepped) => format!("{stepped:?}"),
        Answer::Invalidated(invalidated) => format!("Invalidated{invalidated:?}"),
    };
    whole.chars().take_while(char::is_ascii_alphanumeric).collect()
}

async fn run(store: &RedisRecords, beside: &mut Beside, commands: Vec<Command>, seen: &mut BTreeSet<String>) {
    let _: i64 = beside.0.del(name(ID)).unwrap();
    let mut tickets: Vec<Ticket> = Vec::new();
    for command in &commands {
        if let Command::ClockStep(by) = command {
            beside.step_clock(*by);
            for ticket in &mut tickets {
                ticket.epoch = ticket.epoch.saturating_add_signed(-by);
            }
            continue;
        }
        let (before, from) = (beside.record(), beside.now());
        let answer = ask(store, command, &tickets).await;
        let (to, after) = (beside.now(), beside.record());
        let agreed = (from..=to).map(Timestamp::from_millis).any(|now| {
            let (wanted, write) = decide(command, &tickets, before.as_ref(), now);
            let until = Timestamp::from_millis(to + 1);
            wanted == answer && agrees(write.as_ref(), before.as_ref(), after.as_ref(), now, until)
        });
        let would = decide(command, &tickets, before.as_ref(), Timestamp::from_millis(to));
        assert!(
            agreed,
            "{from}..={to} {command:?}\nbefore {before:?}\nanswer {answer:?}\nafter {after:?}\nmachine {would:?}"
        );
        seen.insert(word(&answer));
        if let Answer::Claimed(Claimed::Owned(owned)) = answer {
            tickets.push(owned.ticket);
        }
    }
}

#[test]
fn the_scripts_decide_as_the_machine_in_rust_does_at_some_time_between_call_and_answer() {
    let server = RedisServer::start();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let store = runtime.block_on(connect(&server));
    let client = redis::Client::open(server.url()).unwrap();
    let beside = RefCell::new(Beside(client.get_connection().unwrap()));
    let seen = RefCell::default();
    let config = ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(commands in proptest::collection::vec(command(), 1..40))| {
        runtime.block_on(run(&store, &mut beside.borrow_mut(), commands, &mut seen.borrow_mut()));
    });
    let all = [
        "Abandoned",
        "Abandonment",
        "Completed",
        "Done",
        "Fencedfalse",
        "Fencedtrue",
        "Gone",
        "InFlight",
        "InvalidatedAbsent",
        "InvalidatedInFlight",
        "InvalidatedRemoved",
        "Mismatch",
        "Nothing",
        "Release",
    ];
    assert!(seen.into_inner().iter().eq(all.iter()), "every answer was given");
}
