//! One correlation ID from the caller through every log line, task, queue and outbound call.
//!
//! # Example
//!
//! ```
//! # #[cfg(feature = "http")] {
//! # use std::convert::Infallible;
//! use buttress_correlation_id::{CorrelationId, CorrelationIdLayer};
//! use http::{Request, Response};
//! use tower::{ServiceBuilder, ServiceExt};
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let handler = tower::service_fn(|request: Request<()>| async move {
//!     Ok::<_, Infallible>(Response::new(request.extensions().get::<CorrelationId>().cloned()))
//! });
//! let service = ServiceBuilder::new().layer(CorrelationIdLayer::default()).service(handler);
//! let request = Request::builder().header("X-Correlation-ID", "order-17").body(())?;
//! let response = service.oneshot(request).await?;
//! assert_eq!(response.headers()["x-correlation-id"], "order-17");
//! assert_eq!(response.body().as_ref().map(CorrelationId::as_str), Some("order-17"));
//! # Ok::<_, Box<dyn std::error::Error>>(()) })?;
//! # }
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # Place in the stack
//!
//! ```text
//! inbound    CorrelationIdLayer > trace and metrics > audit > panics > deadline > ... > handler
//! outbound   PropagateCorrelationIdLayer > ... > retry > ... > transport
//! ```
//!
//! Outermost on both sides. Inbound, what stands inside is logged under the ID, and the responses that layers make
//! when they refuse are echoed to; what stands outside knows nothing of it. Outbound, every attempt at a call is
//! sent under one ID.
//!
//! A request passes these places, and the ID is there without being handed down:
//!
//! | place | how |
//! |---|---|
//! | handler | the `Correlation` extractor (feature `axum`), or [`CorrelationId`] in the request's extensions |
//! | code without a request | [`Context::current`](buttress_core::Context::current) |
//! | log lines | field `correlation_id` of the span `request`, which is entered whenever the request is polled |
//! | background tasks | [`spawn`], [`spawn_blocking`], [`carried`], [`Carry`] |
//! | outbound calls | `PropagateCorrelationIdLayer` |
//! | queue messages | [`inject`] and [`extract`] |
//! | response | the header, on every status but 1xx |
//!
//! # Which ID it is
//!
//! The first of these that is present decides; a value that is not valid is replaced by a new ID, and no other place
//! is asked:
//!
//! 1. a [`CorrelationId`] that is in the request's extensions already (code of this process put it there);
//! 2. the header, `X-Correlation-ID` unless configured;
//! 3. the aliases in their order, `X-Request-ID` unless configured;
//! 4. the trace ID of a valid `traceparent`, if asked for by `TraceId::Adopt`;
//! 5. a new UUID.
//!
//! A header that stands there several times with equal values counts once; with different values it is rejected.
//! A rejected header is removed from the request, so that nothing inside logs or forwards it, and its text is
//! neither logged nor echoed: the span's field `correlation_id_source` says `rejected:` and one of the reasons.
//!
//! # Cancellation
//!
//! A response future that is dropped drops the inner future inside its span and its context, and holds nothing
//! else. No task is spawned but by [`spawn`] and its kin, and their handles belong to the caller.
//!
//! # Cost
//!
//! Over a no-op service behind a router, so that the request has extensions already, without a subscriber, six other
//! headers in the request and two in the response, counted by `cargo xtask bench --only correlation-arrived` and
//! `correlation-minted`, beside tower-http 0.7.1 setting and propagating a request ID, which checks nothing and keeps
//! no context:
//!
//! | request | here | tower-http |
//! |---|---|---|
//! | the ID arrived | about 1,480 instructions, 1 allocation | 2,140, 4 |
//! | the ID is minted | about 1,840 instructions, 2 allocations | 4,140, 9 |
//!
//! Half of it is not of this crate, but work on the maps of headers and extensions. Who puts the first extension into
//! a request makes its map, which is about 400 instructions and two allocations more, and so it is with the first
//! header of a response. An ID of up to 38 bytes allocates nothing. No lock, no boxed future, and no clock but for
//! [`Mint::V7`].
//!
//! # When things fail
//!
//! | case | what happens |
//! |---|---|
//! | the offered ID is not valid, is a conflict, or looks like a secret | a new ID; reason in the span and to the observer |
//! | its sender is not trusted | a new ID; the offered one is a `ClientCorrelationId` in the extensions and the field `client_correlation_id` |
//! | an inner layer answers, whatever the status | the response bears the ID, also if it bore another one before |
//! | the inner service returns an error | it passes unchanged; there is no response to bear the ID |
//! | the layer wraps a service twice | the inner one takes over the ID of the outer one and opens no second span |
//! | a handler asks for the ID without the layer | 500 and a log line that names the layer |
//! | a body is streamed after the handler returned | its log lines are outside the span, unless it uses [`Carry::run`] |
//! | nothing lets the span through, such as the filter `my_app=info` | lines lack the ID; add `buttress_correlation_id=info` |
//!
//! # Options
//!
//! `CorrelationIdLayer`:
//!
//! | option | default | range | effect |
//! |---|---|---|---|
//! | `header` | `x-correlation-id` | a header name that means nothing else | read first, echoed always |
//! | `aliases` | `x-request-id` | up to 8 names, all different | read where the header is absent |
//! | `trace_id` | `Ignore` | `Ignore`, `Adopt` | whether a `traceparent` can name the request |
//! | `accept` | `Any` | `Any`, `Never`, `When` | whose IDs are used |
//! | `screen` | none | a closure over the ID | rejects what looks like a secret |
//! | `mint` | `V4` | `V4`, `V7`, `With` | how a new ID is made |
//! | `span_level`, `without_span` | `INFO` | a level, or no span | level of the span `request` |
//! | `observer` | none | an `Observer` | hears of rejected IDs |
//!
//! `PropagateCorrelationIdLayer`:
//!
//! | option | default | range | effect |
//! |---|---|---|---|
//! | `header` | `x-correlation-id` | a header name that means nothing else | what is sent, unless the caller set it |
//! | `only_to` | every host | a closure over the host | which hosts get it |
//! | `mint`, `never_mint` | `V4` | `V4`, `V7`, `With`, or none | the ID of a call outside any request |
//!
//! # Features
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `http` | on | the two layers |
//! | `axum` | off | the `Correlation` extractor |
//!
//! # Sources
//!
//! RFC 9110 sections 5.3 and 15.2 (repeated fields, informational responses), RFC 9562 (UUID), W3C Trace Context
//! sections 3.2, 3.3 and 4.3 (`traceparent`, `tracestate`, versions), RFC 9457 (the 500 of the extractor).

mod carry;
mod message;
mod mint;
mod offered;
mod source;
mod trace_parent;

#[cfg(feature = "http")]
mod accept;
#[cfg(feature = "http")]
mod arrival;
#[cfg(feature = "http")]
mod builder;
#[cfg(feature = "axum")]
mod extractor;
#[cfg(feature = "http")]
mod header;
#[cfg(feature = "http")]
mod layer;
#[cfg(feature = "http")]
mod outbound;
#[cfg(feature = "http")]
mod service;
#[cfg(feature = "http")]
mod span;

pub use buttress_core::{CorrelationId, InvalidCorrelationId};

pub use carry::{Carried, Carry, carried, scope, spawn, spawn_blocking};
pub use message::{Carrier, Extracted, extract, inject, pass_trace};
pub use mint::Mint;
pub use source::{Reason, Source};
pub use trace_parent::TraceParent;

#[cfg(feature = "http")]
pub use accept::{Accept, ClientCorrelationId};
#[cfg(feature = "http")]
pub use builder::{CorrelationIdBuilder, TraceId};
#[cfg(feature = "axum")]
pub use extractor::{Correlation, MissingCorrelationId};
#[cfg(feature = "http")]
pub use layer::CorrelationIdLayer;
#[cfg(feature = "http")]
pub use outbound::{PropagateCorrelationId, PropagateCorrelationIdBuilder, PropagateCorrelationIdLayer};
#[cfg(feature = "http")]
pub use service::{CorrelationIdService, ResponseFuture};
