use buttress_testkit::patience::{PATIENCE, looking, within};

use crate::log::{AuditLog, Status};

/// Waits until something holds of a log.
pub(super) async fn until(log: &AuditLog, what: &str, holds: impl Fn(&Status) -> bool) {
    let looking = looking(async || holds(&log.status()));
    within(PATIENCE, looking, || format!("{what}; there is {:?}", log.status())).await;
}
