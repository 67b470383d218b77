use std::collections::BTreeSet;

use futures_util::FutureExt;
use serde_json::{Value, json};

use super::*;
use crate::domain::{Draft, Impact, PackageName, RiskFactors, Sha256Digest, Verdict, Version};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

async fn open(folder: &Path) -> Store {
    Store::open(Limits::default(), Some(folder)).await.expect("a folder of its own")
}

fn package(request: u128, name: &str) -> Package {
    let draft = Draft {
        name: PackageName::new(name).expect("a name"),
        version: Version::new("1.0").expect("a version"),
        platforms: BTreeSet::from([Platform::Macos, Platform::Windows]),
        artifact_sha256: Sha256Digest::of(b"artifact"),
        privileged_tooling: true,
        blast_radius: BlastRadius::Limited,
        risk_factors: RiskFactors::default(),
    };
    Package::new(Uuid::from_u128(request), draft, Timestamp::now())
}

fn ruling(request: u128) -> Ruling {
    let verdict = Verdict::Exception { expires_at: NOW, compensating_controls: vec!["watched".to_owned()] };
    Ruling {
        id: Uuid::from_u128(request),
        ring: Ring::Canary,
        by: "board".to_owned(),
        decided_at: NOW,
        verdict,
    }
}

fn incident(request: u128, deployment: Uuid) -> Incident {
    let impact = Impact { affected_devices: 3, business_critical_service: true };
    Incident::new(Uuid::from_u128(request), deployment, "slow".to_owned(), impact, NOW)
}

fn resolution(request: u128) -> Resolution {
    Resolution {
        id: Uuid::from_u128(request),
        by: "on call".to_owned(),
        text: "restarted".to_owned(),
        resolved_at: NOW,
    }
}

/// One of everything, done by the requests 1 to 6.
async fn everything(store: &Store) -> Result<Value, ApiProblem> {
    let record = store.add_package(package(1, "Mail")).await?;
    let id = record.package.id;
    store.add_ruling(id, ruling(2)).await?;
    let deployment = store.deployment_of(&record.package, Ring::Canary, Uuid::from_u128(3), NOW).await?.id;
    let outcome = |code: &'static str| Part::Failed { code: code.into() };
    store.record(deployment, Ring::Canary, Platform::Windows, outcome("first")).await?;
    if store.deployment(deployment)?.moved_by != Uuid::from_u128(4) {
        store.advance(deployment, Ring::Canary, Ring::Pilot, Uuid::from_u128(4)).await?;
    }
    store.record(deployment, Ring::Pilot, Platform::Macos, outcome("second")).await?;
    store.add_incident(incident(5, deployment)).await?;
    store.resolve(Uuid::from_u128(5), resolution(6)).await?;
    Ok(look(store))
}

fn look(store: &Store) -> Value {
    let shelves = store.shelves.lock();
    let id = |number: u128| Uuid::from_u128(number);
    json!([shelves.packages[&id(1)], shelves.deployments[&id(3)], shelves.incidents[&id(5)], shelves.titles])
}

#[tokio::test]
async fn a_restart_finds_all_as_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    let before = everything(&store).await.expect("it works");
    assert_eq!(before[0]["blast_radius"], "BUSINESS_CRITICAL", "{before}");
    store.close().await;
    let store = open(folder.path()).await;
    assert_eq!(look(&store), before);
    let evidence = |record: &PackageRecord| record.package.evidence.sha256();
    let (_, packages) = store.packages(0, 10);
    assert_eq!(evidence(&packages[0]), Sha256Digest::of(packages[0].package.evidence.canonical().as_bytes()));
    store.close().await;
}

#[tokio::test]
async fn requests_that_run_again_find_what_they_have_done() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    let once = everything(&store).await.expect("it works");
    assert_eq!(everything(&store).await.expect("it works again"), once);
    store.close().await;
    let store = open(folder.path()).await;
    assert_eq!(everything(&store).await.expect("and after a restart"), once);
    store.close().await;
}

#[tokio::test]
async fn other_requests_for_the_same_are_others() {
    let store = Store::open(Limits::default(), None).await.expect("memory");
    everything(&store).await.expect("it works");
    let code = |refused: ApiProblem| refused.code();
    let exists = store.add_package(package(7, "Mail")).await.map_err(code);
    assert_eq!(exists.expect_err("name and version are taken"), "package_exists");
    let ruled = store.add_ruling(Uuid::from_u128(1), ruling(8)).await.expect("said again");
    assert_eq!(ruled.rulings.len(), 2);
    let again = store.resolve(Uuid::from_u128(5), resolution(9)).await.map_err(code);
    assert_eq!(again.expect_err("done before"), "incident_resolved");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_that_come_together_are_all_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Arc::new(open(folder.path()).await);
    everything(&store).await.expect("it works");
    let changes = (100..300).map(|request| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            store.add_package(package(request, &format!("p{request}"))).await.expect("room");
            store.add_ruling(Uuid::from_u128(request), ruling(request)).await.expect("it is there");
            store.add_ruling(Uuid::from_u128(1), ruling(request)).await.map(drop)
        })
    });
    let changes: Vec<_> = changes.collect();
    let mut full = 0;
    for change in changes {
        full += usize::from(change.await.expect("no panic").is_err());
    }
    assert_eq!(full, 200 + 1 - Limits::default().rulings);
    store.close().await;
    let store = open(folder.path()).await;
    let (total, packages) = store.packages(0, 300);
    assert_eq!((total, packages.len()), (201, 201));
    let rulings: Vec<_> = packages.iter().map(|record| record.rulings.len()).collect();
    assert_eq!((rulings[0], rulings[1..].iter().sum::<usize>()), (Limits::default().rulings, 200));
    store.close().await;
}

#[tokio::test]
async fn a_change_whose_request_is_dropped_comes_to_the_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    // One poll makes the change; the next would wait for the disk.
    let _ = store.add_package(package(1, "Mail")).now_or_never();
    store.close().await;
    assert_eq!(open(folder.path()).await.packages(0, 1).0, 1);
}

#[tokio::test]
async fn of_changes_that_wait_together_the_last_one_of_a_row_counts() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    store.add_package(package(1, "Mail")).await.expect("room");
    // Far faster than a disk, so that most of them come to it in few batches.
    for request in 0..100 {
        let _ = store.add_ruling(Uuid::from_u128(1), ruling(request)).now_or_never();
    }
    store.close().await;
    let store = open(folder.path()).await;
    assert_eq!(store.package(Uuid::from_u128(1)).expect("it is there").rulings.len(), 100);
    store.close().await;
}

#[tokio::test]
async fn a_folder_has_one_user_and_is_free_when_the_store_is_closed() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    let error = Store::open(Limits::default(), Some(folder.path())).await.expect_err("it is in use");
    let told = format!("cannot use the folder {}: another process has it open", folder.path().display());
    assert_eq!(error.to_string(), told);
    store.close().await;
    let late = store.add_package(package(1, "Mail")).await.expect_err("it is closed");
    assert_eq!((late.code(), store.is_up()), ("storage_failed", Some(false)));
    open(folder.path()).await.close().await;
}

#[tokio::test]
async fn a_folder_of_another_version_is_refused_in_words() {
    let folder = tempfile::tempdir().expect("a folder");
    open(folder.path()).await.close().await;
    std::fs::write(folder.path().join("version"), b"FJL\x63").expect("it is ours");
    let refused = Store::open(Limits::default(), Some(folder.path())).await.map(drop);
    let told = format!(
        "cannot use the folder {}: it has a format that this version cannot read",
        folder.path().display()
    );
    assert_eq!(refused.expect_err("of another version").to_string(), told);
}
