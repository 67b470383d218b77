use std::fs;

use buttress_testkit::postgres::PostgresServer;
use tokio_postgres::{Error, NoTls};

use crate::servers::{
    Place, abort_with, assert_emptied, is_reachable, place_after_a_panic, place_after_an_abort, processes_of,
};

/// Runs statements over one connection; the first column of the last row.
fn ask(url: &str, statements: &str) -> Result<String, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        let _task = tokio::task::JoinSet::from_iter([async { drop(connection.await) }]);
        let mut last = String::new();
        for message in client.simple_query(statements).await? {
            if let tokio_postgres::SimpleQueryMessage::Row(row) = message {
                row.get(0).unwrap_or_default().clone_into(&mut last);
            }
        }
        Ok(last)
    })
}

fn started() -> (PostgresServer, Place) {
    let server = PostgresServer::start();
    let place = Place { port: server.port(), folder: server.folder().to_owned() };
    (server, place)
}

fn started_and_paused() -> (PostgresServer, Place) {
    let (server, place) = started();
    assert!(processes_of(&place.folder) > 1, "it has processes of its own");
    server.pause();
    (server, place)
}

#[test]
fn what_a_killed_server_had_committed_is_there_after_a_restart() {
    let (mut server, Place { port, folder }) = started();
    assert_eq!(ask(&server.url(), "show fsync").unwrap(), "on");
    ask(&server.url(), "create table kept (a int); insert into kept values (42)").unwrap();
    assert!(processes_of(&folder) > 1);
    server.kill();
    assert!(!is_reachable(port) && processes_of(&folder) == 0);
    server.restart();
    assert_eq!((server.port(), ask(&server.url(), "select a from kept").unwrap()), (port, "42".to_owned()));
    server.stop();
    assert!(!is_reachable(port) && processes_of(&folder) == 0);
    server.restart();
    assert_eq!(ask(&server.url(), "select a from kept").unwrap(), "42");
}

/// The identifier of the shared memory is the last word of a line of the server's lock file.
#[test]
fn a_killed_server_leaves_no_shared_memory_behind() {
    let segments = || fs::read_to_string("/proc/sysvipc/shm").unwrap();
    let holds = |id: &str| segments().lines().any(|line| line.split_whitespace().nth(1) == Some(id));
    let mut server = PostgresServer::start_careless();
    let lock = fs::read_to_string(server.folder().join("data/postmaster.pid")).unwrap();
    let id = lock.lines().nth(6).unwrap().split_whitespace().last().unwrap();
    assert!(holds(id), "{lock}{}", segments());
    server.kill();
    assert!(!holds(id), "{}", segments());
}

#[test]
fn a_killed_server_restarts_though_another_process_has_its_number_now() {
    let (mut server, other) = (PostgresServer::start_careless(), PostgresServer::start_careless());
    server.kill();
    let [left, living] = [&server, &other].map(|server| server.folder().join("data/postmaster.pid"));
    fs::copy(living, left).unwrap();
    server.restart();
    assert_eq!(ask(&server.url(), "show fsync").unwrap(), "off");
}

#[test]
fn a_paused_server_keeps_its_connections_and_answers_once_it_is_resumed() {
    let server = PostgresServer::start_careless();
    server.pause();
    assert!(is_reachable(server.port()), "the system still takes connections");
    server.resume();
    assert_eq!(ask(&server.url(), "show fsync").unwrap(), "off");
}

#[test]
fn settings_of_a_test_s_own_are_in_force_and_databases_have_addresses() {
    let server = PostgresServer::start_with(&[("max_connections", "7")]);
    ask(&server.url(), "create database another").unwrap();
    assert_eq!(ask(&server.url_of("another"), "show max_connections").unwrap(), "7");
}

#[test]
fn a_server_and_its_folder_go_with_the_test_that_panics() {
    assert!(place_after_a_panic(started_and_paused).is_empty());
}

/// Not a test by itself: what the next one runs in a process of its own.
#[test]
fn a_server_is_started_and_the_process_aborts() {
    abort_with(started_and_paused);
}

#[test]
fn a_server_does_not_outlive_a_process_that_aborts() {
    assert_emptied(&place_after_an_abort("postgres::a_server_is_started_and_the_process_aborts"));
}
