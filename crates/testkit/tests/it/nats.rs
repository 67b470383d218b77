use std::net::TcpStream;

use buttress_testkit::nats::NatsServer;

use crate::servers::{
    Place, abort_with, assert_emptied, is_reachable, place_after_a_panic, place_after_an_abort,
};

const STREAM: &str = r#"{"name":"kept","subjects":["kept.>"],"storage":"file"}"#;

fn started() -> (NatsServer, Place) {
    let server = NatsServer::start();
    let place = Place { port: server.port(), folder: server.folder().to_owned() };
    (server, place)
}

fn started_and_paused() -> (NatsServer, Place) {
    let (server, place) = started();
    server.pause();
    (server, place)
}

#[test]
fn what_a_killed_server_had_acknowledged_is_there_after_a_restart() {
    let (mut server, Place { port, folder }) = started();
    assert_eq!(server.url(), format!("nats://127.0.0.1:{port}"));
    assert_eq!(server.ask("kept.one", "first"), "", "nobody listens yet");
    let made = server.ask("$JS.API.STREAM.CREATE.kept", STREAM);
    assert!(made.contains(r#""type":"io.nats.jetstream.api.v1.stream_create_response""#), "{made}");
    assert_eq!(server.ask("kept.one", "first"), r#"{"stream":"kept", "seq":1}"#);
    server.kill();
    assert!(!is_reachable(port) && folder.exists());
    server.restart();
    assert_eq!(server.port(), port);
    let kept = server.ask("$JS.API.STREAM.MSG.GET.kept", r#"{"seq":1}"#);
    assert!(kept.contains(r#""data":"Zmlyc3Q=""#), "`first` in base64: {kept}");
    assert_eq!(server.ask("kept.two", "second"), r#"{"stream":"kept", "seq":2}"#);
}

#[test]
fn two_servers_know_nothing_of_each_other() {
    let (one, other) = (NatsServer::start(), NatsServer::start());
    one.ask("$JS.API.STREAM.CREATE.kept", STREAM);
    assert_eq!(one.ask("kept.one", "first"), r#"{"stream":"kept", "seq":1}"#);
    assert_eq!(other.ask("kept.one", "first"), "");
}

#[test]
fn a_paused_server_keeps_its_connections_and_answers_once_it_is_resumed() {
    let server = NatsServer::start();
    server.pause();
    let connection = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    connection.set_nonblocking(true).unwrap();
    assert!(connection.peek(&mut [0]).is_err(), "it introduces itself");
    server.resume();
    connection.set_nonblocking(false).unwrap();
    assert_eq!(connection.peek(&mut [0]).unwrap(), 1);
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
    assert_emptied(&place_after_an_abort("nats::a_server_is_started_and_the_process_aborts"));
}
