//! What must not be told is told nowhere.

use std::fs;
use std::path::Path;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::{ADMIN, AUDIT, DEPLOYMENTS, KEY, PACKAGES, Place, holder_of};
use crate::process::Process;
use crate::world::{Answer, IDEMPOTENCY_KEY, new_key, package};

const BEARER: &str = "b3ar3rT0kenThatNobodyMaySee0123456789";
const BASIC: &str = "YWRhOmN0aGUtcGFzc3dvcmQtb2YtYWRh";
const JWT: &str =
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U";
const PASSWORD: &str = "hunter2-correct-horse";
const COOKIE: &str = "s3ss10n-0f-ada-that-nobody-may-see";
const CARD: &str = "4111111111111111";

/// Every file below a folder as text.
fn files(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for file in fs::read_dir(folder).expect("a folder").map(|file| file.expect("a file").path()) {
        if file.is_dir() {
            found.extend(files(&file));
        } else {
            let text = String::from_utf8_lossy(&fs::read(&file).expect("a file")).into_owned();
            found.push((file.display().to_string(), text));
        }
    }
    found
}

/// Shows everything that a caller could show, where it does not belong and where it does.
fn showing(request: RequestBuilder, key: &str) -> RequestBuilder {
    request
        .header("x-api-key", key)
        .header("authorization", format!("Bearer {BEARER}"))
        .header("proxy-authorization", format!("Basic {BASIC}"))
        .header("cookie", format!("session={COOKIE}"))
        .header("user-agent", format!("agent/1 (Authorization: Bearer {BEARER}; token {JWT})"))
        .header("referer", format!("https://example.org/?password={PASSWORD}"))
        .header("x-correlation-id", "errand")
}

fn query() -> String {
    format!("?password={PASSWORD}&access_token={JWT}&api_key={KEY}&actor=Bearer%20{BEARER}&card={CARD}")
}

fn body() -> Value {
    let mut body = package("Mail", &["windows"], 0.1);
    body["password"] = json!(PASSWORD);
    body["credentials"] = json!({ "client_secret": PASSWORD, "token": JWT, "card": CARD });
    body
}

#[tokio::test]
async fn no_secret_is_in_any_file_of_the_audit_log_nor_on_standard_error() {
    let place = Place::new();
    let process = Process::start_with(place.path(), &[], &[("BUTTRESS_ADMIN_KEY", ADMIN)]).await;
    let post = |path: &str, body: &Value| {
        let request = process.request(Method::POST, path).header(IDEMPOTENCY_KEY, new_key()).json(body);
        Answer::to(showing(request, KEY))
    };
    let get = |path: &str, key| Answer::to(showing(process.request(Method::GET, path), key));

    assert_eq!(post(PACKAGES, &body()).await.status, 422);
    let id = post(PACKAGES, &package("Shell", &["windows"], 0.6)).await.created();
    let by = format!("Bearer {BEARER} {JWT} password={PASSWORD} {CARD}");
    let ruling = json!({ "decision": "approve", "ring": "canary", "by": by, "conditions": [by] });
    assert_eq!(post(&format!("{PACKAGES}/{id}/approval"), &ruling).await.status, 201);
    let deployed = post(DEPLOYMENTS, &json!({ "package_id": id, "ring": "canary" })).await;
    let incident = json!({ "deployment_id": deployed.created(), "title": by, "affected_devices": 1 });
    post("/api/v1/incidents", &incident).await.created();
    for path in [PACKAGES, AUDIT, "/nowhere", "/api/v1/devices/intune"] {
        get(&format!("{path}{}", query()), KEY).await;
        get(&format!("{path}{}", query()), ADMIN).await;
    }
    get(&format!("{PACKAGES}/{JWT}"), KEY).await;
    assert_eq!(get(AUDIT, ADMIN).await.status, 200);
    let shown = get(&format!("{AUDIT}?correlation_id=errand&limit=500"), ADMIN).await;
    assert_eq!(shown.status, 200);

    let log = process.stop().await;
    let mut all = files(&place.log());
    all.push(("standard error".to_owned(), log.text().to_owned()));
    all.push(("what administrators read".to_owned(), shown.text));
    let upstream = [fleet_sim::CLIENT_SECRET, fleet_sim::PASSWORD];
    for (name, text) in &all {
        for secret in [BEARER, BASIC, JWT, PASSWORD, COOKIE, CARD, KEY, ADMIN].iter().chain(&upstream) {
            let line = text.lines().find(|line| line.contains(secret));
            assert_eq!(line, None, "{secret} in {name}");
        }
    }
    // It was not found because it is hidden, and not because nothing was written.
    let ends = place.of("errand");
    assert!(ends.len() > 10 && ends.iter().any(|event| event["redaction"].is_object()), "{ends:?}");
    assert!(ends.iter().any(|event| event["actor"]["id"] == holder_of(KEY)));
    assert!(ends.iter().any(|event| event["actor"]["id"] == holder_of(ADMIN)));
    assert!(!log.lines_of("errand").is_empty());
}
