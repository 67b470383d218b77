use std::future::{Future, poll_fn};
use std::path::Path;
use std::pin::pin;
use std::task::Poll;

use super::feeding::PATIENCE;
use super::{Place, Until as _, Written, feed, feed_all, feeder};
use crate::log::{Head, OwnedLine, Reader};
use crate::sink::{FeederState, FeederStatus, Seen, Sink as _};

const NAME: &str = "laws";

/// Checks the laws of a [`Sink`](crate::sink::Sink) against a place, one after the other, with logs of its own.
///
/// How strict they are depends on [`Place::TELLS`].
///
/// # Panics
///
/// With the first law that does not hold.
pub async fn check_sink<P: Place>(place: &P) {
    let laws = Laws { place };
    laws.it_tells_what_it_has_if_it_is_said_to().await;
    laws.every_record_is_there_byte_for_byte_and_in_order().await;
    laws.a_feeder_goes_on_where_the_one_before_it_ended().await;
    laws.logs_are_kept_apart().await;
    laws.a_delivery_that_was_dropped_halfway_is_made_again().await;
    laws.a_lost_cursor_loses_nothing().await;
    laws.two_at_once_lose_nothing().await;
    if P::TELLS {
        laws.what_it_tells_is_what_it_has().await;
        laws.a_log_that_ends_before_it_ends_the_feeder_and_changes_nothing().await;
        laws.a_log_with_other_records_ends_the_feeder_and_changes_nothing().await;
    }
}

struct Laws<'p, P> {
    place: &'p P,
}

impl<P: Place> Laws<'_, P> {
    async fn it_tells_what_it_has_if_it_is_said_to(&self) {
        let written = Written::new();
        for when in ["before it has anything", "with records"] {
            assert_eq!(self.seen(&written).await != Seen::Unknown, P::TELLS, "what it has, {when}");
            self.feed_all(&written).await;
        }
    }

    async fn every_record_is_there_byte_for_byte_and_in_order(&self) {
        let written = Written::new();
        written.add(250).await;
        self.feed_all(&written).await;
        self.has_each_once(&written, "fed at once").await;
    }

    async fn a_feeder_goes_on_where_the_one_before_it_ended(&self) {
        let written = Written::new();
        for _ in 0..3 {
            written.add(60).await;
            self.feed_all(&written).await;
        }
        self.has_each_once(&written, "fed in three parts").await;
    }

    async fn logs_are_kept_apart(&self) {
        let (one, other) = (Written::new(), Written::new());
        for _ in 0..2 {
            one.add(5).await;
            other.add(7).await;
            self.feed_all(&one).await;
            self.feed_all(&other).await;
        }
        self.has_each_once(&one, "beside another log").await;
        self.has_each_once(&other, "beside another log").await;
    }

    async fn a_delivery_that_was_dropped_halfway_is_made_again(&self) {
        for polls in 0..12 {
            let written = Written::new();
            written.add(30).await;
            let mut sink = self.place.sink(NAME);
            let lines = lines_of(written.log.directory());
            let _seen = sink.seen(written.log.chain()).await;
            dropped_after(polls, sink.deliver(&lines)).await;
            drop(sink);
            self.feed_all(&written).await;
            self.has_all(&written, &format!("dropped after {polls} polls")).await;
        }
    }

    async fn a_lost_cursor_loses_nothing(&self) {
        let written = Written::new();
        written.add(250).await;
        self.feed_all(&written).await;
        written.forget_cursor(NAME);
        written.add(30).await;
        self.feed_all(&written).await;
        self.has_all(&written, "after a lost cursor").await;
    }

    async fn two_at_once_lose_nothing(&self) {
        let written = Written::new();
        let end = written.add(1_000).await;
        let one = feed(self.place.sink(NAME), &written).await;
        // Whose batches begin and end elsewhere.
        let other = feeder(self.place.sink("other")).batch_records(70).build();
        let other = other.unwrap_or_else(|error| panic!("{error}")).start(&written.log).await;
        let other = other.unwrap_or_else(|error| panic!("{error}"));
        let (one, other) = (one.stop(PATIENCE).await, other.stop(PATIENCE).await);
        assert_eq!((one.confirmed, other.confirmed), (end, end), "{one:?} {other:?}");
        self.has_all(&written, "fed by two at once").await;
    }

    async fn what_it_tells_is_what_it_has(&self) {
        let written = Written::new();
        assert_eq!(self.seen(&written).await, Seen::UpTo(Head::START), "of a log that it never saw");
        for _ in 0..3 {
            written.add(40).await;
            self.feed_all(&written).await;
            let head = *written.log.watch().borrow();
            assert_eq!(self.seen(&written).await, Seen::UpTo(head), "of a log that it has");
        }
    }

    async fn a_log_that_ends_before_it_ends_the_feeder_and_changes_nothing(&self) {
        let written = Written::new();
        written.add(10).await;
        self.feed_all(&written).await;
        let status = self.fed_from(written.cut(5).path()).await;
        let said = status.last_error.unwrap_or_default();
        assert!(said.contains("the log ends before it"), "{said}");
        self.has_each_once(&written, "after a cut log").await;
    }

    async fn a_log_with_other_records_ends_the_feeder_and_changes_nothing(&self) {
        let written = Written::new();
        written.add(10).await;
        self.feed_all(&written).await;
        let status = self.fed_from(written.fork(5, 20).path()).await;
        let said = status.last_error.unwrap_or_default();
        assert!(said.contains("is not the one that was handed on"), "{said}");
        self.has_each_once(&written, "after a forked log").await;
    }

    async fn feed_all(&self, written: &Written) {
        feed_all(self.place.sink(NAME), written).await;
    }

    /// Feeds from a directory until the feeder has given up.
    async fn fed_from(&self, directory: &Path) -> FeederStatus {
        let feeder = feeder(self.place.sink(NAME)).build().unwrap_or_else(|error| panic!("{error}"));
        let handle = feeder.start_on(directory).await.unwrap_or_else(|error| panic!("{error}"));
        let status = handle.until("it has given up", |_| false).await;
        assert_eq!(status.state, FeederState::Failed, "{status:?}");
        status
    }

    async fn seen(&self, written: &Written) -> Seen {
        let seen = self.place.sink(NAME).seen(written.log.chain()).await;
        seen.unwrap_or_else(|error| panic!("{error}"))
    }

    async fn has_each_once(&self, written: &Written, when: &str) {
        let there = self.place.lines(written.log.chain()).await;
        assert!(there == written.lines(), "{when}, of {}", difference(&there, &written.lines()));
    }

    /// Each record once, or at least once where the sink cannot tell what it has; not necessarily in order.
    async fn has_all(&self, written: &Written, when: &str) {
        let (mut there, mut lines) = (self.place.lines(written.log.chain()).await, written.lines());
        there.sort_unstable();
        lines.sort_unstable();
        if !P::TELLS {
            there.dedup();
        }
        assert!(there == lines, "{when}, of {}", difference(&there, &lines));
    }
}

/// All records of a log.
fn lines_of(directory: &Path) -> Vec<OwnedLine> {
    let reader = Reader::open(directory).and_then(|mut reader| reader.next_batch(1_000, 1 << 20));
    reader.unwrap_or_else(|error| panic!("{error}"))
}

/// Polls a future so often, if it is not ready before, and drops it.
async fn dropped_after<F: Future>(polls: usize, future: F) {
    let (mut future, mut left) = (pin!(future), polls);
    poll_fn(|cx| {
        if left == 0 || future.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        left -= 1;
        Poll::Pending
    })
    .await;
}

fn difference(there: &[String], lines: &[String]) -> String {
    let first = there.iter().zip(lines).position(|(one, other)| one != other);
    let first = first.unwrap_or_else(|| there.len().min(lines.len())) + 1;
    format!("{} records {} are there; the first that differs is {first}", lines.len(), there.len())
}
