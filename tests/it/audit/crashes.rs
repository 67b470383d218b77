//! The process is killed in the middle of its work, and nothing that it has answered is missing from its log.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use buttress::audit::verify::Verdict;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{DEPLOYMENTS, PACKAGES, Place, is_end};
use crate::process::Process;
use crate::world::{package, until};

const ROUNDS: usize = 10;
const CLIENTS: usize = 6;

/// A request that was answered: its correlation ID, and the kind and ID of what came of it.
type Answered = (String, &'static str, String);

async fn start(data: &Path) -> Process {
    Process::start_in(data, &["--address-rate", "1000000/s", "--key-rate", "1000000/s"]).await
}

/// Takes packages in and deploys them until the process is gone.
async fn work(process: &Process, name: &str, answers: &AtomicUsize) -> Vec<Answered> {
    let mut answered = Vec::new();
    for number in 0.. {
        let (take_in, deploy) = (format!("take-in-{name}-{number}"), format!("deploy-{name}-{number}"));
        let title = package(&take_in, &["windows"], 0.1);
        let Ok(answer) = process.post_with(&take_in, PACKAGES, title).await else { break };
        let id = answer.created();
        let body = json!({ "package_id": id, "ring": "canary" });
        answered.push((take_in, "package", id));
        answers.fetch_add(1, Ordering::SeqCst);
        let Ok(answer) = process.post_with(&deploy, DEPLOYMENTS, body).await else { break };
        answered.push((deploy, "deployment", answer.created()));
        answers.fetch_add(1, Ordering::SeqCst);
    }
    answered
}

/// After a kill the last records may have no anchor yet, and half a line may be left that nobody has a receipt for.
fn is_whole(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Intact | Verdict::IntactUnanchoredTail { .. })
}

fn check(place: &Place, answered: &[Answered]) {
    let events: Vec<_> = place.records().into_iter().map(|record| record.event).collect();
    let ids: BTreeSet<_> = events.iter().map(|event| event["id"].as_str().expect("an ID")).collect();
    assert_eq!(ids.len(), events.len(), "no event is there twice");
    for (correlation_id, kind, id) in answered {
        let of_request = |event: &&Value| event["correlation_id"] == **correlation_id;
        let ends: Vec<_> = events.iter().filter(of_request).filter(|event| is_end(event)).collect();
        let [end] = &ends[..] else { panic!("not one end of {correlation_id}: {ends:?}") };
        assert_eq!(end["outcome"], "success", "{end}");
        assert_eq!(end["resource"], json!({ "type": kind, "id": id }), "{end}");
        let calls = events.iter().filter(of_request).filter(|event| event["action"] == "CONNECTOR_CALL");
        let stages: Vec<_> = calls.map(|event| event["stage"].as_str().expect("a stage")).collect();
        let expected: &[&str] = if *kind == "deployment" { &["started", "complete"] } else { &[] };
        assert_eq!(stages, expected, "{correlation_id}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_kills_lose_no_record_of_what_was_answered_and_leave_a_log_that_verifies() {
    let place = Place::new();
    let mut answered = Vec::new();
    for round in 0..ROUNDS {
        let process = start(place.path()).await;
        assert!(is_whole(&place.verdict()), "repaired when it was opened: {:?}", place.verdict());
        let answers = AtomicUsize::new(0);
        let names: Vec<_> = (0..CLIENTS).map(|client| format!("{round}-{client}")).collect();
        let clients = join_all(names.iter().map(|name| work(&process, name, &answers)));
        // At another moment of the work in each round.
        let kill = async {
            until(async || answers.load(Ordering::SeqCst) > CLIENTS + round * 3).await;
            process.kill().await;
        };
        let (new, ()) = tokio::join!(clients, kill);
        answered.extend(new.into_iter().flatten());
        process.ended().await;
        let verdict = place.verdict();
        assert!(is_whole(&verdict) || matches!(verdict, Verdict::TornTail { .. }), "{round}: {verdict:?}");
        check(&place, &answered);
    }
    start(place.path()).await.stop().await;
    assert_eq!(place.verdict(), Verdict::Intact);
    check(&place, &answered);
    assert!(answered.len() >= ROUNDS * CLIENTS, "{}", answered.len());
}

#[tokio::test]
async fn a_torn_line_is_cut_off_and_told_of_and_what_stands_before_it_stays() {
    let place = Place::new();
    let process = start(place.path()).await;
    process.post_with("one", PACKAGES, package("Mail", &["windows"], 0.1)).await.unwrap().created();
    process.kill().await;
    process.ended().await;
    let (before, last) = (place.records().len(), place.log().join("segment-00000000000000000001.jsonl"));
    let mut torn = std::fs::read(&last).unwrap();
    torn.extend_from_slice(br#"{"event":{"v":1,"id":"#);
    std::fs::write(&last, torn).unwrap();
    assert!(matches!(place.verdict(), Verdict::TornTail { .. }));

    let process = start(place.path()).await;
    assert_eq!(place.end_of("one")["outcome"], "success");
    process.stop().await;
    assert_eq!(place.verdict(), Verdict::Intact);
    let after: Vec<_> = place.records().split_off(before).into_iter().map(|record| record.event).collect();
    assert!(after.iter().any(|event| event["action"] == "AUDIT_TAIL_REPAIRED"), "{after:?}");
}

#[tokio::test]
async fn a_log_that_was_tampered_with_is_no_log_to_start_with() {
    let place = Place::new();
    start(place.path()).await.stop().await;
    let segment = place.log().join("segment-00000000000000000001.jsonl");
    let changed =
        std::fs::read_to_string(&segment).unwrap().replacen("SERVICE_STARTED", "SERVICE_STARTLE", 1);
    std::fs::write(&segment, changed).unwrap();
    let data = place.path().to_str().unwrap();
    let output = crate::process::run(&["--listen", "127.0.0.1:0", "--data", data], &[]).await;
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.contains("cannot keep an audit log") && told.contains("segment-00000000000000000001"),
        "{told}"
    );
}

/// A new key is made, or nothing would be signed any more; that the old one is gone is not passed over.
#[tokio::test]
async fn a_key_or_an_anchor_that_is_gone_is_told_in_both_logs_and_in_health() {
    let place = Place::new();
    start(place.path()).await.stop().await;
    for (gone, what) in [("audit-anchor", "anchor"), ("audit-key", "key")] {
        let quiet = start(place.path()).await;
        assert_eq!(made_anew(&quiet).await, json!([]), "{gone} is there");
        let (quiet, before) = (quiet.stop().await, place.records().len());
        assert!(quiet.lines().all(|line| line["level"] == "info"), "{quiet:?}");

        std::fs::remove_file(place.path().join(gone)).unwrap();
        let process = start(place.path()).await;
        assert_eq!(made_anew(&process).await, json!([what]));
        let log = process.stop().await;
        assert!(log.lines().any(|line| line["level"] == "warning"), "{log:?}");
        let told = place.records().split_off(before).into_iter().map(|record| record.event);
        let told = told.filter(|event| event["action"] == "AUDIT_SIGNING_CHANGED").collect::<Vec<_>>();
        assert_eq!(
            told.iter().map(|event| &event["details"]["what"]).collect::<Vec<_>>(),
            [what],
            "{told:?}"
        );
    }
}

async fn made_anew(process: &Process) -> Value {
    process.get_as("health", "/api/v1/health/audit").await.json()["made_anew"].clone()
}
