use std::sync::Arc;
use std::time::Duration;

use buttress_core::{ModeSwitch, Observer, Reject};

use crate::reporter::Reporter;
use crate::watch::Why;

/// What one layer value shares with its services and their calls: its limit, and how it meets its callers.
#[derive(Clone, Debug)]
pub(crate) struct Face<J> {
    /// The time of a call that brings none of its own.
    pub(crate) limit: Duration,
    pub(crate) mode: ModeSwitch,
    pub(crate) reject: J,
    pub(crate) reporter: Reporter,
}

impl<J> Face<J> {
    pub(crate) fn new(limit: Duration, reject: J, name: impl Into<Arc<str>>) -> Self {
        Self { limit, mode: ModeSwitch::default(), reject, reporter: Reporter::default().named(name) }
    }

    /// The same with a mode switch of its own, in the present position.
    pub(crate) fn fresh(&self) -> Self
    where
        J: Clone,
    {
        Self { mode: ModeSwitch::new(self.mode.get()), ..self.clone() }
    }

    pub(crate) fn named(self, name: impl Into<Arc<str>>) -> Self {
        Self { reporter: self.reporter.named(name), ..self }
    }

    pub(crate) fn in_mode(self, mode: impl Into<ModeSwitch>) -> Self {
        Self { mode: mode.into(), ..self }
    }

    pub(crate) fn observed_by(self, observer: impl Observer) -> Self {
        Self { reporter: self.reporter.observed_by(observer), ..self }
    }

    pub(crate) fn rejecting<K>(self, reject: K) -> Face<K> {
        Face { limit: self.limit, mode: self.mode, reject, reporter: self.reporter }
    }

    /// Says no.
    #[cold]
    pub(crate) fn refuse<Res, E>(&self, why: Why) -> Result<Res, E>
    where
        J: Reject<Res, E>,
    {
        let refused = why.into();
        self.reporter.refused(&refused);
        self.reject.reject(refused)
    }
}
