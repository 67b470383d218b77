//! A client for an HTTP API: base URL, JSON in and out, one error type.

mod client;
mod error;
mod request;
mod response;

pub use client::{ApiClient, ApiClientBuilder};
pub use error::{ApiError, ApiErrorKind};
pub use request::ApiRequest;
pub use response::ApiResponse;
