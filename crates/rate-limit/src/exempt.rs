#[cfg(feature = "http")]
mod web;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use buttress_core::Checks;

use crate::Subject;
#[cfg(feature = "http")]
pub(crate) use web::is_preflight;

/// Requests that no policy of a layer counts.
pub struct Exempt<W: Subject> {
    /// CORS preflights, which servers exempt unless they are told otherwise; so this is asked of nearly every request.
    pub(crate) preflights: bool,
    pub(crate) rules: Vec<ExemptIf<W>>,
    /// Rules that could not be understood: what was written, and what is allowed.
    pub(crate) problems: Vec<(&'static str, String, Cow<'static, str>)>,
}

pub(crate) type ExemptIf<W> = Arc<dyn for<'a> Fn(&<W as Subject>::Head<'a>) -> bool + Send + Sync>;

impl<W: Subject> Exempt<W> {
    /// Nobody.
    pub fn none() -> Self {
        Self { preflights: false, rules: Vec::new(), problems: Vec::new() }
    }

    #[inline]
    pub(crate) fn holds_for(&self, head: &W::Head<'_>) -> bool {
        (self.preflights && W::is_preflight(head)) || (!self.rules.is_empty() && self.is_ruled(head))
    }

    /// Apart, because most layers have no rules.
    #[inline(never)]
    fn is_ruled(&self, head: &W::Head<'_>) -> bool {
        self.rules.iter().any(|rule| rule(head))
    }

    pub(crate) fn check(&self, checks: &mut Checks) {
        for (field, value, allowed) in &self.problems {
            checks.require(false, *field, value, allowed.clone());
        }
    }
}

impl<W: Subject> Clone for Exempt<W> {
    fn clone(&self) -> Self {
        let Self { preflights, rules, problems } = self;
        Self { preflights: *preflights, rules: rules.clone(), problems: problems.clone() }
    }
}

impl<W: Subject> fmt::Debug for Exempt<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { preflights, rules, .. } = self;
        f.debug_struct("Exempt")
            .field("preflights", preflights)
            .field("rules", &rules.len())
            .finish_non_exhaustive()
    }
}
