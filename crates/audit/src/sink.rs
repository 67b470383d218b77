//! Hands records on: to a database, a stream, a collector or standard output, at their own pace.
//!
//! The log is the record of truth, and a sink has a copy. A [`Feeder`] reads the log behind the writer and hands a
//! [`Sink`] one batch after the other, in the order of the log, each again until it is confirmed. It holds one batch and
//! no more, so a sink that is slow, stopped or gone costs neither memory nor the time of a request: it lags, and
//! [`FeederStatus`] says by how much.
//!
//! # Example
//!
//! ```no_run
//! use std::time::Duration;
//! use buttress_audit::log::AuditLog;
//! use buttress_audit::sink::{Feeder, WriterSink};
//!
//! # async fn run(log: AuditLog) -> Result<(), Box<dyn std::error::Error>> {
//! let feeder = Feeder::new(WriterSink::stdout()).start(&log).await?;
//! assert_eq!(feeder.status().failures, 0);
//!
//! // When the program ends:
//! log.close().await;
//! let last = feeder.stop(Duration::from_secs(5)).await;
//! assert_eq!(last.lag, 0, "all of it was handed on");
//! # Ok(())
//! # }
//! ```
//!
//! # At least once
//!
//! After each batch the place is noted in the file `cursors/NAME.json` of the log's directory, and a feeder that is
//! started again goes on from there. A batch that was delivered and not noted is delivered again. A sink that can say
//! what it has ([`Sink::seen`]) is believed before the file is, so there nothing comes twice, and what such a sink has
//! lost comes again, as far back as the log goes.
//!
//! # What is refused
//!
//! A place in the log has a number and a hash. If the log has another record at the place where a sink or a cursor is,
//! or ends before it, somebody has changed or cut the log, or put another one in its place. Then nothing is handed on:
//! the feeder ends, and the sink has the evidence.
//!
//! # Options
//!
//! | option | default | range | unit | effect |
//! |---|---|---|---|---|
//! | [`batch_records`](FeederBuilder::batch_records) | 500 | 1 to 10,000 | records | the most in one batch |
//! | [`batch_bytes`](FeederBuilder::batch_bytes) | 1 MiB | 1 KiB to 64 MiB | bytes | the most in one batch, but for one record |
//! | [`patience`](FeederBuilder::patience) | 30 s | 10 ms to 1 h | time | for one answer of a sink |
//! | [`backoff`](FeederBuilder::backoff) | 100 ms, doubled up to 30 s, half of it drawn | | | between attempts |
//! | [`look_every`](FeederBuilder::look_every) | 250 ms | 1 ms to 1 h | time | at the log of another process |

mod cursor;
mod error;
mod feeder;
mod handle;
mod report;
mod run;
mod status;
mod tail;
mod writer;

use std::future::Future;

pub use error::{PlaceFault, SinkError, SinkErrorKind, StartError};
pub use feeder::{Feeder, FeederBuilder};
pub use handle::FeederHandle;
pub use status::{FeederState, FeederStatus};
pub use writer::WriterSink;

use crate::log::{ChainId, Head, OwnedLine};

/// Where a copy of the log goes.
///
/// One feeder calls one sink, and never twice at once. Any call may be dropped before it has answered: the sink did not
/// answer in time, or the feeder was stopped. It may have happened nevertheless.
pub trait Sink: Send + 'static {
    /// What to call it, in the name of its cursor and in what is logged: 1 to 64 of `a-z`, `0-9`, `_` and `-`.
    fn name(&self) -> &str;

    /// Up to where it has the records of a log.
    ///
    /// Asked before the first batch, and again after each failure. The default is [`Seen::Unknown`].
    fn seen(&mut self, chain: ChainId) -> impl Future<Output = Result<Seen, SinkError>> + Send {
        let _ = chain;
        std::future::ready(Ok(Seen::Unknown))
    }

    /// Takes a batch: records of one log, in their order, without a gap, and never none.
    ///
    /// Success says that the sink has all of them, for good. After a failure any of them may come again, and the batch may
    /// begin and end elsewhere then.
    fn deliver(&mut self, batch: &[OwnedLine]) -> impl Future<Output = Result<(), SinkError>> + Send;
}

/// Up to where a sink has the records of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It cannot tell, so the cursor counts.
    Unknown,
    /// Up to this record, that one included; [`Head::START`] if it has none.
    UpTo(Head),
}
