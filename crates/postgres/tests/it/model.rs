use std::collections::HashMap;
use std::time::Duration;

use buttress_core::Entropy;
use buttress_idempotency::testing::{claim, response};
use buttress_idempotency::{
    Checkpoint, Claim, Claimed, Decided, Fingerprint, Invalidated, OwnerToken, Record, RecordId, Step,
    Stepped, Store, StoredResponse, Ticket, Timestamp, WhenAbandoned, Write,
};
use buttress_postgres::PostgresStore;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::bench::store;
use crate::clock;

/// Something that happens to one of a few records.
#[derive(Clone, Debug)]
enum Event {
    Claim {
        key: u8,
        payload: u8,
        lease: u64,
        retain: u64,
        refuse: bool,
        within: bool,
    },
    /// By one of those who ever owned it.
    Step {
        key: u8,
        who: usize,
        what: u8,
        lease: u64,
        retain: u64,
    },
    ClaimAgain {
        who: usize,
    },
    Invalidate {
        key: u8,
    },
    /// Forward, or back.
    Clock {
        millis: i64,
    },
    Prune,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let time = || prop_oneof![Just(0_u64), 1_u64..2_000, 50_000_u64..200_000];
    let claim = (0..3_u8, 0..5_u8, time(), time(), any::<bool>(), any::<bool>()).prop_map(
        |(key, payload, lease, retain, refuse, within)| Event::Claim {
            key,
            payload: payload / 4,
            lease,
            retain,
            refuse,
            within,
        },
    );
    let step = (0..3_u8, 0..6_usize, 0..6_u8, time(), time())
        .prop_map(|(key, who, what, lease, retain)| Event::Step { key, who, what, lease, retain });
    let clock = prop_oneof![1_i64..1_000, 1_000_i64..150_000, -100_000_i64..0];
    let event = prop_oneof![
        6 => claim,
        6 => step,
        1 => (0..6_usize).prop_map(|who| Event::ClaimAgain { who }),
        1 => (0..3_u8).prop_map(|key| Event::Invalidate { key }),
        4 => clock.prop_map(|millis| Event::Clock { millis }),
        1 => Just(Event::Prune),
    ];
    prop::collection::vec(event, 1..40)
}

/// The machine in memory and the one in the database, side by side.
struct World {
    store: PostgresStore,
    now: Timestamp,
    records: HashMap<RecordId, Record>,
    owners: Vec<(Claim, Ticket)>,
    ids: [RecordId; 3],
}

impl World {
    fn new(store: PostgresStore) -> Self {
        let ids = [claim().id, claim().id, claim().id];
        let now = Timestamp::from_millis(1_800_000_000_000);
        Self { store, now, records: HashMap::new(), owners: Vec::new(), ids }
    }

    fn keep<A>(&mut self, id: RecordId, decided: Decided<A>) -> A {
        match decided.write {
            Some(Write::Put(record)) => drop(self.records.insert(id, record)),
            Some(Write::Remove) => drop(self.records.remove(&id)),
            None => {}
        }
        decided.answer
    }

    async fn happen(&mut self, event: &Event) {
        match event {
            Event::Claim { key, payload, lease, retain, refuse, within } => {
                let claim = Claim {
                    id: self.ids[usize::from(*key)],
                    fingerprint: Fingerprint::from_bytes([*payload; 32]),
                    owner: OwnerToken::draw(&Entropy::system()),
                    lease: Duration::from_millis(*lease),
                    retain: Duration::from_millis(*retain),
                    when_abandoned: if *refuse { WhenAbandoned::Refuse } else { WhenAbandoned::TakeOver },
                    ..claim()
                };
                self.claim(&claim, *within).await;
            }
            Event::ClaimAgain { who } => {
                if let Some((claim, _)) = self.owners.get(*who).cloned() {
                    self.claim(&claim, false).await;
                }
            }
            Event::Step { key, who, what, lease, retain } => {
                self.step(*key, *who, *what, *lease, *retain).await;
            }
            Event::Invalidate { key } => {
                let id = self.ids[usize::from(*key)];
                let expected = self.keep(id, Record::invalidate(self.records.get(&id), self.now));
                let invalidated: Invalidated = self.store.invalidate(id).await.unwrap();
                assert_eq!(invalidated, expected);
            }
            Event::Clock { millis } => {
                self.now = Timestamp::from_millis(self.now.as_millis().checked_add_signed(*millis).unwrap());
                clock::set(&self.store, self.now.as_millis()).await;
            }
            Event::Prune => self.prune().await,
        }
    }

    /// What is gone had expired, and what has been expired for long is gone.
    async fn prune(&mut self) {
        self.store.prune().await.unwrap();
        let statement = format!("select id from {}.records", self.store.schema());
        let rows = self.store.pool().get().await.unwrap().query(&statement, &[]).await.unwrap();
        let left: Vec<Vec<u8>> = rows.iter().map(|row| row.get(0)).collect();
        let now = self.now;
        self.records.retain(|id, record| {
            let is_there = left.iter().any(|left| left == id.as_bytes());
            assert!(is_there || record.is_expired(now), "{record:?} at {now:?}");
            assert!(
                !is_there
                    || now < record.expires_at.after(Duration::from_millis(1 << 16))
                    || record.is_live(now)
            );
            is_there
        });
    }

    async fn claim(&mut self, claim: &Claim, within: bool) {
        let expected = self.keep(claim.id, Record::claim(self.records.get(&claim.id), claim, self.now));
        let claimed = if within {
            let mut client = self.store.pool().get().await.unwrap();
            let transaction = client.transaction().await.unwrap();
            let claimed = self.store.claim_in(&transaction, claim).await.unwrap();
            transaction.commit().await.unwrap();
            claimed
        } else {
            self.store.claim(claim).await.unwrap()
        };
        let Claimed::Owned(mut owned) = claimed.clone() else { return assert_eq!(claimed, expected) };
        let Claimed::Owned(wanted) = expected else { panic!("owned, and not {expected:?}") };
        // An epoch is larger than it need be where an expired record tells of one that the clock has gone back behind.
        let epoch = owned.ticket.epoch;
        assert!(epoch >= wanted.ticket.epoch, "{epoch} after {wanted:?}");
        owned.ticket.epoch = wanted.ticket.epoch;
        assert_eq!(owned, wanted);
        owned.ticket.epoch = epoch;
        self.records.get_mut(&claim.id).unwrap().epoch = epoch;
        self.owners.push((claim.clone(), owned.ticket));
    }

    async fn step(&mut self, key: u8, who: usize, what: u8, lease: u64, retain: u64) {
        let Some(&(_, ticket)) = self.owners.iter().rev().nth(who) else { return };
        let ticket = Ticket { id: if what == 5 { self.ids[usize::from(key)] } else { ticket.id }, ..ticket };
        let (lease, retain) = (Duration::from_millis(lease), Duration::from_millis(retain));
        let step = match what {
            0 => Step::Renew { lease, retain },
            1 => Step::Checkpoint(Checkpoint::new(vec![key; who]).unwrap()),
            2 => Step::Complete { response: response(vec![key; who]), retain },
            3 => Step::Release { retain },
            4 => Step::Abandon,
            _ => {
                let tombstone = StoredResponse::without_body(204, response("").headers().clone());
                Step::Complete { response: tombstone.into(), retain }
            }
        };
        let expected =
            self.keep(ticket.id, Record::step(self.records.get(&ticket.id), &ticket, &step, self.now));
        let stepped: Stepped = self.store.step(&ticket, &step).await.unwrap();
        assert_eq!(stepped, expected, "{step:?}");
    }
}

/// Whatever happens in whatever order, and however the clock goes: the functions in the database decide as the machine
/// in memory does. Claims of their own and claims within a transaction decide alike.
#[test]
fn the_functions_in_the_database_decide_as_the_machine_does() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let store = runtime.block_on(async {
        let store = store().await;
        clock::fake(&store).await;
        store
    });
    let mut runner = TestRunner::new(Config { cases: 192, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&events(), |events| {
        runtime.block_on(async {
            let mut world = World::new(store.clone());
            clock::set(&store, world.now.as_millis()).await;
            for event in &events {
                world.happen(event).await;
            }
        });
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}
