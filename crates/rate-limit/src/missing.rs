use std::sync::Arc;

use buttress_core::Checks;

/// What a policy does with a request that has no key for it.
///
/// Whatever it is, the address never stands in for another key: who leaves a header out would choose his limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Missing {
    /// It refuses the request with 400 Bad Request. The default.
    #[default]
    Reject,
    /// It refuses the request with this status, 400 to 499; 401 Unauthorized where the key is a credential.
    RejectAs(u16),
    /// It does not apply to the request. Right only if something else limits or refuses such requests.
    Skip,
    /// It charges all such requests to one key that they share, under this name.
    Fallback(Arc<str>),
}

impl Missing {
    /// One key, under this name, for all requests without one.
    pub fn fallback(name: impl Into<Arc<str>>) -> Self {
        Self::Fallback(name.into())
    }

    pub(crate) fn check(&self, policy: &str, checks: &mut Checks) {
        let field = || format!("{policy}.missing");
        match self {
            Self::RejectAs(status) => {
                checks.require((400..=499).contains(status), field(), status, "a status of 400 to 499");
            }
            Self::Fallback(name) => {
                checks.require(!name.is_empty(), field(), "a fallback without a name", "a name");
            }
            Self::Reject | Self::Skip => {}
        }
    }
}
