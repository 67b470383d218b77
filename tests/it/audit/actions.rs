//! Each POST leaves what was done, by whom, to what, and how it ended.

use control_plane::{ControlPlane, RateLimits};
use fleet_sim::Upstream;
use reqwest::Method;
use serde_json::{Value, json};

use super::{AUDIT, Audited, DEPLOYMENTS, KEY, PACKAGES, Place, holder_of, is_end};
use crate::world::{Answer, IDEMPOTENCY_KEY, World, approval, new_key, package};

/// What is expected of the record of a request.
struct Expected<'a> {
    id: &'a str,
    action: &'a str,
    route: &'a str,
    status: u16,
    resource: (&'a str, &'a str),
}

impl Expected<'_> {
    fn check(&self, place: &Place) {
        let end = place.end_of(self.id);
        let request = &end["request"];
        assert_eq!(end["action"], self.action, "{end}");
        assert_eq!((&end["outcome"], &end["stage"]), (&json!("success"), &json!("complete")), "{end}");
        assert_eq!(end["reason"], Value::Null, "{end}");
        assert_eq!((&request["method"], &request["route"]), (&json!("POST"), &json!(self.route)), "{end}");
        assert_eq!(request["status"], self.status, "{end}");
        let (kind, id) = self.resource;
        assert_eq!(end["resource"], json!({ "type": kind, "id": id }), "{end}");
        assert_eq!(end["actor"], json!({ "type": "api_key", "id": holder_of(KEY) }), "{end}");
        assert_eq!(request["client_ip"], "127.0.0.1", "{end}");
    }
}

#[tokio::test]
async fn every_post_is_recorded_with_who_did_what_to_what() {
    let server = Audited::start().await;
    let title = package("Remote Shell", &["windows"], 0.6);
    let package = server.post("take-in", PACKAGES, title).await.created();
    let (rule, promote) =
        (format!("{PACKAGES}/{package}/approval"), |id: &str| format!("{DEPLOYMENTS}/{id}/promote"));
    assert_eq!(server.post("approve", &rule, approval("canary")).await.status, 201);
    let exception = json!({
        "decision": "exception", "ring": "pilot", "by": "change board", "compensating_controls": ["watched"],
        "expires_at": (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24)).to_string(),
    });
    assert_eq!(server.post("except", &rule, exception).await.status, 201);
    let rejection =
        json!({ "decision": "reject", "ring": "global", "by": "change board", "reason": "no rollback" });
    assert_eq!(server.post("reject", &rule, rejection).await.status, 201);
    let body = json!({ "package_id": package, "ring": "canary" });
    let deployment = server.post("deploy", DEPLOYMENTS, body).await.created();
    assert_eq!(server.post("promote", &promote(&deployment), json!({})).await.status, 200);
    let incident = json!({ "deployment_id": deployment, "title": "installs fail", "affected_devices": 10 });
    let incident = server.post("open", "/api/v1/incidents", incident).await.created();
    let resolution = json!({ "by": "on call", "resolution": "the installer was replaced" });
    let resolve = format!("/api/v1/incidents/{incident}/resolve");
    assert_eq!(server.post("resolve", &resolve, resolution).await.status, 200);

    let place = server.stop().await;
    let (of_package, of_deployment) = (("package", &*package), ("deployment", &*deployment));
    let ruling = "/api/v1/packages/{id}/approval";
    for (id, action, route, status, resource) in [
        ("take-in", "CREATE", PACKAGES, 201, of_package),
        ("approve", "APPROVED", ruling, 201, of_package),
        ("except", "EXCEPTION_GRANTED", ruling, 201, of_package),
        ("reject", "REJECTED", ruling, 201, of_package),
        ("deploy", "DEPLOYMENT_STARTED", DEPLOYMENTS, 201, of_deployment),
        ("promote", "DEPLOYMENT_PROMOTED", "/api/v1/deployments/{id}/promote", 200, of_deployment),
        ("open", "INCIDENT_OPENED", "/api/v1/incidents", 201, ("incident", &*incident)),
        ("resolve", "INCIDENT_RESOLVED", "/api/v1/incidents/{id}/resolve", 200, ("incident", &*incident)),
    ] {
        Expected { id, action, route, status, resource }.check(&place);
    }
    assert_eq!(place.end_of("deploy")["details"], json!({ "package_id": package, "ring": "canary" }));
    assert_eq!(place.end_of("promote")["details"]["ring"], "pilot");
    assert_eq!(place.end_of("approve")["details"], json!({ "ring": "canary", "by": "change board" }));
}

#[tokio::test]
async fn rulings_are_recorded_before_they_happen_too() {
    let server = Audited::start().await;
    let id = server.post("take-in", PACKAGES, package("Mail", &["windows"], 0.6)).await.created();
    server.post("approve", &format!("{PACKAGES}/{id}/approval"), approval("canary")).await;
    let place = server.stop().await;
    let both = place.of("approve");
    let [first, last] = &both[..] else { panic!("{both:?}") };
    assert_eq!((&first["stage"], &first["outcome"]), (&json!("received"), &json!("unknown")));
    assert_eq!(last["intent_id"], first["id"], "{both:?}");
    assert_eq!(place.of("take-in").len(), 1, "others once");
}

#[tokio::test]
async fn every_refusal_is_recorded_with_the_word_that_the_caller_reads() {
    let server = Audited::start().await;
    let title = package("Shell", &["windows"], 0.8);
    let dangerous = server.post("1", PACKAGES, title.clone()).await.created();
    let harmless = server.post("2", PACKAGES, package("Mail", &["windows"], 0.1)).await.created();
    let deploy = |package: &str, ring: &str| json!({ "package_id": package, "ring": ring });
    server.post("3", DEPLOYMENTS, deploy(&harmless, "canary")).await.created();
    let approve = format!("{PACKAGES}/{dangerous}/approval");
    let nowhere = format!("{DEPLOYMENTS}/3cedc40f-ac05-444e-badb-cbaf72d53442/promote");

    for (id, path, body, status, reason, outcome) in [
        ("gates", DEPLOYMENTS, deploy(&dangerous, "canary"), 409, "gates_shut", "denied"),
        ("other", DEPLOYMENTS, deploy(&harmless, "pilot"), 409, "other_ring", "denied"),
        ("exception", &approve, approval("canary"), 409, "exception_required", "denied"),
        ("twice", PACKAGES, title, 409, "package_exists", "denied"),
        ("wrong", PACKAGES, json!({}), 422, "invalid_fields", "failure"),
        ("unknown", &nowhere, json!({}), 404, "not_found", "failure"),
    ] {
        let answer = server.post(id, path, body).await;
        assert_eq!(answer.problem(status), reason, "{id}");
        let end = server.place.end_of(id);
        assert_eq!((&end["reason"], &end["outcome"]), (&json!(reason), &json!(outcome)), "{end}");
        assert_eq!((&end["request"]["status"], &end["stage"]), (&json!(status), &json!("complete")), "{end}");
        assert_eq!(end["actor"]["id"], holder_of(KEY), "{end}");
    }
    assert_eq!(server.place.end_of("exception")["action"], "APPROVED", "what was asked for");

    let without = server.request("no-key", Method::POST, PACKAGES).json(&json!({}));
    let code = Answer::to(without).await.problem(400);
    let end = server.place.end_of("no-key");
    assert_eq!(
        (&end["reason"], code.as_str()),
        (&json!("idempotency_key_missing"), "idempotency_key_missing")
    );
    assert_eq!((&end["outcome"], &end["actor"]["type"]), (&json!("failure"), &json!("anonymous")), "{end}");

    assert_eq!(server.get("spy", AUDIT).await.problem(403), "not_an_admin");
    let end = server.place.end_of("spy");
    assert_eq!((&end["action"], &end["outcome"]), (&json!("AUDIT_READ"), &json!("denied")), "{end}");
    assert_eq!(
        (&end["reason"], &end["actor"]["id"]),
        (&json!("not_an_admin"), &json!(holder_of(KEY))),
        "{end}"
    );
    server.stop().await;
}

#[tokio::test]
async fn whoever_is_turned_away_by_the_rate_limit_is_recorded() {
    let place = Place::new();
    let one = buttress::rate_limit::Quota::per(1, std::time::Duration::from_secs(86_400)).burst(1);
    let limits = RateLimits { per_address: one, ..RateLimits::default() };
    let world = World::of(place.of_admin(ControlPlane::builder()).rate_limits(limits)).await;
    for id in ["first", "second"] {
        world.post_as(id, PACKAGES, package("Mail", &["windows"], 0.1)).await;
    }
    world.stop().await;
    assert_eq!(place.end_of("first")["outcome"], "success");
    let refused = place.end_of("second");
    assert_eq!((&refused["outcome"], &refused["reason"]), (&json!("denied"), &json!("rate_limited")));
    assert_eq!((&refused["request"]["status"], &refused["actor"]), (&json!(429), &Value::Null), "{refused}");
}

#[tokio::test]
async fn a_replay_is_recorded_and_calls_no_connector_again() {
    let server = Audited::start().await;
    let id = server.post("take-in", PACKAGES, package("Mail", &["windows"], 0.1)).await.created();
    let (key, body) = (new_key(), json!({ "package_id": id, "ring": "canary" }));
    let first = server.post_with(&key, "first", DEPLOYMENTS, body.clone()).await;
    server.world.sim().clear_requests(Upstream::Intune);
    let again = server.post_with(&key, "again", DEPLOYMENTS, body).await;
    assert_eq!((first.created(), again.header("idempotent-replayed")), (again.created(), Some("true")));
    assert_eq!(server.world.sim().requests(Upstream::Intune).len(), 0);

    let place = server.stop().await;
    assert_eq!((place.calls_of("first").len(), place.calls_of("again").len()), (2, 0), "start and end");
    let end = place.end_of("again");
    assert_eq!(place.end_of("first")["details"]["replayed"], Value::Null);
    assert_eq!(end["details"]["replayed"], true, "{end}");
    assert_eq!((&end["action"], &end["outcome"]), (&json!("DEPLOYMENT_STARTED"), &json!("success")), "{end}");
    assert_eq!(end["actor"]["id"], holder_of(KEY), "{end}");
}

#[tokio::test]
async fn what_only_asks_for_health_leaves_nothing() {
    let server = Audited::start().await;
    for path in [
        "/health/live",
        "/health/ready",
        "/api/v1/health/circuit-breakers",
        "/api/v1/health/idempotency",
        "/api/v1/health/audit",
    ] {
        assert_eq!(server.get("health", path).await.status, 200, "{path}");
    }
    assert_eq!(server.get("after", PACKAGES).await.status, 200);
    let place = server.stop().await;
    assert_eq!(place.of("health"), Vec::<Value>::new());
    assert_eq!(place.of("after").iter().filter(|event| is_end(event)).count(), 1);
    let actions: Vec<_> = place.records().iter().map(|record| record.event["action"].clone()).collect();
    assert_eq!(actions, ["AUDIT_SEGMENT_OPENED", "SERVICE_STARTED", "READ", "SERVICE_STOPPED"]);
    let stopped = place.records().pop().unwrap().event;
    assert_eq!(
        stopped["details"],
        json!({ "connections_ended": 0, "runs_ended": 0 }),
        "a clean stop: {stopped}"
    );
}

#[tokio::test]
async fn how_the_log_is_can_be_asked_without_a_key_and_tells_nothing_of_what_is_in_it() {
    let server = Audited::start().await;
    server.post("secret-errand", PACKAGES, package("Mail", &["windows"], 0.1)).await.created();
    let told = server.get("health", "/api/v1/health/audit").await;
    let (status, head) = (told.json(), server.place.records().len());
    assert_eq!((&status["head"], &status["refusing"]), (&json!(head), &Value::Null), "{status}");
    assert_eq!((&status["not_ready"], &status["queued"]), (&json!([]), &json!(0)), "{status}");
    // The log's own first line was asked for by nobody.
    let (events, all) = (&status["events"], json!(head - 1));
    assert_eq!((&events["emitted"], &events["acknowledged"]), (&all, &all), "{status}");
    assert!(!told.text.contains("secret-errand") && !told.text.contains("Mail"), "{told:?}");

    let ready = server.get("health", "/health/ready").await;
    assert_eq!((ready.status, &ready.json()["dependencies"]["audit"]), (200, &json!("up")));
    server.stop().await;
}

#[tokio::test]
async fn a_post_without_idempotency_key_to_a_health_route_is_refused_and_leaves_nothing() {
    let server = Audited::start().await;
    let request = server.request("odd", Method::POST, "/health/live").header(IDEMPOTENCY_KEY, new_key());
    assert_eq!(Answer::to(request).await.status, 405);
    assert_eq!(server.stop().await.of("odd"), Vec::<Value>::new());
}
