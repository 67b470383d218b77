//! A client for an HTTP API: base URL, JSON in and out, one error type.

mod builder;
mod client;
mod decode;
mod error;
mod request;
mod response;

pub use builder::ApiClientBuilder;
pub use client::ApiClient;
pub use decode::DecodeError;
pub use error::{ApiError, ApiErrorKind};
pub use request::ApiRequest;
pub use response::ApiResponse;
