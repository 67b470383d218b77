//! Audit records in NATS JetStream: each log in a stream of its own, in order, each record once.
//!
//! # Example
//!
//! ```no_run
//! use std::time::Duration;
//! use buttress_audit::sink::Feeder;
//! use buttress_nats::NatsSink;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let sink = NatsSink::builder("nats://localhost:4222").replicas(3).build()?;
//! let feeder = Feeder::new(sink).start_on("/var/lib/shop/audit").await?;
//! let last = feeder.stop(Duration::from_secs(5)).await;
//! assert_eq!((last.lag, last.last_error), (0, None));
//! # Ok(())
//! # }
//! ```
//!
//! # Place in the stack
//!
//! ```text
//! AuditLayer > AuditLog > files        requests wait for this much
//!                           |
//!                         Feeder > NatsSink > JetStream        and never for this
//! ```
//!
//! # Streams and subjects
//!
//! A log of chain `0123..` goes into the stream `audit-0123..`, and its records to the subjects
//! `audit.0123...CATEGORY`: `audit.*.auth` is what happened to logins anywhere, `audit.0123...>` all of one log. The
//! message is the line of the log, so whoever has the stream can check the chain. A stream that has `audit-..` streams as
//! sources brings the logs of many machines together.
//!
//! The stream is made if it is not there: in files, append-only (neither deleting nor purging is allowed), without
//! limits but [`max_age`](NatsSinkBuilder::max_age). One that is there already is checked, and refused with the names of
//! the settings if it could lose records or have any from elsewhere.
//!
//! # Once and in order
//!
//! Each message says which sequence the stream must end at before it (`Nats-Expected-Last-Sequence`), and all messages
//! of a batch are on their way at once. So a message that is lost, late or sent twice stops those behind it instead of
//! being overtaken, and after a failure the stream is asked for its last record and fed from there. This does not forget,
//! unlike the window for duplicates (two minutes), which `Nats-Msg-Id` (chain and number) is sent for besides: a restart
//! an hour later repeats nothing either, with or without a cursor.
//!
//! It also means that nobody else may write to the stream. The last 256 messages, as many as can be on their way at once,
//! are looked at whenever a connection is made, and one that is no record stops the feed.
//!
//! # Cancellation
//!
//! A call that is dropped closes its connection, so nothing that it began arrives later.
//!
//! # Cost
//!
//! One message per record. A batch takes a round trip for every 256 records; 256 messages are on their way at most.
//! Connecting takes as many round trips, to look at the last messages.
//!
//! # When things fail
//!
//! | what happened | what comes next |
//! |---|---|
//! | nobody answers, or too late; the server restarts; JetStream has no leader | a new connection, after the pause of the feeder |
//! | the user may not; JetStream is not there; the stream has wrong settings; a record is larger than `max_payload` | tried again after the longest pause |
//! | the stream has records that are not those of the log | the feeder ends |
//!
//! What JetStream has acknowledged is as safe as its replicas and its `sync_interval` (2 minutes unless configured
//! otherwise) make it: a server that is killed keeps it, a lone machine that loses power may not. Three replicas or
//! `sync_interval: always` are the answer; what was lost comes again from the log.
//!
//! # Options
//!
//! | option | default | range | unit | effect |
//! |---|---|---|---|---|
//! | servers | must be given | one or more addresses | | where to connect |
//! | [`connect_options`](NatsSinkBuilder::connect_options) | none | | | user, token, certificates |
//! | [`name`](NatsSinkBuilder::name) | `nats` | 1 to 64 of `a-z`, `0-9`, `_`, `-` | | of the cursor |
//! | [`prefix`](NatsSinkBuilder::prefix) | `audit` | 1 to 32 of `a-z`, `0-9`, `_`, `-` | | of stream and subjects |
//! | [`domain`](NatsSinkBuilder::domain) | none | 1 to 64 of `a-z`, `A-Z`, `0-9`, `_`, `-` | | of JetStream |
//! | [`replicas`](NatsSinkBuilder::replicas) | 1 | 1 to 5 | | of a stream that is made; fewer are refused |
//! | [`max_age`](NatsSinkBuilder::max_age) | for ever | 1 s to 285 years | time | of messages, in a stream that is made |
//! | [`call_timeout`](NatsSinkBuilder::call_timeout) | 5 s | 10 ms to 60 s | time | for connecting, and for each answer |
//!
//! # Features
//!
//! `tls` (off): connections with TLS, by rustls and ring. Without it such addresses are refused.
//!
//! # Sources
//!
//! [Headers for publishing to JetStream](https://docs.nats.io/nats-concepts/jetstream/headers); on what is on the disk
//! when it is acknowledged, nats-io/nats-server#7564.

mod builder;
mod error;
mod session;
mod sink;
mod stream;
mod subject;

pub use async_nats::ConnectOptions;
pub use builder::NatsSinkBuilder;
pub use sink::NatsSink;
