//! What the operator hears of a server that says nobody's address.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use buttress_rate_limit::Quota;
use buttress_testkit::message;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::web::{from, limited, per_address, statuses};

/// Counts the warnings of the module that looks for addresses.
#[derive(Clone, Default)]
struct Warnings(Arc<AtomicU32>);

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::WARN && metadata.target().ends_with("key::address")
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {
        self.0.fetch_add(1, Relaxed);
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// Every request of such a server is refused, and nothing else would say why.
#[tokio::test(start_paused = true)]
async fn a_server_that_names_no_peer_is_warned_of_once() {
    let warnings = Warnings::default();
    let _here = tracing::subscriber::set_default(warnings.clone());
    let service = limited([per_address(Quota::per_day(9))]);
    assert_eq!(statuses(&service, [from("192.0.2.1")]).await, [200]);
    assert_eq!(warnings.0.load(Relaxed), 0, "there was an address");
    let nobody = || message::get("/");
    assert_eq!(statuses(&service, [nobody(), nobody(), nobody()]).await, [400; 3]);
    assert_eq!(warnings.0.load(Relaxed), 1);
}
