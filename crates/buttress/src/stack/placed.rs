//! What the order check sees of each layer.

#[cfg(feature = "correlation-id")]
mod correlation_id {
    use buttress_correlation_id::{CorrelationIdLayer, PropagateCorrelationIdLayer};

    use crate::stack::{Placed, Step};

    impl Placed for CorrelationIdLayer {
        fn step(&self) -> Step {
            Step::CorrelationId
        }
    }

    impl Placed for PropagateCorrelationIdLayer {
        fn step(&self) -> Step {
            Step::PropagateCorrelationId
        }
    }
}

#[cfg(feature = "audit")]
mod audit {
    use buttress_audit::AuditLayer;

    use crate::stack::{Placed, Step};

    impl<R, J, T> Placed for AuditLayer<R, J, T> {
        fn step(&self) -> Step {
            Step::Audit
        }
    }
}

#[cfg(feature = "timeout")]
mod timeout {
    use buttress_timeout::{
        AttemptLimit, BodyTimeoutLayer, DeadlineLayer, ForwardDeadlineLayer, FromContext, FromExtensions,
        TimeLimit, TimeoutLayer,
    };

    use crate::stack::{Placed, Step};

    impl<J> Placed for DeadlineLayer<J> {
        fn step(&self) -> Step {
            Step::Deadline(self.total())
        }
    }

    impl<J, O> Placed for TimeoutLayer<J, FromExtensions<TimeLimit>, O> {
        fn step(&self) -> Step {
            Step::Deadline(self.limit())
        }
    }

    impl<J, O> Placed for TimeoutLayer<J, FromExtensions<AttemptLimit>, O> {
        fn step(&self) -> Step {
            Step::AttemptTimeout(self.limit())
        }
    }

    /// Whether it is meant for attempts or for the whole cannot be seen, so it may stand anywhere.
    impl<J, O> Placed for TimeoutLayer<J, FromContext, O> {
        fn step(&self) -> Step {
            Step::Other
        }
    }

    impl<J> Placed for ForwardDeadlineLayer<J> {
        fn step(&self) -> Step {
            Step::ForwardDeadline
        }
    }

    impl<W> Placed for BodyTimeoutLayer<W> {
        fn step(&self) -> Step {
            Step::BodyTimeout
        }
    }
}

#[cfg(feature = "rate-limit")]
mod rate_limit {
    use buttress_rate_limit::throttle::ThrottleLayer;
    use buttress_rate_limit::{RateLimitLayer, Subject};

    use crate::stack::{Placed, Step};

    impl<W: Subject, J> Placed for RateLimitLayer<W, J> {
        fn step(&self) -> Step {
            Step::RateLimit
        }
    }

    impl<K, L, J> Placed for ThrottleLayer<K, L, J> {
        fn step(&self) -> Step {
            Step::Throttle
        }
    }
}

#[cfg(feature = "bulkhead")]
mod bulkhead {
    use buttress_bulkhead::{BulkheadLayer, KeyedBulkheadLayer};

    use crate::stack::{Placed, Step};

    impl<J, H> Placed for BulkheadLayer<J, H> {
        fn step(&self) -> Step {
            Step::Bulkhead
        }
    }

    impl<K, P, J, H> Placed for KeyedBulkheadLayer<K, P, J, H> {
        fn step(&self) -> Step {
            Step::Bulkhead
        }
    }
}

#[cfg(feature = "idempotency")]
mod idempotency {
    use buttress_idempotency::{IdempotencyLayer, KeyInjectorLayer};

    use crate::stack::{Placed, Step};

    impl<T, J> Placed for IdempotencyLayer<T, J> {
        fn step(&self) -> Step {
            Step::Idempotency
        }
    }

    impl Placed for KeyInjectorLayer {
        fn step(&self) -> Step {
            Step::IdempotencyKey
        }
    }
}

#[cfg(feature = "retry")]
mod retry {
    use buttress_retry::RetryLayer;

    use crate::stack::{Placed, Step};

    impl<P, R> Placed for RetryLayer<P, R> {
        fn step(&self) -> Step {
            Step::Retry { max_attempts: self.schedule().max_attempts() }
        }
    }
}

#[cfg(feature = "circuit-breaker")]
mod circuit_breaker {
    use buttress_circuit_breaker::{
        BodyWatchingLayer, Breaker, CircuitBreakerLayer, KeyedCircuitBreakerLayer, Window,
    };

    use crate::stack::{Placed, Step};

    impl<C, J> Placed for CircuitBreakerLayer<C, J> {
        fn step(&self) -> Step {
            step(self.breaker())
        }
    }

    impl<C, J, W> Placed for BodyWatchingLayer<C, J, W> {
        fn step(&self) -> Step {
            step(self.breaker())
        }
    }

    /// The windows of its breakers are not looked at.
    impl<K, P, C, J> Placed for KeyedCircuitBreakerLayer<K, P, C, J> {
        fn step(&self) -> Step {
            Step::CircuitBreaker { window: None }
        }
    }

    fn step(breaker: &Breaker) -> Step {
        let window = match breaker.window() {
            Window::Time { span, .. } => Some(span),
            Window::Calls(_) | Window::None => None,
        };
        Step::CircuitBreaker { window }
    }
}

#[cfg(feature = "reqwest")]
mod reqwest {
    use buttress_reqwest::EventsLayer;

    use crate::stack::{Placed, Step};

    impl Placed for EventsLayer {
        fn step(&self) -> Step {
            Step::Events
        }
    }
}
