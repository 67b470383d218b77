use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use std::{fs, net::TcpStream};

use buttress_testkit::postgres::PostgresServer;
use tokio::time::Instant;
use tokio_postgres::{Error, NoTls};

fn is_reachable(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

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

fn folder_of(server: &PostgresServer) -> PathBuf {
    let data = PathBuf::from(ask(&server.url(), "show data_directory").unwrap());
    data.parent().unwrap().to_owned()
}

/// All processes that were started for the data in a folder, the server's own and those it has for connections.
fn processes_of(folder: &PathBuf) -> usize {
    let has = |process: PathBuf| fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder));
    fs::read_dir("/proc").unwrap().flatten().filter(|entry| has(entry.path())).count()
}

#[test]
fn what_a_killed_server_had_committed_is_there_after_a_restart() {
    let mut server = PostgresServer::start();
    let (port, folder) = (server.port(), folder_of(&server));
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
    let mut seen = None;
    let _ = catch_unwind(AssertUnwindSafe(|| {
        let server = PostgresServer::start();
        seen = Some((server.port(), folder_of(&server)));
        server.pause();
        panic!("as tests do");
    }));
    let (port, folder) = seen.unwrap();
    assert!(!is_reachable(port) && !folder.exists() && processes_of(&folder) == 0);
}

/// Not a test by itself: what the next one runs in a process of its own.
#[test]
fn a_server_is_started_and_the_process_aborts() {
    if std::env::var_os("BUTTRESS_TESTKIT_ABORTS").is_some() {
        let server = PostgresServer::start();
        println!("\nport={} folder={}", server.port(), folder_of(&server).display());
        server.pause();
        std::process::abort();
    }
}

#[test]
fn a_server_does_not_outlive_a_process_that_aborts() {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "postgres::a_server_is_started_and_the_process_aborts", "--nocapture"]);
    let output = child.env("BUTTRESS_TESTKIT_ABORTS", "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let value =
        |name: &str| said.split_whitespace().find_map(|word| word.strip_prefix(name)).unwrap().to_owned();
    let (port, folder) = (value("port=").parse().unwrap(), PathBuf::from(value("folder=")));
    assert!(!output.status.success());
    let start = Instant::now();
    while is_reachable(port) || folder.exists() || processes_of(&folder) > 0 {
        assert!(start.elapsed() < Duration::from_secs(20), "the server lives on");
        std::thread::yield_now();
    }
}
