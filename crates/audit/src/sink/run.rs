use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use tokio::sync::watch;
use tokio::time::timeout;
use tracing::{error, info, warn};

use super::cursor::Cursor;
use super::feeder::Settings;
use super::report::report;
use super::status::{FeederState, Progress};
use super::tail::{Tail, TailError};
use super::{Seen, Sink, SinkError, SinkErrorKind};
use crate::log::{Head, OwnedLine};

/// The longest that a sink may ask to be left alone.
const LONGEST_AFTER: Duration = Duration::from_secs(3_600);

/// A feeder at work.
pub(super) struct Run<K> {
    sink: K,
    tail: Tail,
    cursor: Arc<Cursor>,
    settings: Settings,
    progress: watch::Sender<Progress>,
    /// The last record that is known to be delivered.
    place: Head,
    /// Whether the sink has been asked up to where it is, since something failed.
    is_located: bool,
    /// The most records in the next batch.
    records: usize,
    /// How often something has failed since something succeeded, and how long the last pause was.
    streak: u32,
    pause: Duration,
}

/// What a round came to, when nothing failed.
enum Round {
    Delivered,
    /// There is nothing to hand on.
    Idle,
}

/// What a round came to otherwise.
enum Failure {
    Sink(SinkError),
    Tail(TailError),
    /// No answer within this time.
    Silence(Duration),
}

impl<K: Sink> Run<K> {
    pub(super) fn new(
        sink: K,
        tail: Tail,
        cursor: Cursor,
        place: Head,
        settings: Settings,
        progress: watch::Sender<Progress>,
    ) -> Self {
        let (cursor, records) = (Arc::new(cursor), settings.batch_records);
        let (is_located, streak, pause) = (false, 0, Duration::ZERO);
        Self { sink, tail, cursor, settings, progress, place, is_located, records, streak, pause }
    }

    /// Hands on what there is and what comes, until it is told to stop and nothing is left, or there is no point any more.
    pub(super) async fn feed(mut self, mut stop: watch::Receiver<bool>) {
        loop {
            match self.round().await {
                Ok(Round::Delivered) => self.succeeded(),
                Ok(Round::Idle) if *stop.borrow_and_update() => return self.end(FeederState::Stopped),
                Ok(Round::Idle) => {
                    self.succeeded();
                    first_of(self.tail.changed(), stop.changed()).await;
                }
                Err(failure) => {
                    if !self.failed(&failure) {
                        return self.end(FeederState::Failed);
                    }
                    // Who wants to stop has it tried once more at once, and then at the usual pace.
                    let _ = timeout(self.pause, stop.changed()).await;
                }
            }
        }
    }

    async fn round(&mut self) -> Result<Round, Failure> {
        if !self.is_located {
            self.locate().await?;
        }
        let batch = self.tail.next(self.records, self.settings.batch_bytes).await.map_err(Failure::Tail)?;
        let (Some(first), Some(last)) = (batch.first(), batch.last()) else { return Ok(Round::Idle) };
        let (count, last) = (batch.len(), last.head());
        self.begin(first, last);
        let patience = self.settings.patience;
        let answer = timeout(patience, self.sink.deliver(&batch)).await;
        answer.map_err(|_| Failure::Silence(patience))?.map_err(Failure::Sink)?;
        self.confirm(last, count).await;
        Ok(Round::Delivered)
    }

    /// Finds the place to go on from, and goes there.
    async fn locate(&mut self) -> Result<(), Failure> {
        let patience = self.settings.patience;
        let seen = timeout(patience, self.sink.seen(self.tail.chain())).await;
        let seen = seen.map_err(|_| Failure::Silence(patience))?.map_err(Failure::Sink)?;
        if let Seen::UpTo(head) = seen {
            self.place = head;
        }
        let missed = self.tail.seek(self.place).await.map_err(Failure::Tail)?;
        if missed > 0 {
            warn!(sink = self.sink.name(), missed, "retention removed audit records that a sink never had");
        }
        self.is_located = true;
        let place = self.place;
        self.progress.send_modify(|progress| {
            progress.confirmed = place;
            progress.waiting_since = None;
            progress.missed += missed;
        });
        self.tail.confirm(self.sink.name(), place.seq);
        Ok(())
    }

    fn begin(&self, first: &OwnedLine, last: Head) {
        let since = recorded_at(first).unwrap_or_else(|| self.settings.clock.now());
        self.progress.send_modify(|progress| {
            progress.waiting_since = Some(since);
            progress.end = progress.end.max(last.seq);
        });
    }

    async fn confirm(&mut self, last: Head, count: usize) {
        self.place = last;
        self.tail.confirm(self.sink.name(), last.seq);
        let saved = self.note(last).await;
        self.progress.send_modify(|progress| {
            progress.confirmed = last;
            progress.waiting_since = None;
            progress.delivered += u64::try_from(count).unwrap_or(u64::MAX);
            if let Err(error) = &saved {
                progress.failures += 1;
                progress.last_error = Some(report(error));
            }
        });
        if let Err(error) = saved {
            // What was delivered stays so. The next note covers it, or it is delivered again after a restart.
            warn!(
                sink = self.sink.name(),
                error = &*report(&error),
                "the place of an audit sink was not noted"
            );
        }
    }

    async fn note(&mut self, place: Head) -> io::Result<()> {
        let cursor = Arc::clone(&self.cursor);
        let saving = tokio::task::spawn_blocking(move || cursor.save(place));
        saving.await.unwrap_or_else(|gone| Err(gone.into()))
    }

    fn succeeded(&mut self) {
        if self.streak > 0 {
            info!(sink = self.sink.name(), failures = self.streak, "an audit sink takes records again");
        }
        (self.streak, self.pause) = (0, Duration::ZERO);
        self.records = self.records.saturating_mul(2).min(self.settings.batch_records);
        self.progress.send_if_modified(|progress| {
            std::mem::replace(&mut progress.state, FeederState::Feeding) != FeederState::Feeding
        });
    }

    /// Notes a failure and decides on the pause after it; whether there is a point in trying again.
    fn failed(&mut self, failure: &Failure) -> bool {
        let text = failure.text();
        if self.streak == 0 {
            warn!(sink = self.sink.name(), error = &*text, "audit records wait for a sink");
        }
        let draw = self.settings.entropy.draw();
        let retry = if failure.is_unfit() { u32::MAX } else { self.streak };
        let pause = self.settings.backoff.delay(retry, self.pause, draw);
        self.pause = pause.max(failure.after().min(LONGEST_AFTER));
        self.streak = self.streak.saturating_add(1);
        // A smaller batch brings what is before a record that the sink does not take, and does so sooner.
        self.records = (self.records / 2).max(1);
        self.is_located = false;
        self.progress.send_modify(|progress| {
            progress.state = FeederState::Failing;
            progress.failures += 1;
            progress.last_error = Some(text);
        });
        !failure.is_fatal()
    }

    fn end(self, state: FeederState) {
        if state == FeederState::Failed {
            let why = self.progress.borrow().last_error.clone().unwrap_or_default();
            error!(sink = self.sink.name(), error = &*why, "an audit sink is fed no more");
        }
        self.progress.send_modify(|progress| progress.state = state);
    }
}

impl Failure {
    fn text(&self) -> Arc<str> {
        match self {
            Self::Sink(error) => report(error),
            Self::Tail(error) => report(error),
            Self::Silence(patience) => format!("no answer from the sink within {patience:?}").into(),
        }
    }

    fn is_unfit(&self) -> bool {
        match self {
            Self::Sink(error) => error.kind() == SinkErrorKind::Unfit,
            Self::Tail(error) => error.is_lasting(),
            Self::Silence(_) => false,
        }
    }

    fn is_fatal(&self) -> bool {
        match self {
            Self::Sink(error) => error.kind() == SinkErrorKind::Fatal,
            Self::Tail(error) => error.is_fatal(),
            Self::Silence(_) => false,
        }
    }

    fn after(&self) -> Duration {
        match self {
            Self::Sink(error) => error.after().unwrap_or_default(),
            Self::Tail(_) | Self::Silence(_) => Duration::ZERO,
        }
    }
}

/// Waits for one of two.
async fn first_of<A, B>(one: impl Future<Output = A>, other: impl Future<Output = B>) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    poll_fn(|cx| {
        let is_ready = one.as_mut().poll(cx).is_ready() || other.as_mut().poll(cx).is_ready();
        if is_ready { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// When the event of a record happened, as it says itself.
fn recorded_at(line: &OwnedLine) -> Option<SystemTime> {
    #[derive(Deserialize)]
    struct Event<'a> {
        ts: &'a str,
    }
    let event: Event<'_> = serde_json::from_slice(line.event()).ok()?;
    let at: jiff::Timestamp = event.ts.parse().ok()?;
    Some(at.into())
}
