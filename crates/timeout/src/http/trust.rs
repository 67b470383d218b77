use std::fmt;
use std::sync::Arc;

use http::{Extensions, HeaderMap};

type Judge = dyn Fn(&HeaderMap, &Extensions) -> bool + Send + Sync;

/// Whose timeout headers are believed.
///
/// A header can only shorten the time, so whoever sends it is the first to be hurt. It is still not harmless from a
/// stranger: requests with too little time make this service begin work and drop it halfway, again and again, and
/// make its own calls time out, which circuit breakers count against services that are well once a call had a second.
/// Hence nobody is believed unless told.
#[derive(Clone, Default)]
pub struct Trust(Belief);

#[derive(Clone, Default)]
enum Belief {
    #[default]
    Nobody,
    Everyone,
    When(Arc<Judge>),
}

impl Trust {
    /// No headers are read. The default.
    pub fn nobody() -> Self {
        Self(Belief::Nobody)
    }

    /// Everybody is believed, as behind a gateway that strips the headers of strangers.
    pub fn everyone() -> Self {
        Self(Belief::Everyone)
    }

    /// Those are believed of whose requests `judge` says so, from the header fields and the extensions.
    pub fn when(judge: impl Fn(&HeaderMap, &Extensions) -> bool + Send + Sync + 'static) -> Self {
        Self(Belief::When(Arc::new(judge)))
    }

    pub(super) fn believes(&self, headers: &HeaderMap, extensions: &Extensions) -> bool {
        match &self.0 {
            Belief::Nobody => false,
            Belief::Everyone => true,
            Belief::When(judge) => judge(headers, extensions),
        }
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Belief::Nobody => "Trust::nobody()",
            Belief::Everyone => "Trust::everyone()",
            Belief::When(_) => "Trust::when(..)",
        })
    }
}

/// What happens to a request whose timeout header cannot be understood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum WhenMalformed {
    /// The header counts as absent, and a signal says so. The default.
    #[default]
    Ignore,
    /// The request is refused with [`MalformedTimeout`](crate::MalformedTimeout).
    Refuse,
}
