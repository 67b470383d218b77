//! How often callers may ask, over real sockets, alone and with Redis.

use std::time::{Duration, Instant};

use buttress::rate_limit::Quota;
use buttress_testkit::redis::RedisServer;
use control_plane::{RateLimits, Secret};
use futures_util::future::join_all;
use reqwest::Method;

use crate::world::{Answer, World, until, within};

/// A path that costs nothing but the way to it.
const PATH: &str = "/api/v1/packages/3cedc40f-ac05-444e-badb-cbaf72d53442";

/// So slow that not one unit comes back while a test runs.
fn at_most(calls: u64) -> Quota {
    Quota::per(calls, Duration::from_secs(100 * 24 * 60 * 60)).burst(calls)
}

fn per_address(quota: Quota) -> RateLimits {
    RateLimits { per_address: quota, per_key: at_most(1_000_000), ..RateLimits::default() }
}

fn per_key(quota: Quota) -> RateLimits {
    RateLimits { per_address: at_most(1_000_000), per_key: quota, ..RateLimits::default() }
}

async fn ask(world: &World) -> Answer {
    world.get(PATH).await
}

async fn ask_with(world: &World, field: &str, value: &str) -> Answer {
    Answer::to(world.request(Method::GET, PATH).header(field, value)).await
}

/// Asks from several connections at once, each so many times; how many were let through.
async fn admitted(world: &World, connections: usize, calls: usize) -> usize {
    let one = async || {
        let mut admitted = 0;
        for _ in 0..calls {
            let answer = ask(world).await;
            check_fields(&answer);
            admitted += usize::from(answer.status != 429);
        }
        admitted
    };
    join_all((0..connections).map(|_| one())).await.into_iter().sum()
}

/// Every answer says what applies and what is left, and a refusal when to come back.
fn check_fields(answer: &Answer) {
    let policies = answer.header("ratelimit-policy").expect("the policies");
    assert!(policies.contains(r#""address";q="#), "{policies}");
    let left = answer.header("ratelimit").expect("what is left");
    match answer.status {
        429 => {
            assert_eq!(answer.problem(429), "rate_limited");
            assert!(left.contains("r=0;t="), "{left}");
            let wait: u64 = answer.header("retry-after").expect("when").parse().expect("seconds");
            assert!(wait >= 1);
        }
        _ => assert!(answer.header("retry-after").is_none(), "{answer:?}"),
    }
}

#[tokio::test]
async fn many_connections_of_one_address_get_exactly_its_burst() {
    let world = World::limited_by(per_address(at_most(100))).await;
    assert_eq!(admitted(&world, 8, 25).await, 100);
    world.stop().await;
}

#[tokio::test]
async fn under_load_an_address_gets_exactly_its_rate() {
    const RATE: f64 = 100.0;
    const BURST: f64 = 500.0;
    let quota = Quota::per_second(100).burst(500);
    let world = World::limited_by(per_address(quota)).await;
    let began = Instant::now();
    let mut in_all = 0.0;
    while ask(&world).await.status != 429 {
        in_all += 1.0;
    }
    // From here on nothing is saved up, however slowly we ask now and then: what comes through is the rate alone.
    let first_refused = Instant::now();
    let mut by_rate = 0.0;
    let last_refused = loop {
        let asked = Instant::now();
        match ask(&world).await.status {
            429 if by_rate > RATE => break asked,
            429 => {}
            _ => by_rate += 1.0,
        }
    };
    let most = BURST + RATE * began.elapsed().as_secs_f64();
    let least = RATE * last_refused.duration_since(first_refused).as_secs_f64() - 1.0;
    assert!(in_all >= BURST && in_all + by_rate <= most, "{in_all} and {by_rate} of {most}");
    assert!(by_rate >= least, "{by_rate} of {least}");
    world.stop().await;
}

#[tokio::test]
async fn health_is_answered_however_often_it_is_asked_for() {
    let world = World::limited_by(per_address(at_most(1))).await;
    assert_eq!(ask(&world).await.status, 404);
    assert_eq!(ask(&world).await.status, 429);
    for path in ["/health/live", "/health/ready", "/api/v1/health/circuit-breakers"] {
        for _ in 0..3 {
            let answer = world.get(path).await;
            assert_eq!(answer.status, 200, "{path}");
            assert!(answer.header("ratelimit").is_none(), "{path}");
        }
    }
    world.stop().await;
}

#[tokio::test]
async fn an_api_key_is_counted_by_itself_and_shown_nowhere() {
    let world = World::limited_by(per_key(at_most(2))).await;
    for _ in 0..2 {
        assert_eq!(ask_with(&world, "x-api-key", "s3cret-key").await.status, 404);
    }
    let refused = ask_with(&world, "x-api-key", "s3cret-key").await;
    assert_eq!(refused.problem(429), "rate_limited");
    assert_eq!(refused.json()["violated-policies"], serde_json::json!(["api-key"]));
    assert!(!format!("{refused:?}").contains("s3cret"), "{refused:?}");
    assert_eq!(ask_with(&world, "x-api-key", "another").await.status, 404);
    assert_eq!(ask(&world).await.status, 404, "whoever shows no key is counted by address alone");
    world.stop().await;
}

#[tokio::test]
async fn nobody_changes_who_he_is_by_a_header_unless_a_proxy_is_trusted() {
    let world = World::limited_by(per_address(at_most(2))).await;
    for last in 1..=2 {
        assert_eq!(ask_with(&world, "x-forwarded-for", &format!("192.0.2.{last}")).await.status, 404);
    }
    assert_eq!(ask_with(&world, "x-forwarded-for", "192.0.2.3").await.status, 429);
    assert_eq!(ask_with(&world, "forwarded", "for=192.0.2.4").await.status, 429);
    world.stop().await;

    let trusting = RateLimits { trusted_proxies: vec!["127.0.0.0/8".to_owned()], ..per_address(at_most(1)) };
    let world = World::limited_by(trusting).await;
    for last in 1..=3 {
        let hops = format!("203.0.113.9, 192.0.2.{last}");
        assert_eq!(ask_with(&world, "x-forwarded-for", &hops).await.status, 404, "{hops}");
        let spoofed = format!("198.51.100.{last}, 192.0.2.{last}");
        assert_eq!(ask_with(&world, "x-forwarded-for", &spoofed).await.status, 429, "{spoofed}");
    }
    world.stop().await;
}

fn shared(redis: &RedisServer, quota: Quota) -> RateLimits {
    RateLimits { redis: Some(Secret::new(redis.url())), nodes: 2, ..per_address(quota) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_instances_with_one_redis_admit_together_what_one_would() {
    let redis = RedisServer::start();
    let worlds = [
        World::limited_by(shared(&redis, at_most(100))).await,
        World::limited_by(shared(&redis, at_most(100))).await,
    ];
    let (one, other) = tokio::join!(admitted(&worlds[0], 4, 25), admitted(&worlds[1], 4, 25));
    assert!(one + other <= 100, "{one} and {other}");
    // Units that are parked in leases come back by themselves.
    let mut late = 0;
    until(async || {
        late += admitted(&worlds[0], 1, 1).await + admitted(&worlds[1], 1, 1).await;
        one + other + late == 100
    })
    .await;
    for _ in 0..3 {
        assert_eq!(ask(&worlds[0]).await.status, 429);
        assert_eq!(ask(&worlds[1]).await.status, 429);
    }
    for world in worlds {
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_an_instance_goes_on_with_its_share_and_comes_back_by_itself() {
    let mut redis = RedisServer::start();
    let world = World::limited_by(shared(&redis, at_most(100))).await;
    let is_up = async || {
        let ready = world.get("/health/ready").await.json();
        ready["dependencies"]["redis"] == "up"
    };
    assert!(is_up().await);
    assert_eq!(ask(&world).await.status, 404);
    redis.kill();
    until(async || {
        assert_ne!(ask(&world).await.status, 500, "a lost store is nobody's error");
        !is_up().await
    })
    .await;
    let mut share = 0;
    within(async {
        while ask(&world).await.status != 429 {
            share += 1;
        }
    })
    .await;
    assert!(share <= 50, "half of the limit, because two instances share it: {share}");
    redis.restart_empty();
    until(is_up).await;
    assert_eq!(ask(&world).await.status, 404, "Redis counts again, and has forgotten");
    world.stop().await;
}

#[tokio::test]
async fn a_redis_that_is_not_there_at_the_start_is_told_and_its_password_is_not() {
    let nowhere = "redis://:s3cret@127.0.0.1:1/";
    let limits = RateLimits { redis: Some(Secret::new(nowhere)), ..per_address(at_most(1)) };
    let error = control_plane::ControlPlane::builder().rate_limits(limits).start().await.unwrap_err();
    let told = error.to_string();
    assert!(told.contains("url") && told.contains("127.0.0.1:1") && !told.contains("s3cret"), "{told}");
}
