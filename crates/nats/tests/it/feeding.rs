use buttress_audit::testing::{Until as _, Written, check_sink};
use buttress_audit::{Action, Event};
use buttress_testkit::nats::NatsServer;
use buttress_testkit::patience::PATIENCE;

use crate::bench::{Streams, bodies, builder, context, feed, feed_all, stream};

#[tokio::test]
async fn a_server_of_streams_keeps_the_laws_of_sinks() {
    let server = NatsServer::start();
    check_sink(&Streams::of(&server)).await;
}

#[tokio::test]
async fn each_record_is_a_message_in_order_under_the_subject_of_its_category() {
    let server = NatsServer::start();
    let written = Written::new();
    written.record(Event::builder(Action::LOGIN).build()).await;
    let end = written.add(5).await;
    feed_all(&server, &written).await;
    let messages = Streams::of(&server).messages(&stream(&written)).await;
    assert_eq!(messages.iter().map(|(_, _, body)| body.clone()).collect::<Vec<_>>(), written.lines());
    let chain = written.log.chain();
    for (seq, (_, id, _)) in (1..=end).zip(&messages) {
        assert_eq!(*id, format!("{chain}-{seq}"));
    }
    let subjects: Vec<&str> =
        messages.iter().map(|(subject, _, _)| subject.rsplit_once('.').unwrap().1).collect();
    assert_eq!(subjects[subjects.len() - 6..], ["auth", "data", "data", "data", "data", "data"]);
    assert_eq!(messages[0].0, format!("audit.{chain}.system"));
}

#[tokio::test]
async fn the_stream_that_is_made_lets_nobody_remove_anything() {
    let server = NatsServer::start();
    let written = Written::new();
    written.add(5).await;
    feed_all(&server, &written).await;
    let stream = context(&server).await.get_stream(stream(&written)).await.unwrap();
    assert!(stream.delete_message(2).await.is_err());
    assert!(stream.purge().await.is_err());
    assert_eq!(bodies(&server, &written).await, written.lines());
}

/// The window for duplicates is that of a stream, and is asked to be short here; what is fed again comes long behind it.
#[tokio::test]
async fn a_lost_cursor_brings_nothing_twice_after_the_window_for_duplicates_too() {
    let server = NatsServer::start();
    let written = Written::new();
    let wait = "100ms";
    let config = format!(
        r#"{{"name":"{}","subjects":["audit.{}.>"],"retention":"limits","storage":"file","num_replicas":1,"discard":"new","duplicate_window":100000000}}"#,
        stream(&written),
        written.log.chain()
    );
    let made = server.ask(&format!("$JS.API.STREAM.CREATE.{}", stream(&written)), &config);
    assert!(!made.contains("error"), "{made}");
    written.add(250).await;
    feed_all(&server, &written).await;
    let stream = context(&server).await.get_stream(stream(&written)).await.unwrap();
    assert_eq!(format!("{:?}", stream.cached_info().config.duplicate_window), wait);
    // Until the server does not know the first message any more: sent again, it is a new one, and so refused for its place.
    let first = written.lines()[0].clone();
    let again = async || {
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("Nats-Msg-Id", format!("{}-1", written.log.chain()).as_str());
        headers.insert("Nats-Expected-Last-Sequence", "0");
        let context = context(&server).await;
        let sent = context.publish_with_headers(
            format!("audit.{}.system", written.log.chain()),
            headers,
            first.clone().into(),
        );
        sent.await.unwrap().await
    };
    while again().await.is_ok_and(|ack| ack.duplicate) {}
    written.forget_cursor("nats");
    written.add(30).await;
    feed_all(&server, &written).await;
    assert_eq!(bodies(&server, &written).await, written.lines());
}

#[tokio::test]
async fn a_stream_that_was_lost_is_made_again_and_fed_from_the_beginning() {
    let server = NatsServer::start();
    let written = Written::new();
    written.add(120).await;
    let handle = feed(builder(&server), &written).await;
    handle.until_confirmed(120).await;
    context(&server).await.delete_stream(stream(&written)).await.unwrap();
    let end = written.add(5).await;
    let status = handle.until_confirmed(end).await;
    assert!(status.failures > 0, "{status:?}");
    assert_eq!(bodies(&server, &written).await, written.lines());
}

#[tokio::test]
async fn messages_that_have_grown_too_old_are_not_sent_again() {
    let server = NatsServer::start();
    let written = Written::new();
    written.add(20).await;
    feed_all(&server, &written).await;
    // As old age does it.
    let config =
        context(&server).await.get_stream(stream(&written)).await.unwrap().cached_info().config.clone();
    let short = async_nats::jetstream::stream::Config {
        max_age: std::time::Duration::from_millis(150),
        duplicate_window: std::time::Duration::from_millis(100),
        ..config.clone()
    };
    context(&server).await.update_stream(short).await.unwrap();
    while context(&server).await.get_stream(stream(&written)).await.unwrap().cached_info().state.messages > 0
    {
    }
    context(&server).await.update_stream(config).await.unwrap();
    let end = written.add(3).await;
    feed_all(&server, &written).await;
    assert_eq!(bodies(&server, &written).await, written.lines()[usize::try_from(end).unwrap() - 3..]);
}

#[tokio::test]
async fn two_who_feed_one_stream_at_once_break_no_order_and_repeat_nothing() {
    let server = NatsServer::start();
    let written = Written::new();
    let end = written.add(1_000).await;
    let one = feed(builder(&server), &written).await;
    let other = feed(builder(&server).name("other"), &written).await;
    let (one, other) = tokio::join!(one.stop(PATIENCE), other.stop(PATIENCE));
    assert_eq!((one.confirmed, other.confirmed), (end, end), "{one:?} {other:?}");
    assert_eq!(bodies(&server, &written).await, written.lines());
}
