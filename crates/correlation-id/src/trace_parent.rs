/// A valid W3C `traceparent`, as it was written.
///
/// Exact lengths, lower-case hex, IDs that are not all zero. Version `00` ends after the flags; a later version
/// may go on after another dash; version `ff` does not exist. (Trace Context, sections 3.2 and 4.3.)
///
/// ```
/// use buttress_correlation_id::TraceParent;
///
/// let parent = TraceParent::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03");
/// assert_eq!(parent.map(|parent| parent.trace_id()), Some("0af7651916cd43dd8448eb211c80319c"));
/// assert_eq!(TraceParent::parse("0-42-7-1"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent<'a>(&'a str);

impl<'a> TraceParent<'a> {
    /// The bytes of version `00`, and the fixed part of every later version.
    const FIXED_BYTES: usize = 55;
    /// What a later version may have in all; anything longer is not worth carrying.
    const MAX_BYTES: usize = 256;

    /// Checks a `traceparent`.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (fixed, rest) = text.as_bytes().split_at_checked(Self::FIXED_BYTES)?;
        let (version, trace_id, parent_id, flags) =
            (&fixed[..2], &fixed[3..35], &fixed[36..52], &fixed[53..]);
        let dashed = [fixed[2], fixed[35], fixed[52]] == *b"---";
        let in_hex = [version, trace_id, parent_id, flags]
            .into_iter()
            .flatten()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let named = !is_zero(trace_id) && !is_zero(parent_id);
        (dashed && in_hex && named && may_follow(version, rest)).then_some(Self(text))
    }

    /// The trace ID: 32 lower-case hex digits.
    pub fn trace_id(self) -> &'a str {
        &self.0[3..35]
    }

    /// The whole header, unaltered.
    pub fn as_str(self) -> &'a str {
        self.0
    }
}

fn is_zero(id: &[u8]) -> bool {
    id.iter().all(|digit| *digit == b'0')
}

/// Whether a version allows these bytes after the flags.
fn may_follow(version: &[u8], rest: &[u8]) -> bool {
    match version {
        b"ff" => false,
        b"00" => rest.is_empty(),
        _ => match rest.split_first() {
            None => true,
            Some((dash, more)) => {
                *dash == b'-'
                    && rest.len() <= TraceParent::MAX_BYTES - TraceParent::FIXED_BYTES
                    && more.iter().all(u8::is_ascii_graphic)
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const PARENT: &str = "b7ad6b7169203331";

    fn parses(text: &str) -> bool {
        TraceParent::parse(text).is_some()
    }

    #[test]
    fn a_valid_parent_gives_its_trace_id_and_stays_as_it_is() {
        for (version, flags, rest) in
            [("00", "00", ""), ("00", "03", ""), ("00", "ff", ""), ("01", "01", ""), ("fe", "01", "-more")]
        {
            let text = format!("{version}-{TRACE}-{PARENT}-{flags}{rest}");
            let parent = TraceParent::parse(&text).expect("valid");
            assert_eq!((parent.trace_id(), parent.as_str()), (TRACE, text.as_str()));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let (no_trace, no_parent) = ("0".repeat(32), "0".repeat(16));
        let table = [
            String::new(),
            "0-42-7-1".to_owned(),
            "+0-+42-+7-+1".to_owned(),
            format!("00-{TRACE}-{PARENT}"),
            format!("00-{TRACE}-{PARENT}-1"),
            format!("00-{TRACE}-{PARENT}-01-"),
            format!("00-{TRACE}-{PARENT}-01-more"),
            format!("01-{TRACE}-{PARENT}-01more"),
            format!("01-{TRACE}-{PARENT}-01-mo\nre"),
            format!("01-{TRACE}-{PARENT}-01-{}", "m".repeat(201)),
            format!("ff-{TRACE}-{PARENT}-01"),
            format!("0g-{TRACE}-{PARENT}-01"),
            format!("00-{}-{PARENT}-01", TRACE.to_uppercase()),
            format!("00-{TRACE}-{}-01", PARENT.to_uppercase()),
            format!("00-{TRACE}-{PARENT}-0A"),
            format!("00-{no_trace}-{PARENT}-01"),
            format!("00-{TRACE}-{no_parent}-01"),
            format!("00_{TRACE}-{PARENT}-01"),
            format!("00-{TRACE}_{PARENT}-01"),
            format!("00-{TRACE}-{PARENT}_01"),
            format!(" 00-{TRACE}-{PARENT}-01"),
            format!("00-{TRACE}-{PARENT}-01 "),
            format!("00-é{}-{PARENT}-01", &TRACE[2..]),
            format!("01-{TRACE}-{PARENT}-0é"),
        ];
        for bad in table {
            assert!(!parses(&bad), "{bad:?}");
        }
    }

    #[test]
    fn a_later_version_has_a_longest_form() {
        assert!(parses(&format!("01-{TRACE}-{PARENT}-01-{}", "m".repeat(200))));
    }
}
