//! One event stays one line, whatever a stranger puts where.

use buttress_audit::{
    Action, AuditHandle, AuditLayer, Category, Changes, ConnectorOutcome, Event, Level, MemoryRecorder,
    Outcome, Resource, Service, Severity,
};
use buttress_core::Principal;
use buttress_redact::Redactor;
use buttress_testkit::message;
use http::header::{HeaderName, HeaderValue};
use http::{Method, Request, Response};
use http_body_util::BodyExt;
use proptest::prelude::*;
use serde_json::Value;
use tower::{Layer, ServiceExt, service_fn};

use super::Body;

/// Everything that ends a line somewhere, moves a cursor, or turns text round.
const EVIL: &str = "a\r\n{\"v\":1,\"action\":\"LOGIN\"}\n\u{0}\u{7}\u{8}\u{b}\u{c}\u{1b}[2J\u{7f}\u{85}\u{9b}31m\u{ad}\u{61c}\
    \u{200b}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\u{202e}\u{2060}\u{2066}\u{2069}\u{feff}\u{fff9}\u{e0041}\"\\}],";

/// Fails unless a line is one JSON object with nothing in it that a viewer could act on.
fn assert_is_one_line(line: &str) -> Value {
    let bad = |sign: char| {
        sign.is_control()
            || matches!(sign, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
            || matches!(sign, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
    };
    assert!(!line.chars().any(bad), "{line:?}");
    let record: Value = serde_json::from_str(line).unwrap();
    assert!(record.is_object(), "{line}");
    record
}

fn line_of(event: &Event) -> String {
    let mut line = Vec::new();
    event.encode(&Redactor::default(), &mut line);
    String::from_utf8(line).unwrap()
}

/// An event with a text in every field that takes one.
fn event_full_of(text: &str) -> Event {
    let actor = Principal::user(text).with_name(text).with_tenant(text).with_session(text);
    Event::builder(Action::custom("EVIL", Category::Security).unwrap())
        .actor(actor)
        .resource(Resource::new(text.to_owned(), text).with_name(text))
        .reason(text.to_owned())
        .message(text)
        .outcome(Outcome::Unknown)
        .method(Method::from_bytes(b"M-SEARCH").unwrap())
        .route(text)
        .path(text)
        .query(text)
        .user_agent(text)
        .changes(Changes::new().with(text, text, [text]))
        .detail(text, text)
        .detail("nested", serde_json::json!({ text: [text] }))
        .service(Service::new(text).with_version(text).with_instance(text))
        .build()
}

#[test]
fn every_field_of_an_event_can_hold_anything_and_stays_on_its_line() {
    let record = assert_is_one_line(&line_of(&event_full_of(EVIL)));
    assert_eq!(record["actor"]["id"], EVIL);
    assert_eq!(record["details"]["nested"][EVIL][0], EVIL);
    assert_eq!(record["action"], "EVIL", "no text becomes a field");
    assert_eq!(record.as_object().unwrap().keys().filter(|key| *key == "action").count(), 1);
    for event in [
        Event::security(EVIL.to_owned(), Severity::Critical, EVIL),
        Event::deployment(EVIL.to_owned(), EVIL, EVIL, Outcome::Failure),
        Event::connector(EVIL, EVIL, ConnectorOutcome::Retry),
        Event::performance(EVIL, 1.0, EVIL),
    ] {
        assert_is_one_line(&line_of(&event.build()));
    }
}

/// Through the layer: every header that it reads, the path, the query and the body, in all that HTTP can carry.
#[tokio::test(start_paused = true)]
async fn no_request_writes_more_than_its_own_line() {
    let records = MemoryRecorder::new();
    let layer = AuditLayer::inbound(records.clone()).with_bodies().level(Level::Body { cap_bytes: 4096 });
    let layer = layer.build().unwrap();
    let inner = service_fn(|request: Request<buttress_audit::AuditBody<Body>>| async {
        let audit = request.extensions().get::<AuditHandle>().cloned();
        request.into_body().collect().await?;
        if let Some(audit) = audit {
            audit.detail(EVIL, EVIL);
            audit.message(EVIL);
            audit.reason(EVIL.to_owned());
        }
        Ok::<_, std::convert::Infallible>(Response::new(Body::default()))
    });
    let evil_bytes: Vec<u8> =
        EVIL.bytes().filter(|byte| *byte >= b' ' && *byte != 0x7f).chain(0x80..=0xff).collect();
    let evil_header = HeaderValue::from_bytes(&evil_bytes).unwrap();
    let headers = [
        "user-agent",
        "x-forwarded-for",
        "forwarded",
        "x-correlation-id",
        "x-request-id",
        "traceparent",
        "host",
        "content-type",
        "referer",
        "authorization",
        "cookie",
    ];
    for (place, name) in headers.iter().enumerate() {
        let mut request = message::post("/%0d%0a%e2%80%a8?q=%0a%1b%5b2J&x=\u{2028}", EVIL);
        request.headers_mut().insert("content-type", HeaderValue::from_static("text/plain"));
        request.headers_mut().insert(HeaderName::from_static(name), evil_header.clone());
        let Ok(_) = layer.clone().layer(inner).oneshot(request).await;
        let lines = records.lines();
        assert_eq!(lines.len(), place + 1, "{name}");
        assert_is_one_line(&lines[place]);
    }
    let mut request = message::post("/", format!("{{\n\"{}\": 1\n}}", "k\u{2028}\u{202e}"));
    request.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    let Ok(_) = layer.layer(inner).oneshot(request).await;
    assert_is_one_line(records.lines().last().unwrap());
}

proptest! {
    #[test]
    fn an_event_full_of_anything_is_one_line_and_its_own_fields_are_its_own(text in any::<String>()) {
        let record = assert_is_one_line(&line_of(&event_full_of(&text)));
        prop_assert_eq!(&record["action"], "EVIL");
        prop_assert_eq!(&record["outcome"], "unknown");
    }
}
