use std::sync::Arc;
use std::time::Duration;

use crate::{Context, Refused};

/// What a layer did with a request, or what became of the layer itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// It let the request through.
    Passed,
    /// It refused the request.
    Refused,
    /// It would have refused, and let the request through because it only observes.
    WouldRefuse,
    /// It sent the request again.
    Retried,
    /// It would have sent the request again, and may not.
    GaveUp,
    /// The caller left before the answer came.
    Abandoned,
    /// The layer changed its state; the code names the new one.
    Changed,
}

impl Verdict {
    /// The verdict as one word for logs, headers and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Refused => "refused",
            Self::WouldRefuse => "would_refuse",
            Self::Retried => "retried",
            Self::GaveUp => "gave_up",
            Self::Abandoned => "abandoned",
            Self::Changed => "changed",
        }
    }
}

/// What a layer had left when it decided.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Left {
    /// Time until the deadline, or until asking again makes sense.
    Time(Duration),
    /// Calls, permits, attempts or tokens.
    Calls(u64),
}

/// One decision of one layer, told as it happens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Signal<'a> {
    /// The layer, such as `circuit-breaker`.
    pub layer: &'static str,
    /// The instance of the layer, such as the name of a breaker; empty if it has none.
    pub instance: &'a str,
    /// What it did.
    pub verdict: Verdict,
    /// Why, as a stable word, such as `circuit_open`.
    pub code: &'static str,
    /// What it had left.
    pub left: Option<Left>,
}

impl<'a> Signal<'a> {
    /// A signal with nothing to say of what is left.
    pub fn new(layer: &'static str, instance: &'a str, verdict: Verdict, code: &'static str) -> Self {
        Self { layer, instance, verdict, code, left: None }
    }

    /// The signal for a refusal.
    pub fn refused(refused: &Refused, instance: &'a str) -> Self {
        Self {
            left: refused.retry_after().map(Left::Time),
            ..Self::new(refused.layer(), instance, Verdict::Refused, refused.code())
        }
    }

    /// The same signal with what was left.
    #[must_use]
    pub fn with_left(self, left: Left) -> Self {
        Self { left: Some(left), ..self }
    }

    /// Tells the observer, and leaves the verdict on the current request's trail if anybody listens there.
    pub fn report(&self, observer: Option<&dyn Observer>) {
        if let Some(observer) = observer {
            observer.observe(self);
        }
        Context::with_current(|context| {
            if let Some(trail) = context.trail() {
                trail.leave(self);
            }
        });
    }
}

/// Hears the signals of layers, for metrics and for tests.
///
/// Called on the request's path, outside every lock: it must not block. A layer without an observer pays nothing.
pub trait Observer: Send + Sync + 'static {
    /// Hears one signal; does nothing by default.
    fn observe(&self, signal: &Signal<'_>) {
        let _ = signal;
    }
}

/// One observer for several layers.
impl<O: Observer + ?Sized> Observer for Arc<O> {
    fn observe(&self, signal: &Signal<'_>) {
        O::observe(self, signal);
    }
}

impl<F> Observer for F
where
    F: Fn(&Signal<'_>) + Send + Sync + 'static,
{
    fn observe(&self, signal: &Signal<'_>) {
        self(signal);
    }
}
