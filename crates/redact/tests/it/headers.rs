//! Headers, one by one and as maps.

use buttress_redact::Redactor;
use http::{HeaderMap, HeaderValue};

#[test]
fn headers_with_telling_names_are_hidden_and_schemes_stay() {
    let redactor = Redactor::default();
    for (name, value, expected) in [
        ("authorization", "Bearer abc", "Bearer ***REDACTED***"),
        ("Authorization", "Basic YTpi", "Basic ***REDACTED***"),
        ("proxy-authorization", "Digest username=\"a\", response=\"b\"", "Digest ***REDACTED***"),
        ("authorization", "abc", "***REDACTED***"),
        ("authorization", "abc=def ghi", "***REDACTED***"),
        ("authorization", "Bearer ***REDACTED***", "Bearer ***REDACTED***"),
        ("authorization", "AKIAIOSFODNN7EXAMPLE abc", "***REDACTED:aws*** ***REDACTED***"),
        ("authorization", "", ""),
        ("cookie", "a=b; c=d", "***REDACTED***"),
        ("set-cookie", "a=b; Path=/", "***REDACTED***"),
        ("x-api-key", "abc", "***REDACTED***"),
        ("x-csrf-token", "abc", "***REDACTED***"),
        ("accept", "*/*", "*/*"),
        (
            "referer",
            "https://example.com/?access_token=abc",
            "https://example.com/?access_token=***REDACTED***",
        ),
        ("location", "https://a:b@example.com/", "https://***REDACTED***@example.com/"),
        ("from", "john@example.com", "joh***@example.com"),
        ("content-length", "4111", "4111"),
    ] {
        let redacted = redactor.header(name, value.as_bytes());
        assert_eq!(String::from_utf8_lossy(&redacted), expected, "{name}: {value}");
    }
}

#[test]
fn a_map_is_printed_redacted_on_one_line() {
    let mut headers = HeaderMap::new();
    headers.insert("x-api-key", HeaderValue::from_static("abc"));
    headers.insert("x-odd", HeaderValue::from_bytes(b"\xff\t\"").unwrap());
    headers.append("cookie", HeaderValue::from_static("a=b"));
    headers.append("cookie", HeaderValue::from_static("c=d"));
    let mut marked = HeaderValue::from_static("quiet");
    marked.set_sensitive(true);
    headers.insert("x-marked", marked);
    let redacted = Redactor::default().headers(&headers);
    let printed = format!("{redacted:?}");
    for part in [
        r#""x-api-key": "***REDACTED***""#,
        r#""x-odd": "\xff\t\"""#,
        r#""cookie": "***REDACTED***", "cookie": "***REDACTED***""#,
        r#""x-marked": "***REDACTED***""#,
    ] {
        assert!(printed.contains(part), "{part} in {printed}");
    }
    assert_eq!(redacted.iter().count(), 5);
}
