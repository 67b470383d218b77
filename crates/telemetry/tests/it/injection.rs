//! One event is one line, whatever strangers write.

use std::convert::Infallible;

use buttress_correlation_id::CorrelationIdLayer;
use buttress_telemetry::{LogFormat, RequestLogLayer};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use proptest::prelude::*;
use tower::{ServiceBuilder, ServiceExt, service_fn};

use crate::sink::{Seen, builder};

/// Text that is out to break a line, among any other.
fn hostile() -> impl Strategy<Value = String> {
    let parts = prop::sample::select(vec![
        "\n",
        "\r\n",
        "\"",
        "\\",
        "{",
        "}",
        ",\"level\":\"critical\"",
        "\u{2028}",
        "\u{2029}",
        "\u{85}",
        "\u{9b}31m",
        "\u{1b}[2J",
        "\0",
        "\u{7f}",
        "\u{202e}",
        "\u{2066}",
        "=",
        "' ",
        "é",
        "\u{1f980}",
        "plain",
        "\t",
        "\u{feff}",
    ]);
    prop_oneof![prop::collection::vec(parts, 0..12).prop_map(|parts| parts.concat()), any::<String>(),]
}

fn no_harm(text: &str, lines: usize) {
    assert_eq!(text.matches('\n').count(), lines, "{text}");
    let harmful = |letter: char| {
        letter != '\n'
            && (letter.is_control() || matches!(letter, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
    };
    assert!(!text.contains(harmful), "{text:?}");
}

/// Whether a byte may stand in the value of a header.
fn is_of_header(byte: u8) -> bool {
    HeaderValue::from_bytes(&[byte]).is_ok()
}

proptest! {
    #[test]
    fn every_text_of_a_field_comes_back_from_json_and_ends_no_line(value in hostile(), shown in hostile()) {
        let redactor = buttress_redact::Redactor::default();
        let seen = Seen::json();
        let span = tracing::info_span!("s", of_span = %value);
        span.in_scope(|| tracing::info!(event = %shown, text = value.as_str(), debugged = ?value, "{shown}"));
        no_harm(&seen.text(), 1);
        let object = seen.one();
        prop_assert_eq!(object["text"].as_str(), Some(&*redactor.field("text", &value)));
        prop_assert_eq!(object["of_span"].as_str(), Some(&*redactor.field("of_span", &value)));
        prop_assert_eq!(object["message"].as_str(), Some(&*redactor.text(&shown)));
        prop_assert_eq!(object["level"].as_str(), Some("info"));
    }

    #[test]
    fn every_event_is_one_line_of_text_as_well(value in hostile(), shown in hostile()) {
        let seen = Seen::by(builder().format(LogFormat::Text));
        let span = tracing::info_span!("s", of_span = %value);
        span.in_scope(|| tracing::info!(event = %shown, text = value.as_str(), debugged = ?value, "{shown}"));
        no_harm(&seen.text(), 1);
    }

    #[test]
    fn a_request_is_one_line_whatever_its_method_path_and_headers_say(
        method in "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,20}",
        path in "/[!-~]{0,40}",
        header in prop::collection::vec(any::<u8>().prop_filter("of a header", |byte| is_of_header(*byte)), 0..60),
        name in prop::sample::select(vec!["x-correlation-id", "x-request-id", "user-agent", "content-length", "host"]),
    ) {
        let Ok(uri) = path.parse::<Uri>() else { return Ok(()) };
        let seen = Seen::json();
        let inner = service_fn(|_: Request<Full<Bytes>>| async { Ok::<_, Infallible>(Response::new(Full::new(Bytes::new()))) });
        let service = ServiceBuilder::new()
            .layer(CorrelationIdLayer::default())
            .layer(RequestLogLayer::new())
            .service(inner);
        let mut request = Request::new(Full::new(Bytes::new()));
        *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap();
        *request.uri_mut() = uri;
        request.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_bytes(&header).unwrap());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async { service.oneshot(request).await.unwrap().into_body().collect().await.unwrap() });
        no_harm(&seen.text(), 1);
        let object = seen.one();
        prop_assert_eq!(object["event"].as_str(), Some("http_request"));
        let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE", "_OTHER"];
        prop_assert!(known.contains(&object["method"].as_str().unwrap()));
    }
}
