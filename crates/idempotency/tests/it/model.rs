//! Random histories, against a naive account of what each key has seen.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use buttress_idempotency::{
    Checkpoint, Claim, Claimed, Invalidated, MemoryStore, Record, RecordId, Step, Stepped, Store, Ticket,
    WhenAbandoned, Write,
};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::sample::{at, claim, of_record, response};

#[derive(Clone, Debug)]
enum Op {
    Claim {
        key: u64,
        payload: u8,
        again: bool,
        refuse: bool,
        lease: u64,
        retain: u64,
    },
    /// A step by one of the tickets that were given out.
    Step {
        ticket: usize,
        kind: u8,
        lease: u64,
        retain: u64,
    },
    Invalidate {
        key: u64,
    },
    Pass {
        millis: u64,
    },
}

fn op() -> impl Strategy<Value = Op> {
    let key = 0_u64..2;
    let span = prop_oneof![Just(0_u64), Just(10), Just(20), 1_u64..60];
    prop_oneof![
        6 => (key.clone(), prop::bool::weighted(0.15), prop::bool::weighted(0.2), any::<bool>(), span.clone(), span.clone())
            .prop_map(|(key, payload, again, refuse, lease, retain)| Op::Claim { key, payload: payload.into(), again, refuse, lease, retain }),
        6 => (0_usize..3, 0_u8..5, span.clone(), span).prop_map(|(ticket, kind, lease, retain)| Op::Step { ticket, kind, lease, retain }),
        1 => key.prop_map(|key| Op::Invalidate { key }),
        4 => (0_u64..25).prop_map(|millis| Op::Pass { millis }),
    ]
}

/// What is known about a key, as a person would note it.
#[derive(Clone, Debug)]
struct Notes {
    payload: u8,
    attempts: u32,
    /// Who has the last attempt, and until when he counts as alive; nobody once it was given back or up.
    runner: Option<(u128, u64)>,
    /// Given back by the last attempt, and whose that was.
    free: Option<u128>,
    answer: Option<String>,
    left: Option<u8>,
    kept_until: u64,
    /// Which of all grants the last attempt was.
    grant: u32,
    before: &'static str,
}

#[derive(Default)]
struct Account {
    keys: HashMap<u64, Notes>,
    grants: u32,
}

impl Account {
    fn tidy(&mut self, now: u64) {
        self.keys.retain(|_, notes| {
            now < notes.kept_until
                || notes.answer.is_none() && notes.runner.is_some_and(|(_, until)| now < until)
        });
    }

    fn claim(&mut self, key: u64, payload: u8, claim: &Claim, now: u64) -> String {
        let by = claim.owner.to_bits();
        let refuse = claim.when_abandoned == WhenAbandoned::Refuse;
        let (lease, retain) = (millis(claim.lease).max(1), millis(claim.retain));
        let kept_until = now + lease.max(retain);
        let Some(notes) = self.keys.get_mut(&key) else {
            let runner = Some((by, now + lease));
            self.grants += 1;
            let grant = self.grants;
            let notes = Notes {
                payload,
                attempts: 1,
                runner,
                free: None,
                answer: None,
                left: None,
                kept_until,
                grant,
                before: "Nothing",
            };
            self.keys.insert(key, notes);
            return "owned 1 Nothing None".to_owned();
        };
        if notes.payload != payload {
            return "mismatch".to_owned();
        }
        if let Some(answer) = &notes.answer {
            return format!("replay {answer}");
        }
        let alive = notes.runner.filter(|(_, until)| now < *until);
        match (notes.runner, alive) {
            _ if notes.free == Some(by) => return "busy 0".to_owned(),
            (Some((runner, _)), _) if runner == by => {}
            (_, Some((_, until))) => return format!("busy {}", until - now),
            _ if notes.free.is_some() => {
                (notes.attempts, notes.before) = (notes.attempts + 1, "Release");
                self.grants += 1;
                notes.grant = self.grants;
            }
            _ if refuse => return format!("unknown {}", notes.attempts),
            _ => {
                (notes.attempts, notes.before) = (notes.attempts + 1, "Abandonment");
                self.grants += 1;
                notes.grant = self.grants;
            }
        }
        (notes.runner, notes.free, notes.kept_until) = (Some((by, now + lease)), None, kept_until);
        format!("owned {} {} {:?}", notes.attempts, notes.before, notes.left)
    }

    /// A step by the one who began an attempt; `body` names the step.
    fn step(
        &mut self,
        key: u64,
        (by, grant, payload): (u128, u32, u8),
        kind: u8,
        body: &str,
        terms: (u64, u64),
        now: u64,
    ) -> String {
        let (lease, retain) = (terms.0.max(1), terms.1);
        let Some(notes) = self.keys.get_mut(&key) else { return "gone".to_owned() };
        let is_his = notes.grant == grant;
        if let Some(answer) = &notes.answer {
            if is_his && kind == 2 {
                return "done".to_owned();
            }
            return if notes.payload == payload { format!("fenced {answer}") } else { "fenced".to_owned() };
        }
        if is_his && notes.free.is_some() && kind == 3 {
            return "done".to_owned();
        }
        if !is_his || notes.runner.is_none() {
            return "fenced".to_owned();
        }
        match kind {
            0 => (notes.runner, notes.kept_until) = (Some((by, now + lease)), now + lease.max(retain)),
            1 => notes.left = Some(u8::try_from(now % 256).unwrap()),
            2 => (notes.answer, notes.kept_until) = (Some(body.to_owned()), now + retain),
            3 => (notes.runner, notes.free, notes.kept_until) = (None, Some(by), now + retain),
            _ => notes.runner = None,
        }
        "done".to_owned()
    }

    fn invalidate(&mut self, key: u64, now: u64) -> Invalidated {
        let Some(notes) = self.keys.get(&key) else { return Invalidated::Absent };
        if notes.answer.is_none() && notes.runner.is_some_and(|(_, until)| now < until) {
            return Invalidated::InFlight;
        }
        self.keys.remove(&key);
        Invalidated::Removed
    }
}

fn said(claimed: &Claimed) -> String {
    match claimed {
        Claimed::Owned(owned) => {
            let left = owned.checkpoint.as_ref().map(|left| left.as_bytes()[0]);
            format!("owned {} {:?} {left:?}", owned.attempt, owned.after)
        }
        Claimed::InFlight { remaining } => format!("busy {}", remaining.as_millis()),
        Claimed::Mismatch => "mismatch".to_owned(),
        Claimed::Completed(kept) => format!("replay {}", text(kept)),
        Claimed::Abandoned { attempt } => format!("unknown {attempt}"),
    }
}

fn stepped(stepped: &Stepped) -> String {
    match stepped {
        Stepped::Done => "done".to_owned(),
        Stepped::Fenced(Some(kept)) => format!("fenced {}", text(kept)),
        Stepped::Fenced(None) => "fenced".to_owned(),
        Stepped::Gone => "gone".to_owned(),
        Stepped::StatusOnly => "status only".to_owned(),
    }
}

fn text(kept: &buttress_idempotency::Completion) -> String {
    String::from_utf8(kept.response.body().unwrap().to_vec()).unwrap()
}

/// What keeps records as bytes, as a store on a disk does.
#[derive(Default)]
struct Bytes(HashMap<RecordId, bytes::Bytes>);

impl Bytes {
    fn find(&self, id: RecordId) -> Option<Record> {
        self.0.get(&id).map(|bytes| Record::decode(bytes.clone()).unwrap())
    }

    fn write(&mut self, id: RecordId, write: Option<Write>) {
        match write {
            Some(Write::Put(record)) => drop(self.0.insert(id, record.encode())),
            Some(Write::Remove) => drop(self.0.remove(&id)),
            None => {}
        }
    }
}

fn block<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn run(ops: Vec<Op>) {
    let hand = Arc::new(AtomicU64::new(1_000));
    let clock = Arc::clone(&hand);
    let memory = MemoryStore::builder().clock(move || at(clock.load(Ordering::Relaxed))).build().unwrap();
    let (mut bytes, mut account) = (Bytes::default(), Account::default());
    let mut given: Vec<(u64, u8, u32, Ticket)> = Vec::new();
    let mut last: HashMap<u64, u128> = HashMap::new();
    for (turn, op) in ops.into_iter().enumerate() {
        let now = hand.load(Ordering::Relaxed);
        account.tidy(now);
        match op {
            Op::Claim { key, payload, again, refuse, lease, retain } => {
                let fresh = turn as u128 + 1;
                // Only what is still there can have been claimed before, with an answer that was lost.
                let by = if again && account.keys.contains_key(&key) {
                    *last.get(&key).unwrap_or(&fresh)
                } else {
                    fresh
                };
                last.insert(key, by);
                let when_abandoned = if refuse { WhenAbandoned::Refuse } else { WhenAbandoned::TakeOver };
                let (lease, retain) = (Duration::from_millis(lease), Duration::from_millis(retain));
                let claim = Claim { lease, retain, when_abandoned, ..of_record(key, &claim(by, payload)) };
                let expected = account.claim(key, payload, &claim, now);
                let from_memory = block(memory.claim(&claim)).unwrap();
                let decided = Record::claim(bytes.find(claim.id).as_ref(), &claim, at(now));
                bytes.write(claim.id, decided.write);
                assert_eq!(said(&from_memory), expected, "turn {turn}: {claim:?}");
                assert_eq!(from_memory, decided.answer, "turn {turn}");
                if let Claimed::Owned(owned) = from_memory {
                    given.push((key, payload, account.keys[&key].grant, owned.ticket));
                }
            }
            Op::Step { ticket, kind, lease, retain } => {
                // The last ones, and rarely those before.
                let Some((key, payload, grant, ticket)) = given.iter().rev().nth(ticket).copied() else {
                    continue;
                };
                let body = format!("{payload} at {turn}");
                let (lease_for, retain_for) = (Duration::from_millis(lease), Duration::from_millis(retain));
                let step = match kind {
                    0 => Step::Renew { lease: lease_for, retain: retain_for },
                    1 => Step::Checkpoint(Checkpoint::new([u8::try_from(now % 256).unwrap()]).unwrap()),
                    2 => Step::Complete { response: response(&body), retain: retain_for },
                    3 => Step::Release { retain: retain_for },
                    _ => Step::Abandon,
                };
                let by = (ticket.owner.to_bits(), grant, payload);
                let expected = account.step(key, by, kind, &body, (lease, retain), now);
                let from_memory = block(memory.step(&ticket, &step)).unwrap();
                let decided = Record::step(bytes.find(ticket.id).as_ref(), &ticket, &step, at(now));
                bytes.write(ticket.id, decided.write);
                assert_eq!(stepped(&from_memory), expected, "turn {turn}: {step:?}");
                assert_eq!(from_memory, decided.answer, "turn {turn}");
            }
            Op::Invalidate { key } => {
                let id = of_record(key, &claim(1, 1)).id;
                let decided = Record::invalidate(bytes.find(id).as_ref(), at(now));
                bytes.write(id, decided.write);
                let expected = account.invalidate(key, now);
                assert_eq!((block(memory.invalidate(id)).unwrap(), decided.answer), (expected, expected));
            }
            Op::Pass { millis } => drop(hand.fetch_add(millis, Ordering::Relaxed)),
        }
    }
    hand.fetch_add(1_000, Ordering::Relaxed);
    memory.sweep();
    assert_eq!((memory.occupancy().records, memory.occupancy().bytes), (0, 0), "all was given back");
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn machine_bytes_and_memory_do_what_a_naive_account_says(ops in vec(op(), 1..80)) {
        run(ops);
    }
}
