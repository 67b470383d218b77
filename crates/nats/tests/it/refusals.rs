use std::time::Duration;

use async_nats::jetstream::stream::{Config, StorageType};
use buttress_audit::sink::{FeederState, FeederStatus};
use buttress_audit::testing::{Until as _, Written};
use buttress_audit::{Action, Event};
use buttress_nats::{NatsSink, NatsSinkBuilder};
use buttress_testkit::nats::NatsServer;

use crate::bench::{bodies, builder, context, feed, stream};

async fn failing(sink: NatsSinkBuilder, written: &Written) -> (FeederStatus, String) {
    let handle = feed(sink, written).await;
    let status = handle.until("it has failed", |status| status.failures > 0).await;
    handle.stop(Duration::ZERO).await;
    let said = status.last_error.clone().unwrap().to_string();
    (status, said)
}

#[tokio::test]
async fn an_address_where_nobody_is_fails_without_a_password() {
    let written = Written::new();
    let (status, said) = failing(NatsSink::builder("nats://user:hunter2@127.0.0.1:1"), &written).await;
    assert_eq!(status.state, FeederState::Failing);
    assert!(
        said.starts_with("the sink takes no records at the moment: no connection to NATS: IO error"),
        "{said}"
    );
    assert!(!said.contains("hunter2") && !said.contains("user"), "{said}");
}

#[tokio::test]
async fn a_server_without_jetstream_is_said_to_be_one() {
    let server = NatsServer::start();
    let written = Written::new();
    let (_, said) = failing(builder(&server).domain("elsewhere"), &written).await;
    let expected = "the sink cannot take records as it is set up: nobody answers for JetStream: it is not enabled on \
                    the server, or not for this account";
    assert_eq!(said, expected);
}

#[tokio::test]
async fn a_stream_with_settings_that_lose_records_is_refused_by_name_until_it_is_put_right() {
    let server = NatsServer::start();
    let written = Written::new();
    let end = written.add(3).await;
    let bad = Config {
        name: stream(&written),
        subjects: vec![format!("audit.{}.>", written.log.chain()), "more".to_owned()],
        storage: StorageType::Memory,
        max_messages: 2,
        ..Config::default()
    };
    context(&server).await.create_stream(bad).await.unwrap();
    let handle = feed(builder(&server), &written).await;
    let status = handle.until("it has failed", |status| status.failures > 0).await;
    let said = status.last_error.unwrap();
    assert!(
        said.contains(&format!("stream `{}` is not fit for audit records: subjects are", stream(&written))),
        "{said}"
    );
    assert!(
        said.contains("storage is Memory, must be File; discard is Old, must be New where max_msgs"),
        "{said}"
    );
    context(&server).await.delete_stream(stream(&written)).await.unwrap();
    assert_eq!(handle.until_confirmed(end).await.state, FeederState::Feeding);
    assert_eq!(bodies(&server, &written).await, written.lines());
}

#[tokio::test]
async fn a_stream_with_too_few_replicas_is_refused() {
    let server = NatsServer::start();
    let written = Written::new();
    feed(builder(&server), &written).await.until_confirmed(1).await;
    let (_, said) = failing(builder(&server).name("other").replicas(3), &written).await;
    assert!(said.ends_with("num_replicas is 1, must be 3 or more"), "{said}");
}

#[tokio::test]
async fn somebody_else_s_message_in_the_stream_stops_the_feed_and_is_named() {
    let server = NatsServer::start();
    let written = Written::new();
    let end = written.add(3).await;
    let handle = feed(builder(&server), &written).await;
    handle.until_confirmed(end).await;
    server.ask(&format!("audit.{}.data", written.log.chain()), "forged");
    written.add(3).await;
    let status = handle.until("it has failed twice", |status| status.failures > 1).await;
    let said = status.last_error.unwrap();
    let expected = format!(
        "message {} of stream `{}` is no record of this log: somebody else writes there",
        end + 1,
        stream(&written)
    );
    assert!(said.ends_with(&expected), "{said}");
    assert_eq!((status.confirmed, status.state), (end, FeederState::Failing));
    handle.stop(Duration::ZERO).await;
    // Nor does a new start, or a longer batch, pass over it.
    let (_, said) = failing(builder(&server), &written).await;
    assert!(said.ends_with(&expected), "{said}");
}

#[tokio::test]
async fn a_record_larger_than_a_message_may_be_stops_the_feed_behind_what_is_before_it() {
    let server = NatsServer::start();
    let written = Written::new();
    let small = Config {
        name: stream(&written),
        subjects: vec![format!("audit.{}.>", written.log.chain())],
        max_message_size: 4_000,
        ..Config::default()
    };
    context(&server).await.create_stream(small.clone()).await.unwrap();
    let before = written.add(20).await;
    let large = (0..5)
        .fold(Event::builder(Action::UPDATE), |event, n| event.detail(&format!("{n}"), "z".repeat(900)));
    written.log.record(large.build()).await.unwrap();
    let handle = feed(builder(&server), &written).await;
    let is_stuck = |status: &FeederStatus| status.confirmed == before && status.failures > 2;
    let status = handle.until("it is stuck", is_stuck).await;
    let said = status.last_error.unwrap();
    let expected =
        format!("as it is set up: record {} was not taken by stream `{}`", before + 1, stream(&written));
    assert!(said.contains(&expected) && said.contains("message size exceeds maximum allowed"), "{said}");
    context(&server).await.update_stream(Config { max_message_size: -1, ..small }).await.unwrap();
    handle.until_confirmed(before + 1).await;
    assert_eq!(bodies(&server, &written).await, written.lines());
}

/// A server that asks for TLS.
#[cfg(not(feature = "tls"))]
#[tokio::test]
async fn a_server_that_asks_for_tls_is_told_apart_where_there_is_none() {
    use tokio::io::AsyncWriteExt as _;

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut server = tokio::task::JoinSet::new();
    server.spawn(async move {
        let mut clients = Vec::new();
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let info = "INFO {\"server_id\":\"a\",\"version\":\"2.9.10\",\"max_payload\":1048576,\"tls_required\":true}\r\n";
            client.write_all(info.as_bytes()).await.unwrap();
            clients.push(client);
        }
    });
    let written = Written::new();
    let (_, said) = failing(NatsSink::builder(format!("nats://{address}")), &written).await;
    assert!(said.ends_with("the server asks for TLS, which takes the feature `tls`"), "{said}");
}
