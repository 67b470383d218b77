//! The disk under the log is full, and then it is not.
#![cfg(target_os = "linux")]

use std::fs;

use buttress::audit::verify::Verdict;
use buttress_testkit::TinyDisk;
use control_plane::{ControlPlane, Secret};

use super::{ADMIN, PACKAGES, records_in, verdict_on};
use crate::world::{World, approval, no_retry, package, until};

#[tokio::test]
async fn what_cannot_be_recorded_does_not_happen_and_goes_on_by_itself_when_there_is_room() {
    let Some(disk) = TinyDisk::mount() else {
        return println!("not shown: only the administrator may mount a file system");
    };
    let log = disk.path().join("audit");
    let control_plane = ControlPlane::builder().audit(log.clone()).admin_key(Secret::new(ADMIN));
    let world = World::with(control_plane.resilience(no_retry())).await;
    let id = world.package(package("Shell", &["windows"], 0.6)).await;
    let path = format!("{PACKAGES}/{id}/approval");
    // Somebody else takes all the room but a little, and rulings take the rest.
    let other = disk.path().join("other");
    fs::write(&other, vec![7; 600 << 10]).unwrap();
    let mut ruled = 0;
    let refused = loop {
        let answer = world.post_as(&format!("ruling-{ruled}"), &path, approval("canary")).await;
        match answer.status {
            // There is a limit on rulings of one package, and it is not what this is about.
            201 | 507 => ruled += 1,
            _ => break answer,
        }
    };
    assert_eq!(refused.problem(503), "audit_unavailable", "after {ruled}");
    assert!(refused.header("retry-after").is_some(), "{refused:?}");
    let known = world.get(&format!("{PACKAGES}/{id}")).await;
    let rulings = |answer: &crate::world::Answer| answer.json()["rulings"].as_array().map(Vec::len);
    let ready = world.get("/health/ready").await;
    assert_eq!((ready.status, &ready.json()["status"]), (503, &"not_ready".into()), "{ready:?}");
    assert_eq!(ready.json()["dependencies"]["audit"], "out");
    assert_eq!(world.get("/api/v1/health/audit").await.json()["refusing"], "disk_full");
    assert_eq!(world.post_as("still", &path, approval("canary")).await.problem(503), "audit_unavailable");
    assert_eq!(
        rulings(&world.get(&format!("{PACKAGES}/{id}")).await),
        rulings(&known),
        "no ruling without a record"
    );
    assert_eq!(world.get("/health/live").await.status, 200);

    fs::remove_file(&other).unwrap();
    until(async || world.get("/health/ready").await.status == 200).await;
    let again = world.post_as("again", &path, approval("pilot")).await;
    assert!([201, 507].contains(&again.status), "{again:?}");
    world.stop().await;
    assert_eq!(verdict_on(&log), Verdict::Intact);
    let records = records_in(&log);
    let of = |id: &str| records.iter().filter(|record| record.event["correlation_id"] == id).count();
    assert_eq!((of("still"), of("again")), (0, 2));
    for number in 0..ruled {
        assert_eq!(of(&format!("ruling-{number}")), 2, "{number} was answered");
    }
    for action in ["AUDIT_DISK_FULL", "AUDIT_DISK_RECOVERED"] {
        assert!(records.iter().any(|record| record.event["action"] == action), "no {action}");
    }
}
