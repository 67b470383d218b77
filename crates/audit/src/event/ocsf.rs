mod class;

use serde_json::{Map, Value, json};

use self::class::Class;

/// The version of the schema that records are mapped to.
const OCSF_VERSION: &str = "1.8.0";

/// What OCSF calls what it has no number for.
const OTHER: u64 = 99;

/// A record in the words of the Open Cybersecurity Schema Framework (OCSF 1.8), for systems that read those.
///
/// Takes what stands under `event` in a line of the log. What OCSF has no place for is kept under `unmapped`, so nothing
/// is lost; the table is in `docs/audit.md`. A value that is no record becomes an event of the base class.
///
/// ```
/// use buttress_audit::{Action, Event, Outcome, ocsf};
/// use buttress_redact::Redactor;
///
/// let mut line = Vec::new();
/// Event::builder(Action::LOGIN).outcome(Outcome::Denied).build().encode(&Redactor::default(), &mut line);
/// let theirs = ocsf(&serde_json::from_slice(&line)?);
/// assert_eq!((&theirs["class_uid"], &theirs["activity_id"]), (&3002.into(), &1.into()));
/// assert_eq!((&theirs["status_id"], &theirs["action_id"]), (&2.into(), &2.into()));
/// # Ok::<(), serde_json::Error>(())
/// ```
pub fn ocsf(event: &Value) -> Value {
    let class = Class::of(event);
    let activity = class.activity(text(event, "action"));
    let mut out = Map::new();
    out.insert("class_uid".into(), class.uid.into());
    out.insert("category_uid".into(), (class.uid / 1000).into());
    out.insert("activity_id".into(), activity.into());
    out.insert("type_uid".into(), (class.uid * 100 + activity).into());
    put(&mut out, "activity_name", event.get("action"));
    put(&mut out, "message", event.get("message"));
    status(event, &mut out);
    let (severity_id, severity) = severity(text(event, "severity"));
    out.insert("severity_id".into(), severity_id.into());
    out.insert("severity".into(), severity.into());
    out.insert("metadata".into(), metadata(event));
    put(&mut out, "time", millis(text(event, "ts")).map(Value::from).as_ref());
    put(&mut out, "actor", actor(&event["actor"]).as_ref());
    request(&event["request"], &mut out);
    put(&mut out, "resources", resources(&event["resource"]).as_ref());
    put(&mut out, "trace", trace(event).as_ref());
    class.complete(event, &mut out);
    put(&mut out, "unmapped", unmapped(event).as_ref());
    Value::Object(out)
}

fn status(event: &Value, out: &mut Map<String, Value>) {
    let (status_id, status) = match text(event, "outcome") {
        "success" => (1, "Success"),
        "failure" | "denied" => (2, "Failure"),
        "partial" => (99, "Partial"),
        _ => (0, "Unknown"),
    };
    out.insert("status_id".into(), status_id.into());
    out.insert("status".into(), status.into());
    put(out, "status_detail", event.get("reason"));
    if text(event, "outcome") == "denied" {
        out.insert("action_id".into(), 2.into());
        out.insert("action".into(), "Denied".into());
    }
}

fn severity(word: &str) -> (u64, &'static str) {
    match word {
        "info" => (1, "Informational"),
        "low" => (2, "Low"),
        "medium" => (3, "Medium"),
        "high" => (4, "High"),
        "critical" => (5, "Critical"),
        _ => (0, "Unknown"),
    }
}

fn metadata(event: &Value) -> Value {
    let mut out = Map::new();
    out.insert("version".into(), OCSF_VERSION.into());
    put(&mut out, "uid", event.get("id"));
    put(&mut out, "original_time", event.get("ts"));
    put(&mut out, "correlation_uid", event.get("correlation_id"));
    put(&mut out, "event_code", event.get("stage"));
    let service = &event["service"];
    let mut product = json!({"vendor_name": "Buttress", "name": "buttress-audit"});
    for (theirs, ours) in [("name", "name"), ("version", "version"), ("uid", "instance")] {
        if let Some(value) = service.get(ours) {
            product[theirs] = value.clone();
        }
    }
    out.insert("product".into(), product);
    if event["redaction"]["truncated"].as_u64().is_some_and(|count| count > 0) {
        out.insert("is_truncated".into(), true.into());
    }
    Value::Object(out)
}

/// Who acted, unless nobody is known to have.
fn actor(actor: &Value) -> Option<Value> {
    actor.as_object()?;
    let (type_id, kind) = match text(actor, "type") {
        "user" => (1, "User"),
        "system" => (3, "System"),
        "service" => (4, "Service"),
        _ => (OTHER, "Other"),
    };
    let mut user = Map::new();
    user.insert("type_id".into(), type_id.into());
    user.insert("type".into(), kind.into());
    put(&mut user, "uid", actor.get("id"));
    put(&mut user, "name", actor.get("name"));
    if let Some(tenant) = actor.get("tenant_id") {
        user.insert("org".into(), json!({ "uid": tenant }));
    }
    let mut out = json!({ "user": user });
    if let Some(session) = actor.get("session_hash") {
        out["session"] = json!({ "uid": session });
    }
    Some(out)
}

fn request(request: &Value, out: &mut Map<String, Value>) {
    if !request.is_object() {
        return;
    }
    let mut theirs = Map::new();
    put(&mut theirs, "http_method", request.get("method"));
    put(&mut theirs, "user_agent", request.get("user_agent"));
    let mut url = Map::new();
    put(&mut url, "path", request.get("path"));
    put(&mut url, "query_string", request.get("query"));
    if !url.is_empty() {
        theirs.insert("url".into(), url.into());
    }
    out.insert("http_request".into(), theirs.into());
    if let Some(status) = request.get("status") {
        out.insert("http_response".into(), json!({ "code": status }));
    }
    let mut source = Map::new();
    put(&mut source, "ip", request.get("client_ip"));
    let (client, peer) = (request.get("client_ip"), request.get("peer_ip"));
    if let Some(peer) = peer.filter(|_| client != peer) {
        source.insert("intermediate_ips".into(), json!([peer]));
    }
    if !source.is_empty() {
        out.insert("src_endpoint".into(), source.into());
    }
}

fn resources(resource: &Value) -> Option<Value> {
    resource_as_object(resource).map(|resource| json!([resource]))
}

fn resource_as_object(resource: &Value) -> Option<Value> {
    resource.as_object()?;
    let mut theirs = Map::new();
    for (name, ours) in [("type", "type"), ("uid", "id"), ("name", "name")] {
        put(&mut theirs, name, resource.get(ours));
    }
    Some(theirs.into())
}

fn trace(event: &Value) -> Option<Value> {
    let trace = event.get("trace_id")?;
    Some(json!({ "uid": trace, "span": { "uid": event["span_id"] } }))
}

/// What OCSF has no place for.
fn unmapped(event: &Value) -> Option<Value> {
    let mut out = Map::new();
    for key in ["v", "category", "duration_us", "changes", "details", "redaction", "intent_id"] {
        put(&mut out, key, event.get(key));
    }
    for key in ["body", "body_bytes"] {
        put(&mut out, key, event["request"].get(key));
    }
    (!out.is_empty()).then(|| out.into())
}

fn put(out: &mut Map<String, Value>, key: &str, value: Option<&Value>) {
    if let Some(value) = value {
        out.insert(key.into(), value.clone());
    }
}

fn text<'a>(event: &'a Value, key: &str) -> &'a str {
    event[key].as_str().unwrap_or_default()
}

/// Milliseconds since 1970 of the time in a record.
fn millis(time: &str) -> Option<i64> {
    time.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond)
}

#[cfg(test)]
mod tests;
