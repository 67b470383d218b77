//! What `buttress-core` says, said in HTTP: problem documents, statuses, `Retry-After`, method safety and bodies.
//!
//! # Example
//!
//! ```
//! use std::convert::Infallible;
//! use bytes::Bytes;
//! use http::{Response, header};
//! use http_body_util::Full;
//! use buttress_core::{Reject, Refused};
//! use buttress_http::{AsProblem, refused_in};
//! # use std::{borrow::Cow, fmt, time::Duration};
//! # #[derive(Debug)] struct Full7;
//! # impl fmt::Display for Full7 { fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str("full") } }
//! # impl std::error::Error for Full7 {}
//! # impl buttress_core::Rejection for Full7 {
//! #     fn kind(&self) -> buttress_core::Kind { buttress_core::Kind::Overloaded }
//! #     fn code(&self) -> &'static str { "saturated" }
//! #     fn layer(&self) -> &'static str { "bulkhead" }
//! #     fn retry_after(&self) -> Option<Duration> { Some(Duration::from_millis(1200)) }
//! #     fn reached_inner(&self) -> bool { false }
//! #     fn public(&self) -> Cow<'static, str> { "all places are taken".into() }
//! # }
//! # let refused = Refused::new(Full7);
//! // A layer that has no room refuses; the router's error stays `Infallible`.
//! let answer: Result<Response<Full<Bytes>>, Infallible> = AsProblem::default().reject(refused);
//! let answer = answer.unwrap();
//! assert_eq!(answer.status(), 503);
//! assert_eq!(answer.headers()[header::RETRY_AFTER], "2");
//! assert_eq!(refused_in(&answer).map(|why| why.code()), Some("saturated"));
//! ```
//!
//! # What is here
//!
//! | items | for |
//! |---|---|
//! | [`AsProblem`], [`status_of`], [`refused_in`] | refusals as problem documents (RFC 9457), and how outer layers find them |
//! | [`RetryAfter`], [`retry_after_value`] | the `Retry-After` field both ways (RFC 9110, section 10.2.3) |
//! | [`host_of`], [`ByHost`] | the host that a request goes to |
//! | [`is_safe`], [`is_idempotent`] | method safety (RFC 9110, section 9.2) |
//! | [`ClassifyHttp`] | which responses and errors are failures of the service |
//! | [`TransportError`] | how far a request got that has no response |
//! | [`ClientAddrResolver`], [`ClientAddr`], [`PeerAddr`] | who the client is, behind trusted proxies and without |
//! | [`deadline_of`] | the one deadline that applies to a request |
//! | [`replayable`], [`CappedBody`], [`CountedBody`] | bodies that can be sent again, are limited, or are counted |
//!
//! # Cost
//!
//! Nothing here spawns or waits. A replayed body shares what it remembers with its spare behind a mutex, which is taken
//! when a body is dropped and when another is asked for, never while one is read.

mod body;
mod classify;
mod client_addr;
mod context;
mod host;
mod method;
mod problem;
mod retry_after;
mod transport;

pub use body::{
    BodyEnd, BodyTooLarge, CappedBody, CountedBody, NotReplayable, ReplayBody, Spare, replayable,
};
pub use classify::ClassifyHttp;
pub use client_addr::{
    ClientAddr, ClientAddrResolver, ClientAddrResolverBuilder, ForwardedBy, How, PeerAddr, Resolved,
};
pub use context::deadline_of;
pub use host::{ByHost, host_of};
pub use method::{is_idempotent, is_safe};
pub use problem::{AsProblem, PROBLEM_JSON, SHOULD_RETRY, refused_in, status_of};
pub use retry_after::{RetryAfter, retry_after_value};
pub use transport::{TransportError, TransportKind};
