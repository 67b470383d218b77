use buttress_reqwest::EventsLayer;
use buttress_testkit::contract;

use crate::lines::{Lines, everything_is_heard};

#[test]
fn the_events_layer_keeps_the_contract() {
    everything_is_heard();
    contract::client(|| EventsLayer::new("peer")).run();
    contract::client(|| EventsLayer::new("peer").with_breaker_state(|| "closed"))
        .named("breaker state")
        .run();
}

#[test]
fn the_events_layer_keeps_the_contract_while_somebody_listens() {
    let (lines, _listening) = Lines::listen();
    contract::client(|| EventsLayer::new("peer")).named("listened to").run();
    assert!(lines.events().len() > 10);
}
