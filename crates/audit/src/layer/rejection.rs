use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::time::Duration;

use buttress_core::{Kind, Rejection, Wording};

use super::LAYER;
use crate::record::NotRecorded;

/// How long a caller is asked to stay away if nobody knows better.
const USUAL_WAIT: Duration = Duration::from_secs(1);

/// A request that was refused, or whose answer was kept back, because nothing of its class may happen unrecorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unrecorded {
    pub(super) cause: NotRecorded,
    pub(super) was_handled: bool,
}

impl Unrecorded {
    /// Why there is no record.
    pub fn cause(&self) -> &NotRecorded {
        &self.cause
    }

    /// Whether the request was handled, so that only its answer is missing.
    pub fn was_handled(&self) -> bool {
        self.was_handled
    }
}

/// Prints the text for logs.
impl fmt::Display for Unrecorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.was_handled {
            "a request was handled, but its outcome is not in the audit log"
        } else {
            "a request was not begun, because it cannot be recorded"
        })
    }
}

impl Error for Unrecorded {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.cause)
    }
}

impl Rejection for Unrecorded {
    fn kind(&self) -> Kind {
        Kind::Unavailable
    }

    fn code(&self) -> &'static str {
        if self.was_handled { "audit_incomplete" } else { "audit_unavailable" }
    }

    fn layer(&self) -> &'static str {
        LAYER
    }

    fn retry_after(&self) -> Option<Duration> {
        (!self.was_handled).then(|| self.cause.retry_after.unwrap_or(USUAL_WAIT))
    }

    fn reached_inner(&self) -> bool {
        self.was_handled
    }

    fn public(&self) -> Cow<'static, str> {
        let text = if self.was_handled {
            "the request may have been carried out, but its outcome could not be recorded"
        } else {
            "the request cannot be recorded at the moment, and was not begun"
        };
        text.into()
    }

    /// Who has been handled must not be asked to send the same again, as 503 does.
    fn wording(&self) -> Wording {
        let status = self.was_handled.then_some(500);
        Wording { status, is_final: self.was_handled, ..Wording::default() }
    }
}
