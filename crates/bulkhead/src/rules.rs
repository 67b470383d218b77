use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use buttress_core::{ModeSwitch, Observer};

pub(crate) const LAYER: &str = "bulkhead";

/// What does not change while a bulkhead runs, but for the mode; shared by the bulkheads of all keys.
#[derive(Clone)]
pub(crate) struct Rules {
    /// What signals call it; for one bulkhead of many, the name of all of them, so that labels stay few.
    pub(crate) instance: Arc<str>,
    pub(crate) mode: ModeSwitch,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    /// How many calls may wait; with 0 a call is refused at once.
    pub(crate) max_waiting: u32,
    pub(crate) max_wait: Duration,
    pub(crate) retry_after: Duration,
}

impl Rules {
    /// The same rules with a switch that is turned by nobody else.
    pub(crate) fn fresh(&self) -> Self {
        Self { mode: ModeSwitch::new(self.mode.get()), ..self.clone() }
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules")
            .field("instance", &self.instance)
            .field("mode", &self.mode)
            .field("max_waiting", &self.max_waiting)
            .field("max_wait", &self.max_wait)
            .field("retry_after", &self.retry_after)
            .finish_non_exhaustive()
    }
}
