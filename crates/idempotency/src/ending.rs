use http::StatusCode;

/// What is kept of a run; a handler puts one into the extensions of its response to say so itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    /// The response: whoever asks again has it again.
    Keep,
    /// The status and a few headers: whoever asks again hears that it is done. For responses without end.
    KeepStatus,
    /// Nothing: whoever asks again runs the handler. Only for runs that had no effect. After a run that nobody finished,
    /// only the handler's own word ends one like this; otherwise it is [`Abandon`](Self::Abandon), lest the effects of
    /// the earlier be forgotten.
    Release,
    /// That nobody knows: whoever asks again is a recovery, or is refused.
    Abandon,
}

impl Ending {
    /// The default: what says something about the request is kept, what depends on the moment or on rights is not, and
    /// an error of the server may be tried again. Of 408 and 504 nobody knows how far the work came: that is what layers
    /// answer that give up on a handler.
    pub fn of_status(status: StatusCode) -> Self {
        match status.as_u16() {
            100..=199 => Self::KeepStatus,
            408 | 504 => Self::Abandon,
            401 | 403 | 407 | 409 | 419 | 421 | 423 | 425 | 429 | 431 | 500.. => Self::Release,
            _ => Self::Keep,
        }
    }

    /// Keeps every status but 429 and 503, errors of the server included.
    pub fn of_any_status(status: StatusCode) -> Self {
        match status.as_u16() {
            100..=199 => Self::KeepStatus,
            429 | 503 => Self::Release,
            _ => Self::Keep,
        }
    }

    /// Keeps 2xx and 3xx alone.
    pub fn of_success_only(status: StatusCode) -> Self {
        match status.as_u16() {
            100..=199 => Self::KeepStatus,
            200..=399 => Self::Keep,
            _ => Self::Release,
        }
    }
}
