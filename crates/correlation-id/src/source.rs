use std::fmt;

use buttress_core::InvalidCorrelationId;

/// Where a correlation ID came from.
///
/// Prints as the value of the span field `correlation_id_source`: `header`, `alias`, `traceparent`, `inherited`,
/// `minted`, or `rejected:` and the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The caller sent it under the configured name.
    Header,
    /// The caller sent it under another name that is accepted too.
    Alias,
    /// It is the trace ID of the caller's `traceparent`.
    TraceParent,
    /// The request already had one in its extensions, which only code in this process can put there.
    Inherited,
    /// It was minted, because the caller offered none.
    Minted,
    /// It was minted, because the one that the caller offered was rejected.
    Rejected(Reason),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header => f.write_str("header"),
            Self::Alias => f.write_str("alias"),
            Self::TraceParent => f.write_str("traceparent"),
            Self::Inherited => f.write_str("inherited"),
            Self::Minted => f.write_str("minted"),
            Self::Rejected(reason) => write!(f, "rejected:{reason}"),
        }
    }
}

/// Why an offered ID was not used. Never holds the offered text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// It is too long, empty, or has a byte that an ID may not have.
    Invalid(InvalidCorrelationId),
    /// Several different IDs were offered under one name.
    Conflict,
    /// The configured screen took it for a secret.
    Sensitive,
    /// It is valid, but its sender may not choose IDs here.
    Untrusted,
}

impl Reason {
    /// The reason as one word for logs and metrics: `empty`, `too_long`, `first_char`, `charset`, `conflict`,
    /// `sensitive` or `untrusted`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invalid(why) => why.reason(),
            Self::Conflict => "conflict",
            Self::Sensitive => "sensitive",
            Self::Untrusted => "untrusted",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<InvalidCorrelationId> for Reason {
    fn from(why: InvalidCorrelationId) -> Self {
        Self::Invalid(why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_prints_the_word_that_operators_search_for() {
        let table = [
            (Source::Header, "header"),
            (Source::Alias, "alias"),
            (Source::TraceParent, "traceparent"),
            (Source::Inherited, "inherited"),
            (Source::Minted, "minted"),
            (Source::Rejected(InvalidCorrelationId::Empty.into()), "rejected:empty"),
            (Source::Rejected(InvalidCorrelationId::TooLong.into()), "rejected:too_long"),
            (Source::Rejected(InvalidCorrelationId::FirstByte.into()), "rejected:first_char"),
            (Source::Rejected(InvalidCorrelationId::Charset.into()), "rejected:charset"),
            (Source::Rejected(Reason::Conflict), "rejected:conflict"),
            (Source::Rejected(Reason::Sensitive), "rejected:sensitive"),
            (Source::Rejected(Reason::Untrusted), "rejected:untrusted"),
        ];
        for (source, word) in table {
            assert_eq!(source.to_string(), word);
        }
    }
}
