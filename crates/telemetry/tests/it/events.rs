//! Events in one form.

use std::error::Error;
use std::time::Duration;

use buttress_telemetry::{ConnectorEvent, ConnectorOutcome, PerformanceMetric};
use serde_json::json;

use crate::sink::Seen;

#[test]
fn operations_of_connectors_are_told_as_badly_as_they_went() {
    let seen = Seen::json();
    let error: Box<dyn Error> = "refused, api_key=abc".into();
    for (outcome, word, level) in [
        (ConnectorOutcome::Start, "start", "info"),
        (ConnectorOutcome::Success, "success", "info"),
        (ConnectorOutcome::Retry, "retry", "warning"),
        (ConnectorOutcome::CircuitOpen, "circuit_open", "warning"),
        (ConnectorOutcome::Failure, "failure", "error"),
    ] {
        ConnectorEvent::new("intune", "create_app", outcome)
            .elapsed(Duration::from_micros(523_250))
            .error(&*error)
            .detail("app_id", &"abc 123")
            .detail("client_secret", &"hunter2")
            .log();
        let objects = seen.objects();
        let line = objects.last().unwrap();
        for (name, value) in [
            ("event", json!("connector_event")),
            ("level", json!(level)),
            ("connector", json!("intune")),
            ("operation", json!("create_app")),
            ("outcome", json!(word)),
            ("elapsed_ms", json!(523.25)),
            ("error", json!("refused, api_key=***REDACTED***")),
            ("details", json!(r#"app_id="abc 123" client_secret="***REDACTED***""#)),
        ] {
            assert_eq!(line[name], value, "{name}");
        }
    }
}

#[test]
fn a_measured_value_has_its_unit_and_only_the_tags_that_were_given() {
    let seen = Seen::json();
    PerformanceMetric::new("api.response_time", 123.4, "ms").tag("method", &"POST").tag("tries", &2).log();
    PerformanceMetric::new("bare", 1.0, "1").log();
    let objects = seen.objects();
    let first = &objects[0];
    let said = ["event", "metric", "value", "unit", "tags"].map(|name| first[name].clone());
    let tags = json!(r#"method="POST" tries="2""#);
    assert_eq!(
        said,
        [json!("performance_metric"), json!("api.response_time"), json!(123.4), json!("ms"), tags]
    );
    assert!(!objects[1].contains_key("tags"));
}
