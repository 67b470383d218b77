use std::time::Duration;

use buttress_audit::testing::{Power, check_outages, check_standstill};
use buttress_postgres::PostgresStore;
use buttress_testkit::postgres::PostgresServer;
use buttress_testkit::{resident, runs_elsewhere};
use tokio::task::block_in_place;

use super::log::Rows;
use crate::bench::migrated;

/// The rows of a server that is stopped, so calls are given up early.
async fn rows_of(server: &PostgresServer) -> Rows {
    let store = PostgresStore::builder(server.url()).call_timeout(Duration::from_millis(500));
    Rows(migrated(store).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_killed_again_and_again_has_every_record_once_and_in_order() {
    let mut server = PostgresServer::start();
    let rows = rows_of(&server).await;
    check_outages(&rows, |power| {
        block_in_place(|| match power {
            Power::Off => server.kill(),
            Power::On => server.restart(),
        });
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_stopped_costs_no_memory_and_no_time_and_catches_up() {
    let this = "audit::outages::a_database_that_is_stopped_costs_no_memory_and_no_time_and_catches_up";
    if block_in_place(|| runs_elsewhere(this)) {
        return;
    }
    let server = PostgresServer::start();
    let switch = |power| {
        block_in_place(|| match power {
            Power::Off => server.pause(),
            Power::On => server.resume(),
        });
    };
    check_standstill(&rows_of(&server).await, switch, resident).await;
}
