use std::time::Duration;

use tokio::time::Instant;

use super::feeding::PATIENCE;
use super::{Place, Until as _, Written, feed};
use crate::sink::FeederState;

const NAME: &str = "outages";
/// The most that a process may grow by while 30 MB of records wait: of those the log itself may hold 4 MiB that are not
/// synced, in a buffer that doubles, and a sink a batch.
const GROWTH: usize = 12 << 20;

/// What a server is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// It dies, or stands still.
    Off,
    /// It is there again, with what it had.
    On,
}

/// Checks that a server which is killed and restarted, four times and in the middle of a feed, has every record once and
/// in order. Its sinks have to give up a call within a second or so.
///
/// # Panics
///
/// If it does not.
pub async fn check_outages<P: Place>(place: &P, mut server: impl FnMut(Power)) {
    let written = Written::new();
    let handle = feed(place.sink(NAME), &written).await;
    for round in 1..=4 {
        let goal = written.add(1_000).await - 500;
        handle.until("it is in the middle of it", |status| status.confirmed > goal - 400).await;
        server(Power::Off);
        written.add(300).await;
        let failures = handle.status().failures;
        handle.until("it has failed again", |status| status.failures > failures).await;
        server(Power::On);
        assert!(handle.until_confirmed(goal).await.confirmed >= goal, "round {round}");
    }
    let end = written.log.close().await.head.seq;
    let status = handle.stop(PATIENCE).await;
    assert_eq!((status.confirmed, status.state), (end, FeederState::Stopped), "{status:?}");
    assert!(end > 5_000 && status.failures >= 4, "{status:?}");
    has_each_once(place, &written).await;
}

/// Checks that a server which stands still costs neither memory nor the time of those who record, and that it is brought
/// up to date when it goes on. To be run in a process of its own, of which `resident` says how much memory it has, in
/// bytes.
///
/// # Panics
///
/// If it does not hold.
pub async fn check_standstill<P: Place>(
    place: &P,
    mut server: impl FnMut(Power),
    resident: impl Fn() -> usize,
) {
    let written = Written::new();
    let handle = feed(place.sink(NAME), &written).await;
    let (end, unhindered) = time_to_add(&written, 10_000).await;
    handle.until_confirmed(end).await;
    server(Power::Off);
    written.add(1_000).await;
    handle.until("it has failed twice", |status| status.failures > 1).await;
    let before = resident();
    let (end, hindered) = time_to_add(&written, 40_000).await;
    let failures = handle.status().failures;
    let stuck = handle.until("it has failed twice more", |status| status.failures > failures + 1).await;
    let grown = resident().saturating_sub(before);
    assert_eq!(stuck.state, FeederState::Failing);
    assert!(stuck.lag >= 40_000 && stuck.lag_age > Duration::ZERO, "{stuck:?}");
    assert!(grown < GROWTH, "{grown} bytes");
    // A sink at work costs the machine more than one that is not.
    assert!(hindered / 4 < 3 * unhindered, "{hindered:?} for 40,000, and {unhindered:?} for 10,000");
    server(Power::On);
    let status = handle.until_confirmed(end).await;
    assert_eq!((status.lag, status.lag_age), (0, Duration::ZERO));
    has_each_once(place, &written).await;
}

async fn time_to_add(written: &Written, events: usize) -> (u64, Duration) {
    let began = Instant::now();
    (written.add(events).await, began.elapsed())
}

async fn has_each_once<P: Place>(place: &P, written: &Written) {
    let there = place.lines(written.log.chain()).await;
    assert!(there == written.lines(), "a record is missing, there twice or out of order");
}
