use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use buttress_testkit::redis::{RedisCluster, RedisServer};
use tokio::time::Instant;

fn is_reachable(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

fn folder_of(server: &RedisServer) -> PathBuf {
    server.ask(&["CONFIG", "GET", "dir"]).lines().last().unwrap().into()
}

#[test]
fn what_a_killed_server_had_answered_is_there_after_a_restart() {
    let mut server = RedisServer::start();
    let port = server.port();
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
    let mut seen = None;
    let _ = catch_unwind(AssertUnwindSafe(|| {
        let server = RedisServer::start();
        seen = Some((server.port(), folder_of(&server)));
        server.pause();
        panic!("as tests do");
    }));
    let (port, folder) = seen.unwrap();
    assert!(!is_reachable(port) && !folder.exists());
}

/// Not a test by itself: what the next one runs in a process of its own.
#[test]
fn a_server_is_started_and_the_process_aborts() {
    if std::env::var_os("BUTTRESS_TESTKIT_ABORTS").is_some() {
        let server = RedisServer::start();
        println!("\nport={} folder={}", server.port(), folder_of(&server).display());
        std::process::abort();
    }
}

#[test]
fn a_server_does_not_outlive_a_process_that_aborts() {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "redis::a_server_is_started_and_the_process_aborts", "--nocapture"]);
    let output = child.env("BUTTRESS_TESTKIT_ABORTS", "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let value =
        |name: &str| said.split_whitespace().find_map(|word| word.strip_prefix(name)).unwrap().to_owned();
    let (port, folder) = (value("port=").parse().unwrap(), PathBuf::from(value("folder=")));
    assert!(!output.status.success());
    let start = Instant::now();
    while is_reachable(port) || folder.exists() {
        assert!(start.elapsed() < Duration::from_secs(20), "the server lives on");
        std::thread::yield_now();
    }
}

#[test]
fn a_cluster_spreads_its_keys_over_three_servers() {
    let mut cluster = RedisCluster::start();
    let answers = cluster.nodes().each_ref().map(|node| node.ask(&["SET", "somewhere", "1"]));
    assert_eq!(answers.iter().filter(|answer| *answer == "OK").count(), 1, "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| answer.starts_with("MOVED")).count(), 2, "{answers:?}");
}
