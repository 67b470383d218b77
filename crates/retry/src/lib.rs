//! Retries.

mod apart;
mod budget;
mod builder;
mod future;
mod layer;
mod pause;
mod plain;
mod policy;
mod profile;
mod resend;
mod run;
mod schedule;
mod service;
mod shared;
mod sync;
mod work;

#[cfg(feature = "http")]
mod over_http;

pub use budget::{Budget, BudgetBuilder, BudgetUsage, BudgetedCall};
pub use builder::RetryBuilder;
pub use future::ResponseFuture;
pub use layer::RetryLayer;
#[cfg(feature = "http")]
pub use over_http::{
    AsReplayBody, AttemptHeader, Draining, HttpKept, HttpRetryLayer, ResendHttp, Retryable, StandardPolicy,
    StatusRule, WrapBody,
};
pub use plain::{RetryErrors, RetryWhen};
pub use policy::{Decision, Fault, RetryPolicy, Stop, Tried};
pub use profile::Profile;
pub use resend::{CannotRepeat, CloneRequest, Cloned, Discard, Repeat, Resend, Whole};
pub use schedule::Schedule;
pub use service::Retry;
pub use shared::NotReady;
pub use work::{Numbered, Work};
