use std::time::{Duration, Instant};

use buttress_core::Deadline;

use crate::plan::Plan;
use crate::watch::{current_deadline, earlier_of};

/// What a request itself says about the time it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// A limit in place of the layer's own, longer or shorter.
    pub limit: Option<Duration>,
    /// A deadline beside that of the current [`Context`](buttress_core::Context); the earlier one counts.
    pub deadline: Option<Deadline>,
}

impl Allowed {
    /// The shorter of the limit, where there is one in place of the `usual` one, and both deadlines.
    pub(crate) fn plan(self, since: Instant, usual: Duration) -> Plan {
        Plan::new(since, self.limit.unwrap_or(usual), earlier_of(self.deadline, current_deadline()))
    }
}

/// Reads from a request what it says about the time it has.
///
/// Called once for each call, before the inner service is. A closure serves too.
pub trait TimeOf<Req> {
    /// What the request says, `None` if it says nothing.
    fn time_of(&self, request: &Req) -> Option<Allowed>;
}

impl<F, Req> TimeOf<Req> for F
where
    F: Fn(&Req) -> Option<Allowed>,
{
    fn time_of(&self, request: &Req) -> Option<Allowed> {
        self(request)
    }
}

/// Reads nothing from the request, so that any request will do; the deadline of the current
/// [`Context`](buttress_core::Context) is obeyed all the same.
#[derive(Clone, Copy, Debug, Default)]
pub struct FromContext;

impl<Req> TimeOf<Req> for FromContext {
    #[inline]
    fn time_of(&self, _: &Req) -> Option<Allowed> {
        None
    }
}
