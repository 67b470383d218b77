//! [`reqwest`] as a Tower service over `http` types, and a client on top that reads like reqwest's own.
//!
//! # Example
//!
//! ```
//! use buttress_reqwest::{Client, Reqwest};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let http = reqwest::Client::new();
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
//! # Three floors
//!
//! | item | is | use it |
//! |---|---|---|
//! | [`Reqwest`] | `Service<http::Request<reqwest::Body>>` with a boxed error | at the bottom of a Tower stack |
//! | [`Client`] | method helpers and a request builder in reqwest's habits | in place of `reqwest::Client` |
//! | [`ApiClient`] | base URL, JSON in and out, one error type | for an HTTP API |
//!
//! [`EventsLayer`] logs what goes out and what comes back, and belongs outermost. The facade `buttress` builds a
//! client with all layers in the right order; this crate knows none of them, so it carries any stack.
//!
//! # Place in the stack
//!
//! ```text
//! Client or ApiClient > [events > .. > retry > .. > circuit breaker > attempt timeout] > Reqwest > the network
//! ```
//!
//! # Errors
//!
//! The transport's errors arrive as [`TransportError`](buttress_http::TransportError) in a box, with
//! `reqwest::Error` as their cause: `buttress_core::find_cause::<reqwest::Error, _>(&error)` finds it. A layer's
//! refusal is a [`Refused`](buttress_core::Refused) in the same box. [`Error`] and [`ApiError`] answer the usual
//! questions without a downcast.
//!
//! # Cancellation
//!
//! Dropping a call drops the request; reqwest then closes its connection or resets its stream. The events layer
//! notes it as abandoned.
//!
//! # Cost
//!
//! The adapter allocates for the URL, which reqwest parses from the `http` URI. A [`Client`] adds one boxed future
//! per call, because its stack's type is erased.
//!
//! # Features
//!
//! None. TLS, HTTP/2, compression and proxies are features of `reqwest`: add it to your own dependencies with
//! those you need.

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
