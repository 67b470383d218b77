use std::borrow::Cow;

use super::Event;
use super::action::Action;
use super::builder::EventBuilder;
use super::category::Category;
use super::resource::Resource;
use super::word::{Outcome, Severity, Stage};

/// What became of a call of another service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectorOutcome {
    /// It was begun.
    Start,
    /// It was answered.
    Success,
    /// It failed for good.
    Failure,
    /// It failed, and is tried again.
    Retry,
    /// It was not made, because its circuit is open.
    CircuitOpen,
}

impl ConnectorOutcome {
    /// The outcome as it stands in the record, under `details.connector_outcome`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "START",
            Self::Success => "SUCCESS",
            Self::Failure => "FAILURE",
            Self::Retry => "RETRY",
            Self::CircuitOpen => "CIRCUIT_OPEN",
        }
    }

    /// The same in the words that all records have: outcome, reason and stage.
    const fn in_general(self) -> (Outcome, Option<&'static str>, Stage) {
        match self {
            Self::Start => (Outcome::Unknown, None, Stage::Started),
            Self::Success => (Outcome::Success, None, Stage::Complete),
            Self::Failure => (Outcome::Failure, None, Stage::Complete),
            Self::Retry => (Outcome::Failure, Some("retry"), Stage::Complete),
            Self::CircuitOpen => (Outcome::Denied, Some("circuit_open"), Stage::Complete),
        }
    }
}

/// Events that nearly every program has, by what they need; the rest is said on the builder.
impl Event {
    /// Something that concerns security.
    ///
    /// The kind of it becomes the action if it can be the name of one; otherwise the action is
    /// [`Action::SECURITY_ALERT`] and the kind stands under `details.event_type`.
    ///
    /// ```
    /// use buttress_audit::{Event, Severity};
    ///
    /// let event = Event::security("ARTIFACT_TAMPERED", Severity::Critical, "the hash of the artifact is another one")
    ///     .client_ip([192, 168, 1, 100].into())
    ///     .detail("expected_hash", "abc123")
    ///     .build();
    /// assert_eq!(event.action().as_str(), "ARTIFACT_TAMPERED");
    /// ```
    pub fn security(kind: impl Into<Cow<'static, str>>, severity: Severity, message: &str) -> EventBuilder {
        named(kind, Category::Security, Action::SECURITY_ALERT).severity(severity).message(message)
    }

    /// Somebody did something to a resource.
    ///
    /// ```
    /// use buttress_audit::{Action, Category, Event, Outcome, Resource};
    ///
    /// let approve = Action::custom("CAB_APPROVE", Category::Financial)?;
    /// let event = Event::audit(approve, Resource::new("CABApprovalRequest", "550e8400"), Outcome::Success)
    ///     .detail("risk_score", 45)
    ///     .build();
    /// assert_eq!(event.resource().map(Resource::id), Some("550e8400"));
    /// # Ok::<(), buttress_audit::InvalidAction>(())
    /// ```
    pub fn audit(action: Action, resource: Resource, outcome: Outcome) -> EventBuilder {
        Self::builder(action).resource(resource).outcome(outcome)
    }

    /// A step of a deployment, in a ring such as `CANARY`.
    ///
    /// The kind of it becomes the action if it can be the name of one; otherwise the action is [`Action::DEPLOYMENT`]
    /// and the kind stands under `details.event_type`.
    pub fn deployment(
        kind: impl Into<Cow<'static, str>>,
        deployment_id: &str,
        ring: &str,
        outcome: Outcome,
    ) -> EventBuilder {
        named(kind, Category::Deployment, Action::DEPLOYMENT)
            .resource(Resource::new("deployment", deployment_id))
            .outcome(outcome)
            .detail("ring", ring)
    }

    /// A call of another service, such as `CREATE_APP` of the connector `intune`.
    ///
    /// | connector | outcome | reason | stage |
    /// |---|---|---|---|
    /// | `START` | unknown | | started |
    /// | `SUCCESS` | success | | complete |
    /// | `FAILURE` | failure | | complete |
    /// | `RETRY` | failure | `retry` | complete |
    /// | `CIRCUIT_OPEN` | denied | `circuit_open` | complete |
    pub fn connector(connector: &str, operation: &str, outcome: ConnectorOutcome) -> EventBuilder {
        let (general, reason, stage) = outcome.in_general();
        let event = Self::builder(Action::CONNECTOR_CALL)
            .resource(Resource::new("connector", connector))
            .outcome(general)
            .stage(stage)
            .detail("operation", operation)
            .detail("connector_outcome", outcome.as_str());
        match reason {
            Some(reason) => event.reason(reason),
            None => event,
        }
    }

    /// A number that was measured, with its unit. Numbers that JSON cannot hold (NaN, infinity) become null.
    pub fn performance(metric: &str, value: f64, unit: &str) -> EventBuilder {
        Self::builder(Action::PERFORMANCE)
            .resource(Resource::new("metric", metric))
            .detail("value", value)
            .detail("unit", unit)
    }
}

fn named(kind: impl Into<Cow<'static, str>>, category: Category, otherwise: Action) -> EventBuilder {
    let kind = kind.into();
    match Action::custom(kind.clone(), category) {
        Ok(action) => Event::builder(action),
        Err(_) => Event::builder(otherwise).detail("event_type", kind),
    }
}

#[cfg(test)]
mod tests {
    use buttress_redact::Redactor;
    use serde_json::{Value, json};

    use super::*;

    fn record(event: EventBuilder) -> Value {
        let mut out = Vec::new();
        event.build().encode(&Redactor::default(), &mut out);
        serde_json::from_slice(&out).expect("valid JSON")
    }

    #[test]
    fn every_outcome_of_a_connector_has_a_general_one_and_keeps_its_word() {
        use ConnectorOutcome::{CircuitOpen, Failure, Retry, Start, Success};
        let table = [
            (Start, "START", "unknown", Value::Null, "started"),
            (Success, "SUCCESS", "success", Value::Null, "complete"),
            (Failure, "FAILURE", "failure", Value::Null, "complete"),
            (Retry, "RETRY", "failure", json!("retry"), "complete"),
            (CircuitOpen, "CIRCUIT_OPEN", "denied", json!("circuit_open"), "complete"),
        ];
        for (outcome, word, general, reason, stage) in table {
            let record = record(Event::connector("intune", "CREATE_APP", outcome));
            assert_eq!(record["details"], json!({"operation": "CREATE_APP", "connector_outcome": word}));
            let said = (&record["outcome"], &record["reason"], &record["stage"]);
            assert_eq!(said, (&json!(general), &reason, &json!(stage)), "{word}");
            assert_eq!(
                (&record["category"], &record["resource"]["id"]),
                (&json!("connector"), &json!("intune"))
            );
        }
    }

    #[test]
    fn a_kind_that_cannot_be_an_action_is_told_as_a_detail() {
        let severe = record(Event::security("ARTIFACT_TAMPERED", Severity::Critical, "hash mismatch"));
        assert_eq!(
            (&severe["action"], &severe["severity"]),
            (&json!("ARTIFACT_TAMPERED"), &json!("critical"))
        );
        assert_eq!(severe["message"], "hash mismatch");
        let odd = record(Event::security("odd kind", Severity::Low, "x"));
        assert_eq!(
            (&odd["action"], &odd["details"]["event_type"]),
            (&json!("SECURITY_ALERT"), &json!("odd kind"))
        );
        let step = record(Event::deployment("SECURITY_VALIDATED", "d-1", "CANARY", Outcome::Success));
        assert_eq!((&step["category"], &step["details"]["ring"]), (&json!("deployment"), &json!("CANARY")));
    }

    #[test]
    fn a_number_that_json_cannot_hold_is_null() {
        let measured =
            |value| record(Event::performance("api.response_time", value, "ms"))["details"].clone();
        assert_eq!(measured(123.4), json!({"value": 123.4, "unit": "ms"}));
        assert_eq!(measured(f64::NAN), json!({"value": null, "unit": "ms"}));
    }
}
