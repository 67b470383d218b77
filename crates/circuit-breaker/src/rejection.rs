use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::time::{Duration, Instant};

use buttress_core::{Kind, Rejection};

use crate::event::State;
use crate::name::Name;
use crate::rules::LAYER;

/// A call that a breaker did not let through.
///
/// Over HTTP it is a 503 with `Retry-After`; the inner service was never called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CircuitOpen {
    pub(crate) name: Name,
    pub(crate) state: State,
    pub(crate) wait: Wait,
    pub(crate) opened: u64,
}

/// How long a breaker stays shut, as far as it is known when it refuses. Subtracting is left to whoever asks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wait {
    Unknown,
    For(Duration),
    Until { at: Instant, until: Instant },
}

impl Wait {
    pub(crate) fn time(self) -> Option<Duration> {
        match self {
            Self::Unknown => None,
            Self::For(time) => Some(time),
            Self::Until { at, until } => Some(until.saturating_duration_since(at)),
        }
    }
}

impl From<Option<Duration>> for Wait {
    fn from(time: Option<Duration>) -> Self {
        time.map_or(Self::Unknown, Self::For)
    }
}

impl PartialEq for Wait {
    fn eq(&self, other: &Self) -> bool {
        self.time() == other.time()
    }
}

impl Eq for Wait {}

impl CircuitOpen {
    /// The name of the breaker.
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    /// Where the breaker stands: open, half-open with every permit taken, or forced open.
    pub fn state(&self) -> State {
        self.state
    }

    /// How long the breaker stays shut; `None` if it was opened by hand.
    ///
    /// Of a half-open breaker whose permits are all taken, how long probes usually take to decide.
    pub fn remaining(&self) -> Option<Duration> {
        self.wait.time()
    }

    /// How often the breaker has opened since it was built.
    pub fn opened(&self) -> u64 {
        self.opened
    }
}

/// The word for a refusal in a state.
pub(crate) fn refusal_code(state: State) -> &'static str {
    match state {
        State::HalfOpen => "circuit_half_open_full",
        State::ForcedOpen => "circuit_forced_open",
        _ => "circuit_open",
    }
}

/// Prints the text for logs, which names the breaker.
impl fmt::Display for CircuitOpen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, opened) = (self.name(), self.opened);
        match (self.state, self.remaining()) {
            (State::HalfOpen, _) => {
                write!(f, "circuit breaker {name} is half-open and its probes are under way")
            }
            (State::ForcedOpen, _) => write!(f, "circuit breaker {name} was opened by hand"),
            (_, Some(wait)) => {
                write!(f, "circuit breaker {name} is open for another {wait:.1?}, opened {opened} times")
            }
            (_, None) => write!(f, "circuit breaker {name} is open"),
        }
    }
}

impl Error for CircuitOpen {}

impl Rejection for CircuitOpen {
    fn kind(&self) -> Kind {
        Kind::Unavailable
    }

    fn code(&self) -> &'static str {
        refusal_code(self.state)
    }

    fn layer(&self) -> &'static str {
        LAYER
    }

    fn retry_after(&self) -> Option<Duration> {
        self.remaining()
    }

    fn reached_inner(&self) -> bool {
        false
    }

    fn public(&self) -> Cow<'static, str> {
        "a service that this request needs is out of order at the moment".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(state: State, wait: Option<Duration>) -> CircuitOpen {
        CircuitOpen { name: Name::from(&"intune".into()), state, wait: wait.into(), opened: 3 }
    }

    #[test]
    fn each_way_to_refuse_has_its_code_and_its_text() {
        let rest = Some(Duration::from_millis(4_210));
        for (refusal, code, text) in [
            (
                open(State::Open, rest),
                "circuit_open",
                "circuit breaker intune is open for another 4.2s, opened 3 times",
            ),
            (
                open(State::HalfOpen, rest),
                "circuit_half_open_full",
                "circuit breaker intune is half-open and its probes are under way",
            ),
            (
                open(State::ForcedOpen, None),
                "circuit_forced_open",
                "circuit breaker intune was opened by hand",
            ),
        ] {
            assert_eq!((refusal.code(), refusal.to_string().as_str()), (code, text));
            assert_eq!(refusal.retry_after(), refusal.remaining());
            assert!(!refusal.reached_inner() && !refusal.public().contains("intune"));
        }
    }
}
