use buttress_audit::testing::{Power, check_outages, check_standstill};
use buttress_testkit::nats::NatsServer;
use buttress_testkit::{resident, runs_elsewhere};
use tokio::task::block_in_place;

use crate::bench::Streams;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_again_and_again_has_every_record_once_and_in_order() {
    let mut server = NatsServer::start();
    let streams = Streams::given_up_early(&server);
    check_outages(&streams, |power| {
        block_in_place(|| match power {
            Power::Off => server.kill(),
            Power::On => server.restart(),
        });
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_stopped_costs_no_memory_and_no_time_and_catches_up() {
    let this = "outages::a_server_that_is_stopped_costs_no_memory_and_no_time_and_catches_up";
    if block_in_place(|| runs_elsewhere(this)) {
        return;
    }
    let server = NatsServer::start();
    let switch = |power| {
        block_in_place(|| match power {
            Power::Off => server.pause(),
            Power::On => server.resume(),
        });
    };
    check_standstill(&Streams::given_up_early(&server), switch, resident).await;
}
