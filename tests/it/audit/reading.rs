//! `GET /api/v1/audit`: for administrators, with filters and pages.

use control_plane::ControlPlane;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::{ADMIN, AUDIT, Audited, DEPLOYMENTS, KEY, PACKAGES, Record, holder_of};
use crate::world::{Answer, World, approval, package};

/// The numbers on a page, in its order.
fn numbers(page: &Answer) -> Vec<u64> {
    assert_eq!((page.status, &page.json()["damaged"]), (200, &json!(0)), "{page:?}");
    let records = page.json()["records"].as_array().expect("a list").clone();
    records.iter().map(|record| record["seq"].as_u64().expect("a number")).collect()
}

/// A log with something of everything.
async fn populated() -> Audited {
    let server = Audited::start().await;
    let id = server.post("take-in", PACKAGES, package("Shell", &["windows"], 0.6)).await.created();
    server.post("gates", DEPLOYMENTS, json!({ "package_id": id, "ring": "canary" })).await;
    server.post("approve", &format!("{PACKAGES}/{id}/approval"), approval("canary")).await;
    server.post("deploy", DEPLOYMENTS, json!({ "package_id": id, "ring": "canary" })).await;
    server.get("look", &format!("{PACKAGES}/{id}")).await;
    server.get("spy", AUDIT).await;
    server.world.get("/nowhere").await;
    server
}

/// What is asked for, and which records it is about.
type Case<'a> = (&'a str, String, Box<dyn Fn(&Value) -> bool + 'a>);

#[tokio::test]
async fn each_filter_gives_all_records_that_it_is_about_and_no_others() {
    let server = populated().await;
    let all = server.place.records();
    let package = server.place.end_of("approve")["resource"]["id"].as_str().unwrap().to_owned();
    let noon = all[all.len() / 2].event["ts"].as_str().unwrap().to_owned();
    let is = |name: &'static str, word: &'static str| move |event: &Value| event[name] == word;
    let about = |event: &Value| event["resource"]["id"] == package;
    let at = |event: &Value| event["ts"].as_str().unwrap().to_owned();
    let cases: Vec<Case<'_>> = vec![
        ("actor", holder_of(KEY), Box::new(|event| event["actor"]["id"] == holder_of(KEY))),
        ("action", "APPROVED".into(), Box::new(is("action", "APPROVED"))),
        ("action", "connector_call".into(), Box::new(is("action", "CONNECTOR_CALL"))),
        ("category", "deployment".into(), Box::new(is("category", "deployment"))),
        ("resource", package.clone(), Box::new(about)),
        ("resource", format!("package/{package}"), Box::new(about)),
        ("resource", "deployment".into(), Box::new(|event| event["resource"]["type"] == "deployment")),
        ("outcome", "denied".into(), Box::new(is("outcome", "denied"))),
        ("severity", "info".into(), Box::new(is("severity", "info"))),
        ("correlation_id", "deploy".into(), Box::new(is("correlation_id", "deploy"))),
        ("since", noon.clone(), Box::new(|event| at(event) >= noon)),
        ("until", noon.clone(), Box::new(|event| at(event) < noon)),
    ];
    let end = all.last().unwrap().seq + 1;
    for (filter, value, applies) in &cases {
        let expected: Vec<_> = all.iter().rev().filter(|record| applies(&record.event)).collect();
        assert!(!expected.is_empty() && expected.len() < all.len(), "{filter} {value} tells nothing apart");
        let page = server.read(&format!("?{filter}={value}&before={end}")).await;
        let of: Vec<_> = expected.iter().map(|record| record.seq).collect();
        assert_eq!(numbers(&page), of, "{filter} {value}");
        for (shown, record) in page.json()["records"].as_array().unwrap().iter().zip(expected) {
            assert_eq!(shown["event"], record.event);
        }
    }
    let both = server.read(&format!("?outcome=denied&category=deployment&before={end}")).await;
    let gates = server.place.records().iter().find(|record| is_gates(record)).unwrap().seq;
    assert_eq!(numbers(&both), [gates], "all filters together");
    server.stop().await;
}

fn is_gates(record: &Record) -> bool {
    record.event["reason"] == "gates_shut"
}

#[tokio::test]
async fn pages_reach_the_first_record_without_gaps_and_repeats_while_the_log_grows() {
    let server = populated().await;
    let (mut seen, mut query) = (Vec::new(), "?limit=3".to_owned());
    loop {
        let page = server.read(&query).await;
        let found = numbers(&page);
        seen.extend(&found);
        let Some(next) = page.json()["next"].as_u64() else { break };
        assert_eq!(found.len(), 3, "only the last page is shorter");
        query = format!("?limit=3&before={next}");
        server.get("meanwhile", PACKAGES).await;
    }
    let newest = seen[0];
    assert!(newest > 9, "{newest}");
    assert_eq!(seen, (1..=newest).rev().collect::<Vec<_>>());
    server.stop().await;
}

#[tokio::test]
async fn a_page_holds_a_hundred_records_unless_it_is_told_otherwise() {
    let server = Audited::start().await;
    join_all((0..110).map(|_| server.get("many", PACKAGES))).await;
    assert_eq!(numbers(&server.read("").await).len(), 100);
    assert_eq!(numbers(&server.read("?limit=1").await).len(), 1);
    let all = server.read("?limit=500").await;
    assert!(numbers(&all).len() > 110);
    assert_eq!(all.json()["next"], Value::Null);
    server.stop().await;
}

#[tokio::test]
async fn what_cannot_be_asked_for_is_named_with_its_value_and_what_is_allowed() {
    let server = Audited::start().await;
    let limits = "1 to 500";
    let moment = "2026-11-21, or 2026-11-21T09:00:00Z";
    for (field, value, allowed) in [
        ("limit", "0", limits),
        ("limit", "501", limits),
        ("limit", "-1", limits),
        ("limit", "many", limits),
        ("before", "x", "the `next` of another page"),
        ("outcome", "maybe", "success, failure, denied, partial, unknown"),
        ("severity", "loud", "info, low, medium, high, critical"),
        ("category", "nothing", "auth, access, data, config"),
        ("since", "yesterday", moment),
        ("until", "2026-13-01", moment),
        ("actor", "", "1 to 1024 characters"),
        ("stranger", "1", "no such field; there are actor, action"),
    ] {
        let refused = server.read(&format!("?{field}={value}")).await;
        assert_eq!(refused.problem(422), "invalid_fields", "{field}");
        let problems = refused.json()["problems"].clone();
        assert_eq!(problems.as_array().map(Vec::len), Some(1), "{problems}");
        assert_eq!((&problems[0]["field"], &problems[0]["value"]), (&json!(field), &json!(value)));
        let told = problems[0]["allowed"].as_str().unwrap();
        assert!(told.starts_with(allowed), "{field}: {told}");
    }
    let both = server.read("?limit=0&outcome=maybe").await.json();
    assert_eq!(both["problems"].as_array().map(Vec::len), Some(2), "all at once: {both}");
    server.stop().await;
}

#[tokio::test]
async fn only_administrators_read_and_whoever_tries_is_recorded() {
    let server = Audited::start().await;
    for path in [AUDIT, "/api/v1/audit/statistics"] {
        let id = path.rsplit('/').next().unwrap();
        let ask = |who: &str, key: Option<&str>| {
            let request = server.request(&format!("{who}-{id}"), Method::GET, path);
            key.into_iter().fold(request, |request, key| request.header("x-api-key", key))
        };
        for (who, key) in [("nobody", None), ("stranger", Some(KEY)), ("empty", Some(""))] {
            let refused = Answer::to(ask(who, key)).await;
            assert_eq!(refused.problem(403), "not_an_admin", "{who}");
            assert!(!refused.text.contains("records"), "{refused:?}");
            let end = server.place.end_of(&format!("{who}-{id}"));
            assert_eq!((&end["action"], &end["outcome"]), (&json!("AUDIT_READ"), &json!("denied")), "{end}");
            assert_eq!(end["reason"], "not_an_admin");
            let holder = key.filter(|key| !key.is_empty()).map_or("anonymous".to_owned(), holder_of);
            assert_eq!(end["actor"]["id"], holder, "{end}");
        }
        assert_eq!(Answer::to(ask("admin", Some(ADMIN))).await.status, 200);
        let end = server.place.end_of(&format!("admin-{id}"));
        assert_eq!((&end["action"], &end["outcome"]), (&json!("AUDIT_READ"), &json!("success")), "{end}");
        assert_eq!(end["actor"], json!({ "type": "api_key", "id": holder_of(ADMIN) }));
    }
    server.read_as("what", "?outcome=denied&limit=3").await;
    assert_eq!(
        server.place.end_of("what")["request"]["query"],
        "outcome=denied&limit=3",
        "what was looked for"
    );
    server.stop().await;
}

#[tokio::test]
async fn without_an_administrators_key_nobody_reads() {
    let world = World::with(ControlPlane::builder()).await;
    let request = world.request(Method::GET, AUDIT).header("x-api-key", ADMIN);
    assert_eq!(Answer::to(request).await.problem(403), "no_admin_key");
    assert_eq!(world.get(AUDIT).await.problem(403), "no_admin_key");
    world.stop().await;
}

#[tokio::test]
async fn statistics_say_who_did_what_how_often() {
    let server = populated().await;
    let request = server.request("statistics", Method::GET, "/api/v1/audit/statistics");
    let told = Answer::to(request.header("x-api-key", ADMIN)).await;
    assert_eq!(told.status, 200, "{told:?}");
    assert!(told.text.contains(&holder_of(KEY)) && told.text.contains("DEPLOYMENT_STARTED"), "{told:?}");
    let rate = told.json()["success_rate"].as_f64().unwrap();
    assert!(rate > 0.0 && rate < 1.0, "{rate}");
    server.stop().await;
}
