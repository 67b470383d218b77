//! Retries of HTTP requests.

mod discard;
mod extras;
mod head;
mod resend;
mod rules;
mod standard;

use std::time::Duration;

use crate::{RetryBuilder, RetryLayer};

pub use discard::Draining;
pub use resend::{AsReplayBody, AttemptHeader, HttpKept, ResendHttp, WrapBody};
pub use rules::StatusRule;
pub use standard::{Retryable, StandardPolicy};

/// The layer as HTTP clients use it, unless something was swapped.
pub type HttpRetryLayer = RetryLayer<StandardPolicy, ResendHttp>;

impl RetryLayer<StandardPolicy, ResendHttp> {
    /// Settings for HTTP services.
    pub fn builder() -> RetryBuilder<StandardPolicy, ResendHttp> {
        RetryBuilder::new(StandardPolicy::new(), ResendHttp::new())
    }
}

impl<P, W> RetryBuilder<P, ResendHttp<W>> {
    /// How much of a request's body is kept for another attempt; default 64 KiB. A body that is larger is sent
    /// once.
    pub fn replay_cap_bytes(mut self, cap_bytes: usize) -> Self {
        self.resend.cap_bytes = cap_bytes;
        self
    }

    /// How requests tell which attempt they are; by default `x-retry-attempt: 2` and so on, from the second on.
    pub fn attempt_header(mut self, header: AttemptHeader) -> Self {
        self.resend.attempt_header = header;
        self
    }

    /// How much of a response is read before it is dropped for another attempt; default 64 KiB.
    pub fn drain_cap_bytes(mut self, cap_bytes: usize) -> Self {
        self.drain.cap_bytes = cap_bytes;
        self
    }

    /// How long a response is read before it is dropped for another attempt; default 50 ms, at most 10 s and never
    /// longer than the wait.
    pub fn drain_for(mut self, time: Duration) -> Self {
        self.drain.within = time;
        self
    }

    /// What the inner service takes as body; by default [`ReplayBody`](buttress_http::ReplayBody) itself.
    pub fn wrap_body<W2>(self, wrap: W2) -> RetryBuilder<P, ResendHttp<W2>> {
        self.with(|policy, resend| (policy, resend.wrapping(wrap)))
    }
}
