use buttress_testkit::redis::{RedisCluster, RedisServer};

use crate::servers::{
    Place, abort_with, assert_emptied, is_reachable, place_after_a_panic, place_after_an_abort,
};

fn started() -> (RedisServer, Place) {
    let server = RedisServer::start();
    let place = Place { port: server.port(), folder: server.folder().to_owned() };
    (server, place)
}

fn started_and_paused() -> (RedisServer, Place) {
    let (server, place) = started();
    server.pause();
    (server, place)
}

#[test]
fn what_a_killed_server_had_answered_is_there_after_a_restart() {
    let (mut server, Place { port, folder }) = started();
    assert_eq!(server.ask(&["CONFIG", "GET", "dir"]), format!("dir\n{}", folder.display()));
    assert_eq!(server.ask(&["SET", "a", "1"]), "OK");
    server.kill();
    assert!(!is_reachable(port));
    server.restart();
    assert_eq!((server.port(), server.ask(&["GET", "a"])), (port, "1".to_owned()));
    server.restart_empty();
    assert_eq!(server.ask(&["GET", "a"]), "");
}

#[test]
fn a_paused_server_keeps_its_connections_and_answers_once_it_is_resumed() {
    let server = RedisServer::start();
    server.pause();
    assert!(is_reachable(server.port()), "the system still takes connections");
    server.resume();
    assert_eq!(server.ask(&["PING"]), "PONG");
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
    assert_emptied(&place_after_an_abort("redis::a_server_is_started_and_the_process_aborts"));
}

#[test]
fn a_cluster_spreads_its_keys_over_three_servers() {
    let mut cluster = RedisCluster::start();
    let answers = cluster.nodes().each_ref().map(|node| node.ask(&["SET", "somewhere", "1"]));
    assert_eq!(answers.iter().filter(|answer| *answer == "OK").count(), 1, "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| answer.starts_with("MOVED")).count(), 2, "{answers:?}");
}
