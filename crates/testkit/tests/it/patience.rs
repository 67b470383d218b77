use std::future::pending;
use std::time::Duration;

use buttress_testkit::TinyDisk;
use buttress_testkit::patience::{PATIENCE, looking, until, within};
use tokio::task::JoinSet;
use tokio::time::Instant;

const A_MOMENT: Duration = Duration::from_millis(20);

/// With what a wait panics.
async fn complaint(wait: impl Future<Output = ()> + Send + 'static) -> String {
    let mut waits = JoinSet::new();
    waits.spawn(wait);
    let panic = waits.join_next().await.unwrap().unwrap_err().into_panic();
    *panic.downcast().unwrap()
}

#[tokio::test]
async fn what_never_comes_about_fails_with_what_was_waited_for() {
    let waiting = within(A_MOMENT, pending::<()>(), || "the door opens; it is locked");
    assert_eq!(complaint(waiting).await, "still not so after 20ms: the door opens; it is locked");
}

#[tokio::test(start_paused = true)]
async fn a_paused_clock_that_runs_ahead_ends_no_wait() {
    let start = Instant::now();
    until("the clock runs ahead", async || start.elapsed() > PATIENCE * 2).await;
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_under_a_paused_clock_too() {
    let never = within(A_MOMENT, looking(async || false), || "never");
    assert_eq!(complaint(never).await, "still not so after 20ms: never");
}

#[tokio::test]
async fn what_is_there_at_once_is_not_waited_for() {
    assert_eq!(within(Duration::ZERO, async { 7 }, || "never").await, 7);
}

#[test]
fn a_tiny_disk_is_full_after_one_mib_and_gone_with_its_guard() {
    let Some(disk) = TinyDisk::mount() else {
        return println!("not shown: only the administrator may mount a file system");
    };
    let path = disk.path().to_owned();
    std::fs::write(path.join("half"), vec![7; 512 << 10]).unwrap();
    let refused = std::fs::write(path.join("whole"), vec![7; 1 << 20]).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::StorageFull);
    drop(disk);
    assert!(!path.exists());
}
