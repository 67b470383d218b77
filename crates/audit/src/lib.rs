//! Records who did what to which resource, and what became of it: for every request, however it ends, in a log that
//! loses nothing that it acknowledged.
//!
//! # Example
//!
//! ```
//! use buttress_audit::{Action, AuditLayer, MemoryRecorder, Outcome, Rule, Stage};
//! use buttress_core::Principal;
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let records = MemoryRecorder::new(); // in a program: an `AuditLog` in a directory
//! let login = Rule::path("/login").action(Action::LOGIN);
//! let layer = AuditLayer::inbound(records.clone()).rule(login).build()?;
//! let handler = service_fn(|_: Request<()>| async {
//!     Principal::user("ann").announce(); // authentication, further in
//!     Ok::<_, std::convert::Infallible>(Response::builder().status(403).body(Bytes::new()).unwrap())
//! });
//! layer.layer(handler).oneshot(Request::post("/login").body(())?).await?;
//!
//! let [received, complete] = &records.events()[..] else { panic!("one before the handler, one after it") };
//! assert_eq!((received.stage(), complete.outcome()), (Stage::Received, Outcome::Denied));
//! assert_eq!(complete.actor().map(|actor| actor.id()), Some("ann"));
//! # Ok(())
//! # }
//! ```
//!
//! | for | take |
//! |---|---|
//! | every request of a service | [`AuditLayer`], with a [`Rule`] for what is worth its own name |
//! | what a handler knows | [`AuditHandle`], in the extensions of its request |
//! | what is no request: deployments, approvals, calls of other services | [`Event`] and its helpers, [`Recorder::record`] |
//! | a log on disk that can be verified | the module [`log`] |
//! | a look whether somebody changed it | the module [`verify`], the command `buttress-audit` |
//! | copies in a database, a stream, a collector | the module [`sink`] |
//! | who does what how often | [`Statistics`] |
//! | systems that read OCSF | [`ocsf()`] |
//! | tests of what a program records | [`MemoryRecorder`] |
//!
//! What stands in a record, and what each ending of a request becomes, is in `docs/audit.md`.
//!
//! # Place in the stack
//!
//! ```text
//! correlation ID > spans > AUDIT > deadline > rate limit > authentication > .. > handler
//! ```
//!
//! Outside of everything that may refuse, since a refusal is worth a record; inside of what gives a request its
//! correlation ID. Authentication stands inside: it announces who asks ([`Principal::announce`]), and the record is made
//! after it has run. A handler for panics may stand on either side: outside of this layer the panic is seen as it is;
//! inside, it should mark its response as [`Panicked`].
//!
//! # States
//!
//! ```text
//! arrives --room for the last record--> (fails closed: first record, receipt) --> handler --head of the response-->
//!    last record --receipt--> the response goes out
//! ```
//!
//! A record is made when the head of the response is known, and before it goes out: what a client has seen is backed by
//! a record. What becomes of the body after that belongs to spans and metrics. Where a class fails closed (by default
//! auth, admin, config, financial and security), there is a record on its stage `received` before the handler runs, and
//! the last record names it as `intent_id`.
//!
//! # Cancellation
//!
//! A request whose caller leaves is recorded when its future is dropped, before the drop returns: as `cancelled`, with
//! the outcome `unknown` if the handler had begun. One that panics is recorded as `panic`, also if the panic is caught
//! outside. A layer outside that drops the request when its deadline has passed makes it `timed_out`. The drop waits for
//! nothing: the room was reserved when the request arrived, and the receipt is nobody's to wait for.
//!
//! # Cost
//!
//! | path | allocations | locks | clocks |
//! |---|---|---|---|
//! | a request that is recorded | 4, and those of the recorder | the recorder's, and two that nobody else has | 3 |
//! | a class that fails closed | 2 more, and a clone of the inner service | the recorder's once more | 1 more |
//! | [`Level::None`] | 4 | two that nobody else has | 1 |
//! | [`Mode::Off`](buttress_core::Mode::Off) | 0 | none | 0 |
//! | [`Event::encode`] of an event with nothing to hide | 1, and 1 for details or changes | none | none |
//!
//! The receipt of the last record is waited for: how long that takes is the log's affair, and the durability of the
//! class. Figures are in `docs/performance.md`.
//!
//! # When things fail
//!
//! | refusal | status | `Retry-After` | inner service reached |
//! |---|---|---|---|
//! | `audit_unavailable`: there is no room, and the class may not go on without | 503 | as the log says, or 1 s | no |
//! | `audit_incomplete`: the last record of a class that fails closed got no receipt | 500, and `x-should-retry: false` | none | yes |
//!
//! The second one keeps back an answer that was made: a token must not be handed out of which no log knows. Its first
//! record is in the log. What was shed, or failed where that is allowed, goes on and is told as the signal `audit_lost`.
//! Of a flood of requests that are refused, the log counts those beyond a bound and tells of them in one record: the
//! layer knows which requests were turned away before anything was done for them, and [`log`] has the bound.
//! A mode lies across this: `Observe` records, waits and reports, and refuses nothing; `Off` does nothing at all.
//!
//! # Options
//!
//! | option | default | range | effect |
//! |---|---|---|---|
//! | [`rule`](AuditBuilder::rule) | none | up to 256, the first that applies counts | level, action, resource of some requests |
//! | [`level`](AuditBuilder::level) | [`Level::Metadata`] | none, metadata, query, body up to 64 KiB | how much is recorded of the others |
//! | [`route_with`](AuditBuilder::route_with) | not known | | how the template of the route is found |
//! | [`receipt_time`](AuditBuilder::receipt_time) | 5 s | 1 ms to 1 h | how long a receipt is waited for, so that a disk that hangs hangs nobody |
//! | [`client_addr`](AuditBuilder::client_addr) | the peer | | how the address of the client is found |
//! | [`with_bodies`](AuditBuilder::with_bodies) | off | | lets rules look at bodies |
//! | [`service`](AuditBuilder::service) | not said | | which program the records are of |
//! | [`wall_clock`](AuditBuilder::wall_clock) | the system's | | what records are dated by |
//! | [`reject_with`](AuditBuilder::reject_with), [`mode`](AuditBuilder::mode), [`name`](AuditBuilder::name), [`observer`](AuditBuilder::observer) | as everywhere | | |
//!
//! Nothing can keep requests whose action is of auth, admin, config or security out of the log: neither a level nor an
//! earlier rule. The options of the log are those of [`log`].
//!
//! # Features
//!
//! `cli` (on): what the command `buttress-audit` needs and the library does not. `testing` (off): the laws of sinks, for
//! those who write one.
//!
//! # Sources
//!
//! Kubernetes, for levels, stages and rules of which the first counts. Vault, for nothing that happens unrecorded, and
//! for what that costs if it has no choices. RFC 9562 section 5.7 (IDs that sort by time), RFC 3339 (times), RFC 6901
//! (where a change is), W3C Trace Context, OCSF 1.8. Metwally, Agrawal and El Abbadi, ICDT 2005, for counting the most
//! frequent. That a closed connection is no success with status 200, and that a panic is no disconnect, was learnt from
//! layers that say so.
//!
//! [`Principal::announce`]: buttress_core::Principal::announce

mod event;
mod layer;
pub mod log;
mod memory;
mod record;
pub mod sink;
mod statistics;
#[cfg(feature = "testing")]
pub mod testing;
pub mod verify;

pub use event::{
    Action, Category, Changes, Class, ConnectorOutcome, Event, EventBuilder, InvalidAction, Outcome,
    Resource, Service, Severity, Stage, ocsf,
};
pub use layer::{
    AuditBody, AuditBuilder, AuditHandle, AuditLayer, AuditService, Bodies, Heads, Level, Panicked,
    ResponseFuture, Rule, Tap, Unrecorded,
};
pub use memory::{MemoryRecorder, MemoryReservation};
pub use record::{Durability, NotRecorded, Reason, Receipt, Recorder, Reservation};
pub use statistics::{
    Counted, CountedRecording, CountedReservation, CountedReserving, Statistics, StatisticsSnapshot, Tally,
};
