//! [`reqwest`] as a Tower service over `http` types, and clients on top that read like reqwest's own.
//!
//! # Example
//!
//! ```
//! use buttress_reqwest::{Client, Reqwest};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let http = reqwest::Client::builder().no_proxy().build()?;
//! // Any stack of layers fits between the client and the transport; here there is none.
//! let client = Client::over("inventory", http.clone(), Reqwest::new(http));
//!
//! // A request built by reqwest itself goes through unchanged.
//! let request = reqwest::Request::new(reqwest::Method::GET, "http://127.0.0.1:9/".parse()?);
//! let error = client.execute(request).await.expect_err("nobody listens there");
//! assert!(error.is_connect() && !error.is_circuit_open());
//! assert_eq!(error.service(), "inventory");
//! # Ok(())
//! # }
//! # tokio::runtime::Runtime::new().unwrap().block_on(run()).unwrap();
//! ```
//!
//! | item | is | use it |
//! |---|---|---|
//! | [`Reqwest`] | `Service<http::Request<reqwest::Body>>` with a boxed error | at the bottom of a Tower stack |
//! | [`Client`] | method helpers and a request builder in reqwest's habits | in place of `reqwest::Client` |
//! | [`ApiClient`] | base URL, JSON in and out, one error type | for an HTTP API |
//! | [`EventsLayer`] | one line when a call goes out and one when it ends | outermost, or inside the retry |
//! | [`noting_redirects`] | a wrapper of reqwest's redirect policies | where redirects are followed |
//!
//! # Place in the stack
//!
//! ```text
//! Client or ApiClient > [ events > .. > retry > .. > circuit breaker > attempt timeout ] > Reqwest > the network
//! ```
//!
//! This crate knows none of the layers and carries any stack of them. The facade `buttress` builds a client with
//! all of them in the right order.
//!
//! # Cancellation
//!
//! Dropping a call drops the request: reqwest closes its connection (HTTP/1.1) or resets its stream (HTTP/2), and
//! lets go of the request's body. The service may have done its work all the same. [`EventsLayer`] tells it as
//! abandoned.
//!
//! # Cost
//!
//! [`Reqwest`] prints and parses the URL, because reqwest has its own type, and boxes the response's body once. A
//! [`Client`] adds two boxes per call, for the stack's type, and one for the body on its way back to reqwest's
//! response; a request with a time limit of its own one more. [`EventsLayer`] reads the clock twice. Nothing locks
//! and nothing spawns beside what reqwest does.
//!
//! # When things fail
//!
//! The errors of [`Reqwest`] are [`TransportError`](buttress_http::TransportError)s, with [`reqwest::Error`] as
//! their cause: `buttress_core::find_cause::<reqwest::Error, _>(&error)` finds it. A layer's refusal is a
//! [`Refused`](buttress_core::Refused) in the same box. [`Error`] and [`ApiError`] answer the usual questions
//! without a downcast.
//!
//! | what happened | kind | may have arrived | a breaker counts |
//! |---|---|---|---|
//! | name not resolved, connection refused, TLS not agreed, connecting took too long | `Connect` | no | a failure |
//! | the same after a redirect, under [`noting_redirects`] | `Interrupted` | yes | a failure |
//! | connection closed or reset before the response's head was complete | `Interrupted` | yes | a failure |
//! | a time limit of the `reqwest::Client` or of the request passed | `TimedOut` | yes | a failure |
//! | the stream that is the request's body failed | `RequestBody` | yes | nothing |
//! | URL, header or scheme that cannot be sent; too many redirects | `Invalid` | no | nothing |
//! | an answer that is no HTTP, and the rest | `Other` | yes | a failure |
//!
//! A body that ends early fails where it is read: as a [`reqwest::Error`] from the response of a [`Client`], as an
//! [`ApiError`] from an [`ApiClient`]. An error status is a response for a [`Client`], as with reqwest, and an
//! error for an [`ApiClient`].
//!
//! No error of this crate shows the query, fragment, user or password of a URL, or any part of a body, in its text,
//! in that of its causes, or printed for debugging. (What reqwest's own response says when its body is read does.)
//!
//! # Options
//!
//! | option | default | range | effect |
//! |---|---|---|---|
//! | [`ApiClientBuilder::header`] | `accept: application/json` | | sent with every request that does not set the field itself |
//! | [`ApiClientBuilder::max_response_bytes`] | 8 MiB | 1 byte to 1 GiB | a larger body is an error |
//! | [`ApiClientBuilder::max_error_bytes`] | 64 KiB | 0 to 16 MiB | how much of an error's body is kept |
//! | [`RequestBuilder::timeout`] | none | | from `send` to the end of the response's body |
//!
//! Connections, TLS, proxies, redirects and compression are set on the [`reqwest::Client`].
//!
//! # Features
//!
//! `retry` (off): `AsReqwestBody`, with which a layer of `buttress-retry` stands on reqwest's bodies. TLS, HTTP/2,
//! compression and so on are features of `reqwest`: add it to your own dependencies with those you need. Without
//! one for TLS, an `https` URL fails as `Connect`.
//!
//! # Sources
//!
//! RFC 9110, sections 9.2 (methods), 10.2.3 (`Retry-After`) and 15.4 (redirects); RFC 9112, section 6 (framing);
//! draft-ietf-httpapi-idempotency-key-header.

mod api;
mod client;
mod error;
mod events;
mod fault;
mod limit;
mod redirect;
mod request;
#[cfg(feature = "retry")]
mod retry;
mod transport;

pub use api::{ApiClient, ApiClientBuilder, ApiError, ApiErrorKind, ApiRequest, ApiResponse, DecodeError};
pub use client::Client;
pub use error::Error;
pub use events::{Events, EventsLayer, ResponseFuture as EventsFuture};
pub use redirect::noting_redirects;
pub use request::RequestBuilder;
#[cfg(feature = "retry")]
pub use retry::AsReqwestBody;
pub use transport::{Reqwest, ResponseFuture};
