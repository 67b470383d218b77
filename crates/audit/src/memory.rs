use std::collections::VecDeque;
use std::fmt;
use std::future::{Ready, ready};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::record::{Durability, NotRecorded, Reason, Receipt, Recorder, Reservation};
use crate::{Class, Event};

/// How many events are kept unless it is said otherwise.
const CAPACITY: usize = 10_000;

/// Keeps events in memory, for tests of what a program records. It is no audit log. Clones share.
///
/// ```
/// use buttress_audit::{Action, Event, MemoryRecorder, Recorder};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), buttress_audit::NotRecorded> {
/// let records = MemoryRecorder::new();
/// records.record(Event::builder(Action::LOGIN).build()).await?;
/// assert_eq!(records.events()[0].action(), &Action::LOGIN);
///
/// records.refuse(true);
/// assert!(records.record(Event::builder(Action::LOGIN).build()).await.is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MemoryRecorder(Arc<Mutex<Kept>>);

struct Kept {
    events: VecDeque<Event>,
    capacity: usize,
    recorded: u64,
    reserved: usize,
    refusal: Option<NotRecorded>,
    failure: Option<NotRecorded>,
}

impl Default for MemoryRecorder {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryRecorder {
    /// Keeps the last 10,000 events.
    pub fn new() -> Self {
        Self::with_capacity(CAPACITY)
    }

    /// Keeps the last so many events.
    pub fn with_capacity(capacity: usize) -> Self {
        Self(Arc::new(Mutex::new(Kept {
            events: VecDeque::new(),
            capacity,
            recorded: 0,
            reserved: 0,
            refusal: None,
            failure: None,
        })))
    }

    /// The events, oldest first.
    pub fn events(&self) -> Vec<Event> {
        self.0.lock().events.iter().cloned().collect()
    }

    /// The events as the log would have them, redacted by the default rules, one JSON object each.
    pub fn lines(&self) -> Vec<String> {
        let redactor = buttress_redact::Redactor::default();
        let line = |event: &Event| {
            let mut line = Vec::new();
            event.encode(&redactor, &mut line);
            String::from_utf8_lossy(&line).into_owned()
        };
        self.events().iter().map(line).collect()
    }

    /// How much room is reserved and not used yet.
    pub fn reserved(&self) -> usize {
        self.0.lock().reserved
    }

    /// From now on there is no room for anything, as in a full log, or there is again.
    pub fn refuse(&self, refuses: bool) {
        self.refuse_with(refuses.then(|| NotRecorded::new(Reason::QueueFull)));
    }

    /// From now on there is no room, and this is why.
    pub fn refuse_with(&self, refusal: Option<NotRecorded>) {
        self.0.lock().refusal = refusal;
    }

    /// From now on there is room, but what is handed over gets no receipt and is not kept.
    pub fn fail_with(&self, failure: Option<NotRecorded>) {
        self.0.lock().failure = failure;
    }
}

impl Recorder for MemoryRecorder {
    type Reservation = MemoryReservation;
    type Reserving = Ready<Result<MemoryReservation, NotRecorded>>;

    fn reserve(&self, _: Class) -> Self::Reserving {
        let mut kept = self.0.lock();
        if let Some(refusal) = kept.refusal.clone() {
            return ready(Err(refusal));
        }
        kept.reserved += 1;
        ready(Ok(MemoryReservation(self.clone())))
    }
}

/// Room for one event in a [`MemoryRecorder`].
#[derive(Debug)]
pub struct MemoryReservation(MemoryRecorder);

impl Reservation for MemoryReservation {
    type Recording = Ready<Result<Receipt, NotRecorded>>;

    fn record(self, event: Event) -> Self::Recording {
        let mut kept = self.0.0.lock();
        if let Some(failure) = kept.failure.clone() {
            return ready(Err(failure));
        }
        while kept.events.len() >= kept.capacity.max(1) {
            kept.events.pop_front();
        }
        kept.recorded += 1;
        kept.events.push_back(event);
        ready(Ok(Receipt::new(Some(kept.recorded), Durability::Enqueued)))
    }
}

impl Drop for MemoryReservation {
    fn drop(&mut self) {
        self.0.0.lock().reserved -= 1;
    }
}

impl fmt::Debug for MemoryRecorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = self.0.lock();
        f.debug_struct("MemoryRecorder").field("events", &kept.events.len()).finish_non_exhaustive()
    }
}
