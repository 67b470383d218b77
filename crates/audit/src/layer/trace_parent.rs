//! The field `traceparent` (W3C Trace Context, section 3.2).

use http::HeaderMap;

/// The trace and the span that a request says it belongs to; none unless it says so once and in the right form.
pub(super) fn read(headers: &HeaderMap) -> Option<(u128, u64)> {
    let mut all = headers.get_all("traceparent").iter();
    let (only, None) = (all.next()?, all.next()) else { return None };
    parse(only.as_bytes())
}

fn parse(field: &[u8]) -> Option<(u128, u64)> {
    // Later versions may go on behind the flags, after a dash; 255 is none.
    let version = hex(field.get(..2)?)?;
    let ends = field.len() == 55 || (version > 0 && field.get(55) == Some(&b'-'));
    let dashes = [2, 35, 52].iter().all(|place| field.get(*place) == Some(&b'-'));
    let (trace, span) = (hex(field.get(3..35)?)?, hex(field.get(36..52)?)?);
    hex(field.get(53..55)?)?;
    let is_valid = ends && dashes && version != 255 && trace != 0 && span != 0;
    is_valid.then_some((trace, u64::try_from(span).ok()?))
}

fn hex(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |number: u128, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_form_of_the_standard_is_read() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let ids = (0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736, 0x00f0_67aa_0ba9_02b7);
        assert_eq!(parse(good.as_bytes()), Some(ids));
        assert_eq!(parse(format!("cc{}-more", &good[2..]).as_bytes()), Some(ids));
        let bad = [
            "",
            "0-42-7-1",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x",
        ];
        for field in bad {
            assert_eq!(parse(field.as_bytes()), None, "{field}");
        }
    }

    #[test]
    fn two_fields_that_could_disagree_are_none() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let mut headers = HeaderMap::new();
        assert_eq!(read(&headers), None);
        headers.append("traceparent", good.parse().expect("a value"));
        assert!(read(&headers).is_some());
        headers.append("traceparent", good.parse().expect("a value"));
        assert_eq!(read(&headers), None);
    }
}
