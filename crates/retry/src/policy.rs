use std::time::Duration;

use buttress_core::Attempt;

/// Decides what is worth another attempt.
///
/// It answers two questions. [`fault`](Self::fault) looks at every outcome and says what is wrong with it, if
/// anything; that is the happy path, so it should cost next to nothing. [`decide`](Self::decide) is asked about
/// faults only, and sees the request as well. How many attempts there are, how long to wait and what the budget
/// says is not the policy's affair: the layer's [`Schedule`](crate::Schedule) and [`Budget`](crate::Budget) have
/// the last word.
///
/// `Q` is what the policy sees of the request: [`http::request::Parts`](https://docs.rs/http) over HTTP, the
/// request itself for plain services, `()` for [`RetryLayer::call`](crate::RetryLayer::call).
pub trait RetryPolicy<Q: ?Sized, Res, E> {
    /// What is wrong with an outcome; `None` if it is the answer, good or bad.
    ///
    /// May be asked twice about the same outcome, and has to say the same both times.
    fn fault(&self, outcome: Result<&Res, &E>) -> Option<Fault>;

    /// What to do about a fault; by default, to try again after the schedule's own delay.
    fn decide(&self, tried: &Tried<'_, Q, Res, E>) -> Decision {
        let _ = tried;
        Decision::Retry
    }
}

/// What went wrong with one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// No connection came about: the request never left.
    Connect,
    /// The connection broke midway: the request may have had its effect.
    Interrupted,
    /// The time allowed for the attempt ran out: the request may have had its effect.
    TimedOut,
    /// The service asks for less.
    Throttled,
    /// The response says that the service could not do its work.
    Status,
    /// The service runs the same idempotency key at the moment, and says when to ask for the answer.
    InFlight,
    /// The service itself asks for another attempt.
    ServerAsks,
    /// Another layer of this process refused before anything was sent.
    Refused,
    /// Anything else: the request may have had its effect.
    Other,
}

impl Fault {
    /// The fault as a stable word for logs, metrics and trails.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Interrupted => "interrupted",
            Self::TimedOut => "timed_out",
            Self::Throttled => "throttled",
            Self::Status => "status",
            Self::InFlight => "in_flight",
            Self::ServerAsks => "server_asks",
            Self::Refused => "refused",
            Self::Other => "other",
        }
    }

    /// Whether it is a fault of the connection or of time, which often passes by itself.
    pub const fn is_transient(self) -> bool {
        matches!(self, Self::Connect | Self::Interrupted | Self::TimedOut)
    }
}

/// One attempt that went wrong, as a policy sees it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Tried<'a, Q: ?Sized, Res, E> {
    /// What [`RetryPolicy::fault`] said.
    pub fault: Fault,
    /// The request as the caller made it.
    pub request: &'a Q,
    /// What came of it.
    pub outcome: Result<&'a Res, &'a E>,
    /// Which attempt it was.
    pub attempt: Attempt,
    /// Time since the call began to wait for its first attempt.
    pub elapsed: Duration,
    /// Time until the request's deadline, if it has one.
    pub remaining: Option<Duration>,
}

impl<'a, Q: ?Sized, Res, E> Tried<'a, Q, Res, E> {
    /// A first attempt that went wrong at once, without a deadline; for tests of a policy.
    pub fn new(fault: Fault, request: &'a Q, outcome: Result<&'a Res, &'a E>) -> Self {
        Self { fault, request, outcome, attempt: Attempt::FIRST, elapsed: Duration::ZERO, remaining: None }
    }
}

/// What a policy wants done about a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision {
    /// Try again after the schedule's delay.
    Retry,
    /// Try again, and not earlier than the service asks for.
    ///
    /// The schedule refuses a wish beyond its limit, spreads the wait upwards, and never waits less than its own delay.
    RetryAfter(Duration),
    /// Try again after exactly so long, at most a day.
    RetryIn(Duration),
    /// Give the outcome to the caller.
    Stop(Stop),
}

/// Why a fault is not tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stop {
    /// The attempts are used up.
    Attempts,
    /// The next attempt would begin after the total time allowed.
    Elapsed,
    /// The next attempt would begin at or after the request's deadline.
    Deadline,
    /// The budget of the destination has nothing left.
    Budget,
    /// The method is not idempotent, the request has no idempotency key, and it may have had its effect.
    Method,
    /// The service reports a conflict, and the request has no idempotency key that it could mean.
    NoKey,
    /// The caller asked for no retries.
    OptedOut,
    /// The request cannot be sent again: its body is too large, still in use, or broken.
    Body,
    /// The service was not ready when the wait was over.
    NotReady,
    /// The service asks for a longer wait than the schedule allows.
    RetryAfter,
    /// The service asks not to be called again.
    ServerSaidNo,
    /// A layer of this process refused; asking it again would only go around it.
    LocalRefusal,
    /// The schedule covers only transient faults, and this is none.
    NotCovered,
    /// The layer only observes.
    Observing,
    /// A reason of the policy's own, as a stable word.
    Policy(&'static str),
}

impl Stop {
    /// The reason as a stable word for logs, metrics and trails.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Attempts => "attempts",
            Self::Elapsed => "elapsed",
            Self::Deadline => "deadline",
            Self::Budget => "budget",
            Self::Method => "method",
            Self::NoKey => "no_key",
            Self::OptedOut => "opted_out",
            Self::Body => "body",
            Self::NotReady => "not_ready",
            Self::RetryAfter => "retry_after",
            Self::ServerSaidNo => "server_said_no",
            Self::LocalRefusal => "local_refusal",
            Self::NotCovered => "not_covered",
            Self::Observing => "observing",
            Self::Policy(code) => code,
        }
    }

    /// Whether a retry was wanted and did not come about or help, which an operator should see.
    pub(crate) const fn is_a_loss(self) -> bool {
        matches!(
            self,
            Self::Attempts
                | Self::Elapsed
                | Self::Deadline
                | Self::Budget
                | Self::Body
                | Self::NotReady
                | Self::RetryAfter
        )
    }
}
