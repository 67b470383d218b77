use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName};

use super::members::{Member, members};

static RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
static REMAINING: [(HeaderName, HeaderName); 2] = [
    (HeaderName::from_static("ratelimit-remaining"), HeaderName::from_static("ratelimit-reset")),
    (HeaderName::from_static("x-ratelimit-remaining"), HeaderName::from_static("x-ratelimit-reset")),
];

/// How long an upstream says that nothing is left; `None` if something is, or if it says nothing that makes sense.
///
/// Understands `RateLimit` as a list (drafts 08 to 10) and as a dictionary (draft 07), `RateLimit-Remaining` with
/// `RateLimit-Reset` (drafts up to 06), and the same with `X-` in front, whose reset may be a wait in seconds or a
/// date in seconds or milliseconds.
pub(super) fn nothing_left_for(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let pairs = REMAINING.iter().map(|(remaining, reset)| by_pair(headers, remaining, reset, now));
    pairs.chain([by_members(headers)]).flatten().max()
}

fn by_pair(
    headers: &HeaderMap,
    remaining: &HeaderName,
    reset: &HeaderName,
    now: SystemTime,
) -> Option<Duration> {
    (whole_number(headers, remaining)? == 0).then_some(())?;
    until_reset(whole_number(headers, reset)?, now)
}

/// Seconds from now, or a date: told apart by size, since nobody waits for thirty years and no date lies in 1970.
fn until_reset(reset: u64, now: SystemTime) -> Option<Duration> {
    let date = match reset {
        0..1_000_000_000 => return Some(Duration::from_secs(reset)),
        1_000_000_000..100_000_000_000 => Duration::from_secs(reset),
        100_000_000_000..100_000_000_000_000 => Duration::from_millis(reset),
        _ => return None,
    };
    Some((SystemTime::UNIX_EPOCH + date).duration_since(now).unwrap_or_default())
}

fn by_members(headers: &HeaderMap) -> Option<Duration> {
    let mut lines = headers.get_all(&RATE_LIMIT).iter();
    let first = lines.next()?.to_str().ok()?;
    if lines.next().is_none() {
        return exhausted(&members(first)?);
    }
    // Lines of one field are one list (RFC 9110, section 5.3).
    let lines: Result<Vec<_>, _> =
        headers.get_all(&RATE_LIMIT).iter().map(http::HeaderValue::to_str).collect();
    exhausted(&members(&lines.ok()?.join(","))?)
}

fn exhausted(members: &[Member<'_>]) -> Option<Duration> {
    let of_dictionary = || {
        let value = |name| members.iter().find(|member| member.name == name)?.value;
        (value("remaining")? == 0).then(|| value("reset"))?
    };
    let of_list =
        members.iter().filter(|member| member.remaining == Some(0)).filter_map(|member| member.reset);
    of_list.max().or_else(of_dictionary).map(Duration::from_secs)
}

/// A field that is there once, or more than once with one value, and holds nothing but digits.
pub(super) fn whole_number(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    if values.any(|other| other != first) {
        return None;
    }
    let digits = first.to_str().ok()?.trim_matches([' ', '\t']);
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const NOW: u64 = 1_790_000_000;

    fn wait(fields: &[(&'static str, &str)]) -> Option<u64> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            let value = HeaderValue::from_bytes(value.as_bytes()).expect("visible bytes");
            headers.append(HeaderName::from_static(name), value);
        }
        nothing_left_for(&headers, SystemTime::UNIX_EPOCH + Duration::from_secs(NOW))
            .map(|wait| wait.as_secs())
    }

    #[test]
    fn a_list_is_read_member_by_member() {
        for (value, expected) in [
            (r#""default";r=0;t=5"#, Some(5)),
            (r#""default";r=1;t=5"#, None),
            (r#""burst";r=0;t=5, "daily";r=0;t=500"#, Some(500)),
            (r#""burst";r=0;t=5,"daily";r=3;t=500"#, Some(5)),
            (r#""a, b;r=0";r=2;t=5"#, None),
            (r#""a\"b";r=0;t=5"#, Some(5)),
            (r#""keyed";pk=:dHJ1c3Q=:;r=0;t=7"#, Some(7)),
            (r"token;r=0;t=5", Some(5)),
            (r#""default"; r=0; t=5"#, Some(5)),
            (r#""default";r=0"#, None),
            (r#""default";r=0;t=-5"#, None),
            (r#""default";r=0;t=1.5"#, None),
            (r#""default";r="0";t=5"#, None),
            (r#""default";r=0;t=5,"#, None),
            (r#""default;r=0;t=5"#, None),
            (r#""default";r=0;t=5 "other";r=0;t=9"#, None),
            (r#""default";r=0;;t=5"#, None),
            (r#""default";r=0;t=1234567890123456"#, None),
            ("", None),
        ] {
            assert_eq!(wait(&[("ratelimit", value)]), expected, "{value}");
        }
        let two_lines = [("ratelimit", r#""a";r=0;t=5"#), ("ratelimit", r#""b";r=0;t=9"#)];
        assert_eq!(wait(&two_lines), Some(9));
        assert_eq!(wait(&[("ratelimit", r#""a";r=0;t=5"#), ("ratelimit", "\"")]), None, "one is broken");
    }

    #[test]
    fn a_dictionary_is_read_by_its_names() {
        for (value, expected) in [
            ("limit=100, remaining=0, reset=5", Some(5)),
            ("limit=100;w=60, remaining=0, reset=5", Some(5)),
            ("reset=5,remaining=0", Some(5)),
            ("limit=100, remaining=1, reset=5", None),
            ("limit=100, remaining=0", None),
            ("limit=100, remaining=0, reset=soon", None),
            ("limit=100, remaining, reset=5", None),
        ] {
            assert_eq!(wait(&[("ratelimit", value)]), expected, "{value}");
        }
    }

    #[test]
    fn a_reset_is_a_wait_or_a_date_by_its_size() {
        let date = (NOW + 30).to_string();
        let millis = ((NOW + 30) * 1_000).to_string();
        for prefix in ["ratelimit", "x-ratelimit"] {
            let names: [&'static str; 2] = match prefix {
                "ratelimit" => ["ratelimit-remaining", "ratelimit-reset"],
                _ => ["x-ratelimit-remaining", "x-ratelimit-reset"],
            };
            for (remaining, reset, expected) in [
                ("0", "30", Some(30)),
                (" 0", "30 ", Some(30)),
                ("0", &*date, Some(30)),
                ("0", &*millis, Some(30)),
                ("0", "999999999", Some(999_999_999)),
                ("0", "1000000000", Some(0)),
                ("0", "99999999999", Some(99_999_999_999 - NOW)),
                ("0", "100000000000", Some(0)),
                ("0", "100000000000000", None),
                ("0", "99999999999999999999", None),
                ("1", "30", None),
                ("0", "1.5", None),
                ("0", "-30", None),
                ("0", "", None),
                ("", "30", None),
                ("0", "soon", None),
            ] {
                assert_eq!(
                    wait(&[(names[0], remaining), (names[1], reset)]),
                    expected,
                    "{remaining} {reset}"
                );
            }
            assert_eq!(wait(&[(names[0], "0")]), None, "no reset");
            assert_eq!(wait(&[(names[0], "0"), (names[0], "1"), (names[1], "30")]), None, "two minds");
        }
    }

    #[test]
    fn of_several_kinds_of_field_the_longest_wait_counts() {
        let both =
            [("ratelimit", r#""a";r=0;t=5"#), ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "40")];
        assert_eq!(wait(&both), Some(40));
        let broken = [("ratelimit", "\""), ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "40")];
        assert_eq!(wait(&broken), Some(40), "what is malformed counts as absent");
    }
}
