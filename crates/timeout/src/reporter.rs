use std::fmt;
use std::sync::Arc;

use buttress_core::{Observer, Refused, Signal, Verdict};

use crate::TimedOut;
use crate::rejection::LAYER;

/// Tells what a layer decided, under the layer's name.
#[derive(Clone, Default)]
pub struct Reporter {
    name: Option<Arc<str>>,
    observer: Option<Arc<dyn Observer>>,
}

impl Reporter {
    pub(crate) fn named(self, name: impl Into<Arc<str>>) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    pub(crate) fn observed_by(self, observer: impl Observer) -> Self {
        Self { observer: Some(Arc::new(observer)), ..self }
    }

    /// Reports a refusal.
    pub(crate) fn refused(&self, why: &Refused) {
        Signal::refused(why, self.name()).report(self.observer.as_deref());
    }

    /// Reports what would have been a refusal if the layer did more than observe.
    pub(crate) fn would_refuse(&self, why: &TimedOut) {
        self.tell(Verdict::WouldRefuse, buttress_core::Rejection::code(why));
    }

    /// Reports anything else.
    pub(crate) fn tell(&self, verdict: Verdict, code: &'static str) {
        Signal::new(LAYER, self.name(), verdict, code).report(self.observer.as_deref());
    }
}

impl fmt::Debug for Reporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, observer } = self;
        f.debug_struct("Reporter").field("name", name).field("observed", &observer.is_some()).finish()
    }
}
