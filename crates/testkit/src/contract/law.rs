use std::fmt;

/// One law of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Law {
    /// The inner service is called only on the instance that was polled ready.
    ReadyInstanceCalled,
    /// Readiness, once granted, stays and costs no second readiness of the inner service.
    ReadinessStable,
    /// A clone has no readiness of the service it was cloned from.
    CloneUnready,
    /// When the inner service becomes ready, the task that asked last is woken.
    PendingInnerWakes,
    /// A task that waits for readiness sleeps.
    PendingReadinessSleeps,
    /// An error of the inner service's readiness passes unchanged.
    ReadinessErrorUnchanged,
    /// The request reaches the inner service.
    RequestUnchanged,
    /// The inner response passes unchanged.
    ResponseUnchanged,
    /// The inner error passes unchanged.
    InnerErrorUnchanged,
    /// When the inner service answers, the task that polled last is woken.
    AnswerWakes,
    /// A call whose inner call does not move sleeps.
    HangingCallSleeps,
    /// A service that is dropped while ready, or while it waits for readiness, leaves nothing behind.
    DroppedServiceLeavesNothing,
    /// A future that is dropped before its first poll leaves nothing behind.
    UnpolledFutureLeavesNothing,
    /// A future that is dropped at any point leaves nothing behind.
    DroppedFutureLeavesNothing,
    /// A call whose inner call panics leaves nothing behind.
    PanicLeavesNothing,
    /// A refusal does not call the inner service.
    RefusalLeavesInner,
    /// A refusal is the answer to a call; readiness is granted for it and stays.
    RefusalAnswersCall,
    /// One layer value is one state, on however many services it is put.
    OneState,
}

impl Law {
    /// Every law.
    pub const ALL: [Self; 18] = [
        Self::ReadyInstanceCalled,
        Self::ReadinessStable,
        Self::CloneUnready,
        Self::PendingInnerWakes,
        Self::PendingReadinessSleeps,
        Self::ReadinessErrorUnchanged,
        Self::RequestUnchanged,
        Self::ResponseUnchanged,
        Self::InnerErrorUnchanged,
        Self::AnswerWakes,
        Self::HangingCallSleeps,
        Self::DroppedServiceLeavesNothing,
        Self::UnpolledFutureLeavesNothing,
        Self::DroppedFutureLeavesNothing,
        Self::PanicLeavesNothing,
        Self::RefusalLeavesInner,
        Self::RefusalAnswersCall,
        Self::OneState,
    ];

    fn claim(self) -> &'static str {
        match self {
            Self::ReadyInstanceCalled => {
                "the inner service is called only on the instance that was polled ready"
            }
            Self::ReadinessStable => {
                "readiness stays once it is granted, and costs no second inner readiness"
            }
            Self::CloneUnready => "a clone starts unready",
            Self::PendingInnerWakes => "an inner service that becomes ready wakes the task that asked last",
            Self::PendingReadinessSleeps => "a task that waits for readiness sleeps",
            Self::ReadinessErrorUnchanged => "an error of inner readiness passes unchanged",
            Self::RequestUnchanged => "the request reaches the inner service",
            Self::ResponseUnchanged => "the inner response passes unchanged",
            Self::InnerErrorUnchanged => "the inner error passes unchanged",
            Self::AnswerWakes => "an inner answer wakes the task that polled last",
            Self::HangingCallSleeps => "a call whose inner call does not move sleeps",
            Self::DroppedServiceLeavesNothing => "a dropped service leaves nothing behind",
            Self::UnpolledFutureLeavesNothing => {
                "a future dropped before its first poll leaves nothing behind"
            }
            Self::DroppedFutureLeavesNothing => "a future dropped at any point leaves nothing behind",
            Self::PanicLeavesNothing => "a call whose inner call panics leaves nothing behind",
            Self::RefusalLeavesInner => "a refusal does not call the inner service",
            Self::RefusalAnswersCall => "a refusal is the answer to a call, and readiness for it is granted",
            Self::OneState => "one layer value is one state on all its services",
        }
    }
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.claim())
    }
}

/// A law that was broken, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// The law.
    pub law: Law,
    /// What was seen instead.
    pub saw: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.law, self.saw)
    }
}
