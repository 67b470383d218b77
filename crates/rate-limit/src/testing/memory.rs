use std::collections::{HashMap, HashSet};
use std::future;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::{Ask, KeyHash, Reply, Ruling, Store, StoreError, Take};

/// A store in this process, over the same arithmetic as the local limiter.
///
/// Its clock is tokio's, so paused time works, and can be stepped. Clones share.
#[derive(Clone, Debug)]
pub struct MemoryStore(Arc<Mutex<Shelf>>);

#[derive(Debug)]
struct Shelf {
    start: Instant,
    /// The clock's time at the start, in microseconds.
    epoch: u64,
    tats: HashMap<KeyHash, u64>,
    calls: u64,
    latency: Duration,
    sickness: Sickness,
    spoilt: HashSet<KeyHash>,
}

#[derive(Clone, Copy, Debug)]
enum Sickness {
    Well,
    Fails,
    Hangs,
}

impl Default for MemoryStore {
    /// An empty store, whose clock begins in the present century.
    fn default() -> Self {
        let (start, tats) = (Instant::now(), HashMap::new());
        let well = Sickness::Well;
        let (latency, spoilt) = (Duration::ZERO, HashSet::new());
        let shelf = Shelf { start, epoch: 1 << 50, tats, calls: 0, latency, sickness: well, spoilt };
        Self(Arc::new(Mutex::new(shelf)))
    }
}

impl MemoryStore {
    /// Lets every call fail from now on.
    pub fn fail(&self) {
        self.0.lock().sickness = Sickness::Fails;
    }

    /// Lets no call return from now on.
    pub fn hang(&self) {
        self.0.lock().sickness = Sickness::Hangs;
    }

    /// Answers from now on that this key holds something else.
    pub fn spoil(&self, key: KeyHash) {
        self.0.lock().spoilt.insert(key);
    }

    /// Lets calls succeed again; spoilt keys stay so.
    pub fn heal(&self) {
        self.0.lock().sickness = Sickness::Well;
    }

    /// How long each call takes from now on; it is decided at the beginning.
    pub fn set_latency(&self, latency: Duration) {
        self.0.lock().latency = latency;
    }

    /// Steps the store's clock forward.
    pub fn step_forward(&self, by: Duration) {
        self.0.lock().epoch += micros(by);
    }

    /// Steps the store's clock back.
    pub fn step_back(&self, by: Duration) {
        self.0.lock().epoch -= micros(by);
    }

    /// How many calls have arrived, those that failed included.
    pub fn calls(&self) -> u64 {
        self.0.lock().calls
    }
}

impl Store for MemoryStore {
    async fn decide(&self, asks: &[Ask]) -> Result<Vec<Reply>, StoreError> {
        let (sickness, latency, answer) = self.0.lock().arrive(asks);
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        match sickness {
            Sickness::Well => Ok(answer),
            Sickness::Fails => Err(StoreError::unreachable("it was told to fail")),
            Sickness::Hangs => future::pending().await,
        }
    }
}

impl Shelf {
    fn arrive(&mut self, asks: &[Ask]) -> (Sickness, Duration, Vec<Reply>) {
        self.calls += 1;
        let answer = match self.sickness {
            Sickness::Well => self.decide(asks),
            Sickness::Fails | Sickness::Hangs => Vec::new(),
        };
        (self.sickness, self.latency, answer)
    }

    fn decide(&mut self, asks: &[Ask]) -> Vec<Reply> {
        let now = self.epoch + micros(self.start.elapsed());
        let mut tats = self.tats.clone();
        let replies: Vec<Reply> = asks.iter().map(|ask| apply(&self.spoilt, &mut tats, ask, now)).collect();
        let denied = asks
            .iter()
            .zip(&replies)
            .any(|(ask, reply)| matches!(ask.take, Take::All(cost) if cost > reply.granted));
        if !denied {
            self.tats = tats;
            return replies;
        }
        // Again, with nothing for those that want all or nothing.
        let Self { spoilt, tats, .. } = self;
        asks.iter().map(|ask| apply(spoilt, tats, &without_all(*ask), now)).collect()
    }
}

fn without_all(ask: Ask) -> Ask {
    match ask.take {
        Take::All(_) => Ask { take: Take::All(0), ..ask },
        _ => ask,
    }
}

fn apply(spoilt: &HashSet<KeyHash>, tats: &mut HashMap<KeyHash, u64>, ask: &Ask, now: u64) -> Reply {
    if spoilt.contains(&ask.key) {
        return Reply::SPOILT;
    }
    let rate = ask.rate;
    let stored = tats.get(&ask.key).copied().unwrap_or(0);
    let (granted, tat) = match ask.take {
        Take::All(cost) => match rate.decide(stored, now, cost) {
            Ruling::Admit { tat } => (cost, tat),
            Ruling::Deny { tat, .. } | Ruling::Never { tat } => (0, tat),
        },
        Take::UpTo(want) => rate.up_to(stored, now, want),
        Take::Charge(units) => {
            let (tat, excess) = rate.charge(stored, now, units);
            (units - excess, tat)
        }
        Take::Back(units) => (0, rate.refund(stored, now, units)),
    };
    tats.insert(ask.key, tat);
    Reply::new(granted, tat.saturating_sub(now))
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
