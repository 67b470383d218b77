use std::time::Duration;

use buttress_core::Problem;
use buttress_rate_limit::{Ask, KeyHash, Rate, Store, Take};
use buttress_redis::RedisStore;
use buttress_testkit::redis::{RedisCluster, RedisServer};

const ONE: Ask = {
    let key = KeyHash::from_bits(1);
    Ask { key, scope: key, rate: Rate::from_ticks(86_400_000_000, 1_000_000), take: Take::All(1) }
};

#[tokio::test]
async fn an_address_that_cannot_be_used_is_one_error_without_the_password() {
    let mut gone = RedisServer::start();
    gone.kill();
    let port = gone.port();
    for (url, expected) in [
        (
            format!("redis://user:hunter2@127.0.0.1:{port}"),
            format!(
                "redis: url is redis://***@127.0.0.1:{port}, allowed: the address of a server that answers; this one does not: "
            ),
        ),
        (
            "http://user:hunter2@localhost".to_owned(),
            "redis: url is http://***@localhost, allowed: redis://".to_owned(),
        ),
        ("hunter2@".to_owned(), "redis: url is ***@, allowed: redis://".to_owned()),
        (
            "rediss://:hunter2@localhost".to_owned(),
            "redis: url is rediss://***@localhost, allowed: TLS only".to_owned(),
        ),
    ] {
        let error = RedisStore::connect(&*url).await.unwrap_err();
        assert_eq!(error.problems().len(), 1);
        let said = error.to_string();
        assert!(said.starts_with(&expected), "{said}");
        assert!(!format!("{said} {error:?}").contains("hunter2"), "{said}");
    }
}

#[tokio::test]
async fn a_password_that_is_wrong_is_told_at_the_start() {
    let server = RedisServer::start();
    server.ask(&["CONFIG", "SET", "requirepass", "open sesame"]);
    let url = format!("redis://:hunter2@127.0.0.1:{}", server.port());
    let error = RedisStore::connect(url).await.unwrap_err().to_string();
    assert!(error.contains("this one does not") && !error.contains("hunter2"), "{error}");
    let url = format!("redis://:open%20sesame@127.0.0.1:{}", server.port());
    let store = RedisStore::connect(url).await.unwrap();
    assert_eq!(store.decide(&[ONE]).await.unwrap()[0].granted, 1);
    assert!(!format!("{store:?}").contains("sesame"), "{store:?}");
}

#[tokio::test]
async fn all_settings_that_cannot_be_used_are_named_at_once() {
    let builder =
        RedisStore::builder("nowhere").or_through("else").prefix("{}").connect_timeout(Duration::ZERO);
    let error = builder.connect().await.unwrap_err();
    let fields: Vec<&str> = error.problems().iter().map(Problem::field).collect();
    assert_eq!(fields, ["url", "url", "prefix", "connect_timeout"]);
}

/// Asks until the server has answered; a call that fails is retried, one that hangs is dropped.
async fn until_it_answers(store: &RedisStore) -> u64 {
    let patience = Duration::from_secs(30);
    let asking = async {
        loop {
            let call = tokio::time::timeout(Duration::from_millis(200), store.decide(&[ONE]));
            match call.await {
                Ok(Ok(replies)) => return replies[0].granted,
                Ok(Err(_)) => tokio::time::sleep(Duration::from_millis(10)).await,
                Err(_) => {}
            }
        }
    };
    tokio::time::timeout(patience, asking).await.expect("the connection comes back")
}

#[tokio::test]
async fn the_connection_comes_back_after_kills_and_pauses() {
    let mut server = RedisServer::start();
    let store = RedisStore::connect(server.url()).await.unwrap();
    assert_eq!(until_it_answers(&store).await, 1);
    for _ in 0..2 {
        server.kill();
        store.decide(&[ONE]).await.expect_err("nobody is there");
        server.restart();
        assert_eq!(until_it_answers(&store).await, 1);
        server.pause();
        let hung = tokio::time::timeout(Duration::from_millis(50), store.decide(&[ONE])).await;
        assert!(hung.is_err(), "{hung:?}");
        server.resume();
        assert_eq!(until_it_answers(&store).await, 1);
    }
}

/// A program that is started anew during an outage would be a part of it.
#[tokio::test]
async fn a_store_that_connects_later_is_there_before_its_server() {
    let mut server = RedisServer::start();
    server.kill();
    let store = RedisStore::builder(server.url()).connect_later().unwrap();
    store.decide(&[ONE]).await.expect_err("nobody is there");
    server.restart();
    assert_eq!(until_it_answers(&store).await, 1);
}

#[test]
fn a_store_that_connects_later_knows_one_server_and_checks_its_settings() {
    let store = RedisStore::builder("redis://localhost:1").or_through("redis://localhost:2");
    let error = store.prefix("").connect_later().unwrap_err();
    let fields: Vec<&str> = error.problems().iter().map(Problem::field).collect();
    assert_eq!(fields, ["prefix", "or_through", "runtime"]);
}

#[tokio::test]
async fn the_connections_of_a_cluster_come_back_one_by_one() {
    let mut cluster = RedisCluster::start();
    let store = RedisStore::connect(&*cluster.urls()[0]).await.unwrap();
    assert_eq!(until_it_answers(&store).await, 1);
    for node in cluster.nodes() {
        node.restart();
        assert_eq!(until_it_answers(&store).await, 1);
    }
}
