use std::time::Duration;

use buttress_core::Deadline;

/// What a request itself says about the time it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// A limit in place of the layer's own, longer or shorter.
    pub limit: Option<Duration>,
    /// A deadline beside that of the current [`Context`](buttress_core::Context); the earlier one counts.
    pub deadline: Option<Deadline>,
}

/// Reads from a request what it says about the time it has.
///
/// Called once for each call, before the inner service is. A closure serves too.
pub trait TimeOf<Req> {
    /// What the request says.
    fn time_of(&self, request: &Req) -> Allowed;
}

impl<F, Req> TimeOf<Req> for F
where
    F: Fn(&Req) -> Allowed,
{
    fn time_of(&self, request: &Req) -> Allowed {
        self(request)
    }
}

/// Reads nothing from the request, so that any request will do; the deadline of the current
/// [`Context`](buttress_core::Context) is obeyed all the same.
#[derive(Clone, Copy, Debug, Default)]
pub struct FromContext;

impl<Req> TimeOf<Req> for FromContext {
    fn time_of(&self, _: &Req) -> Allowed {
        Allowed::default()
    }
}
