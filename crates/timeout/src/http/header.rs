use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

/// A header field in which services tell one another how much time is left, and how it says so.
///
/// All of them are relative, so clocks need not agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeoutHeader {
    name: HeaderName,
    notation: Notation,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Notation {
    Millis,
    Grpc,
}

impl TimeoutHeader {
    /// `x-request-timeout-ms`, in whole milliseconds. There is no standard field; this name says what it holds, in
    /// which unit, and collides with no field that a proxy of today acts on.
    pub fn standard() -> Self {
        Self::millis(HeaderName::from_static("x-request-timeout-ms"))
    }

    /// `x-envoy-expected-rq-timeout-ms`, in whole milliseconds, which Envoy tells the services behind it.
    pub fn envoy() -> Self {
        Self::millis(HeaderName::from_static("x-envoy-expected-rq-timeout-ms"))
    }

    /// `grpc-timeout`: up to eight digits and one of the units `H`, `M`, `S`, `m`, `u` and `n`.
    pub fn grpc() -> Self {
        Self { name: HeaderName::from_static("grpc-timeout"), notation: Notation::Grpc }
    }

    /// A field of your own, in whole milliseconds.
    pub fn millis(name: HeaderName) -> Self {
        Self { name, notation: Notation::Millis }
    }

    /// The name of the field.
    pub fn name(&self) -> &HeaderName {
        &self.name
    }

    /// The time that a value stands for, or nothing if it is not of the field's form.
    pub fn parse(&self, value: &HeaderValue) -> Option<Duration> {
        match self.notation {
            Notation::Millis => digits(value.as_bytes(), 20).map(Duration::from_millis),
            Notation::Grpc => grpc(value.as_bytes()),
        }
    }

    /// The value that stands for a time, rounded down to milliseconds so that the next service never has longer
    /// than this one.
    pub fn value(&self, left: Duration) -> HeaderValue {
        let millis = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        match self.notation {
            Notation::Millis => decimal(millis),
            Notation::Grpc => grpc_value(millis),
        }
    }
}

/// A number as a value that takes no more memory than its digits.
fn decimal(number: u64) -> HeaderValue {
    let (mut digits, mut first, mut rest) = ([0; 20], 20, number);
    loop {
        first -= 1;
        digits[first] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    // Digits are a valid value.
    HeaderValue::from_bytes(&digits[first..]).unwrap_or(HeaderValue::from_static("0"))
}

/// What a request's fields say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// The shortest of all times, so that a second field cannot lengthen the first.
    pub(super) shortest: Option<Duration>,
    /// Whether some field's value cannot be understood.
    pub(super) is_malformed: bool,
}

impl Said {
    pub(super) fn read(accepted: &[TimeoutHeader], headers: &HeaderMap) -> Self {
        let mut said = Self::default();
        for field in accepted {
            for value in headers.get_all(field.name()) {
                match field.parse(value) {
                    Some(time) => said.shortest = Some(said.shortest.map_or(time, |known| known.min(time))),
                    None => said.is_malformed = true,
                }
            }
        }
        said
    }
}

/// A number without a sign, of at most `most` digits; one too large for 64 bits is as large as they hold.
fn digits(text: &[u8], most: usize) -> Option<u64> {
    if text.is_empty() || text.len() > most {
        return None;
    }
    text.iter().try_fold(0_u64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| digit - b'0')?;
        Some(number.saturating_mul(10).saturating_add(digit.into()))
    })
}

fn grpc(text: &[u8]) -> Option<Duration> {
    let (unit, number) = text.split_last()?;
    let number = digits(number, 8)?;
    let time = match unit {
        b'H' => Duration::from_secs(number * 3600),
        b'M' => Duration::from_secs(number * 60),
        b'S' => Duration::from_secs(number),
        b'm' => Duration::from_millis(number),
        b'u' => Duration::from_micros(number),
        b'n' => Duration::from_nanos(number),
        _ => return None,
    };
    Some(time)
}

fn grpc_value(millis: u64) -> HeaderValue {
    const MOST: u64 = 99_999_999;
    let text = if millis <= MOST { format!("{millis}m") } else { format!("{}S", (millis / 1000).min(MOST)) };
    // Digits and a letter are a valid value; the fallback says "none left" and is never reached.
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("0m"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(field: &TimeoutHeader, text: &str) -> Option<Duration> {
        field.parse(&HeaderValue::from_str(text).expect("a valid header value"))
    }

    #[test]
    fn milliseconds_are_digits_and_nothing_else() {
        let table = [
            ("0", Some(Duration::ZERO)),
            ("5", Some(Duration::from_millis(5))),
            ("00250", Some(Duration::from_millis(250))),
            ("18446744073709551616", Some(Duration::from_millis(u64::MAX))),
            ("99999999999999999999", Some(Duration::from_millis(u64::MAX))),
            ("100000000000000000000", None),
            ("", None),
            ("-1", None),
            ("+1", None),
            ("1.5", None),
            ("1e3", None),
            ("0x10", None),
            (" 1", None),
            ("1 ", None),
            ("1, 2", None),
            ("5ms", None),
            ("inf", None),
            ("\u{661}", None),
        ];
        for (text, expected) in table {
            assert_eq!(parse(&TimeoutHeader::standard(), text), expected, "{text:?}");
        }
    }

    #[test]
    fn grpc_times_are_up_to_eight_digits_and_a_unit() {
        let table = [
            ("2H", Some(Duration::from_secs(7200))),
            ("3M", Some(Duration::from_secs(180))),
            ("4S", Some(Duration::from_secs(4))),
            ("250m", Some(Duration::from_millis(250))),
            ("7u", Some(Duration::from_micros(7))),
            ("9n", Some(Duration::from_nanos(9))),
            ("99999999H", Some(Duration::from_secs(99_999_999 * 3600))),
            ("100000000m", None),
            ("m", None),
            ("", None),
            ("5", None),
            ("5s", None),
            ("5h", None),
            ("-5m", None),
            ("5 m", None),
        ];
        for (text, expected) in table {
            assert_eq!(parse(&TimeoutHeader::grpc(), text), expected, "{text:?}");
        }
    }

    #[test]
    fn what_is_sent_is_rounded_down() {
        let left = Duration::from_micros(1_999_999);
        assert_eq!(TimeoutHeader::standard().value(left), "1999");
        assert_eq!(TimeoutHeader::grpc().value(left), "1999m");
        assert_eq!(TimeoutHeader::grpc().value(Duration::from_secs(100_001)), "100001S");
    }

    #[test]
    fn of_several_fields_the_shortest_counts_and_a_bad_one_is_noticed() {
        let accepted = [TimeoutHeader::standard(), TimeoutHeader::grpc()];
        let mut headers = HeaderMap::new();
        assert_eq!(Said::read(&accepted, &headers), Said::default());
        headers.append("x-request-timeout-ms", HeaderValue::from_static("300"));
        headers.append("x-request-timeout-ms", HeaderValue::from_static("soon"));
        headers.append("grpc-timeout", HeaderValue::from_static("200m"));
        headers.append("x-envoy-expected-rq-timeout-ms", HeaderValue::from_static("1"));
        let said = Said::read(&accepted, &headers);
        assert_eq!(said.shortest, Some(Duration::from_millis(200)));
        assert!(said.is_malformed);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_time_or_refused_as_a_plain_reader_says(bytes in proptest::collection::vec(any::<u8>(), 0..24)) {
            let Ok(value) = HeaderValue::from_bytes(&bytes) else { return Ok(()) };
            let plain = std::str::from_utf8(&bytes)
                .ok()
                .filter(|text| (1..=20).contains(&text.len()) && text.chars().all(|c| c.is_ascii_digit()))
                .map(|text| text.parse::<u64>().unwrap_or(u64::MAX));
            prop_assert_eq!(TimeoutHeader::standard().parse(&value), plain.map(Duration::from_millis));
        }

        #[test]
        fn what_one_service_sends_the_next_one_reads(micros in 0_u64..100_000_000_000_000) {
            let left = Duration::from_micros(micros);
            for field in [TimeoutHeader::standard(), TimeoutHeader::grpc()] {
                let read = field.parse(&field.value(left)).expect("own values are well formed");
                prop_assert!(read <= left);
                let lost = if micros < 100_000_000_000 { Duration::from_millis(1) } else { Duration::from_secs(1) };
                prop_assert!(left < read + lost, "{:?} became {:?}", left, read);
            }
        }
    }
}
