use std::time::Duration;

use crate::log::status::real_now;
use crate::log::{AuditLog, Status};

/// Far longer than anything here takes, so that a fault fails a test and does not hang it.
const A_WHILE: Duration = Duration::from_secs(60);

/// Waits until something holds of a log, by real time: the thread that writes knows of no paused clock.
pub(super) async fn until(log: &AuditLog, what: &str, holds: impl Fn(&Status) -> bool) {
    let end = real_now() + A_WHILE;
    loop {
        let status = log.status();
        if holds(&status) {
            return;
        }
        assert!(real_now() < end, "still not so after {A_WHILE:?}: {what}; there is {status:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
