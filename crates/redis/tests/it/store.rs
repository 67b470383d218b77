use buttress_rate_limit::testing::check_store;
use buttress_rate_limit::{Ask, KeyHash, Quota, Rate, Reply, Store, Take};
use buttress_redis::RedisStore;
use buttress_testkit::redis::{RedisCluster, RedisServer};

fn ask(key: u128, quota: Quota, take: Take) -> Ask {
    let key = KeyHash::from_bits(key);
    Ask { key, scope: key, rate: Rate::in_micros(&quota).unwrap(), take }
}

fn name(key: u128) -> String {
    format!("buttress:{{{key:032x}}}")
}

#[tokio::test]
async fn one_server_keeps_the_laws_of_stores() {
    let server = RedisServer::start();
    let store = RedisStore::connect(server.url()).await.unwrap();
    assert!(!store.is_cluster());
    check_store(&store).await;
}

#[tokio::test]
async fn a_cluster_keeps_the_laws_of_stores() {
    let cluster = RedisCluster::start();
    let [first, second, _] = cluster.urls();
    let store = RedisStore::builder(first).or_through(second).connect().await.unwrap();
    assert!(store.is_cluster());
    check_store(&store).await;
}

#[tokio::test]
async fn no_key_is_ever_without_an_expiry_r15_r24() {
    let server = RedisServer::start();
    let store = RedisStore::connect(server.url()).await.unwrap();
    let minute = Quota::per_minute(60);
    for (key, take) in (0..).zip([Take::All(1), Take::All(60), Take::UpTo(60), Take::Charge(7), Take::All(0)])
    {
        let ask = ask(key, minute, take);
        let reply = store.decide(&[ask]).await.unwrap()[0];
        // A denied call too.
        store.decide(&[Ask { take: Take::All(61), ..ask }]).await.unwrap();
        let expiry: i64 = server.ask(&["PTTL", &name(key)]).parse().unwrap();
        let debt = i64::try_from(reply.debt).unwrap() / 1_000;
        if debt == 0 {
            assert_eq!(expiry, -2, "{take:?}: nothing is stored for a key at rest");
        } else {
            assert!(expiry > 0 && expiry <= debt + 1_001, "{take:?}: {expiry} ms for a debt of {debt} ms");
        }
    }
    let keys = server.ask(&["KEYS", "*"]);
    assert_eq!(keys.lines().count(), 4, "nothing but the keys themselves: {keys}");
}

/// The server's clock, in microseconds.
fn clock(server: &RedisServer) -> u64 {
    let time = server.ask(&["TIME"]);
    let (seconds, micros) = time.split_once('\n').unwrap();
    seconds.parse::<u64>().unwrap() * 1_000_000 + micros.parse::<u64>().unwrap()
}

#[tokio::test]
async fn large_times_are_stored_as_digits_and_by_the_server_s_clock_r16_r17() {
    let server = RedisServer::start();
    let store = RedisStore::connect(server.url()).await.unwrap();
    let longest = Quota::per(1, Quota::LONGEST);
    let hundred_years = u64::try_from(Quota::LONGEST.as_micros()).unwrap();
    let before = clock(&server);
    let reply = store.decide(&[ask(1, longest, Take::All(1))]).await.unwrap()[0];
    let after = clock(&server);
    assert_eq!(reply, Reply::new(1, hundred_years), "to the microsecond");
    let stored: u64 = server.ask(&["GET", &name(1)]).parse().expect("digits and nothing else");
    assert!((before..=after).contains(&(stored - hundred_years)), "{before} <= {stored} <= {after}");
}

#[tokio::test]
async fn a_time_an_hour_ahead_locks_out_for_one_allowance_and_an_hour_behind_is_no_free_burst() {
    let server = RedisServer::start();
    let store = RedisStore::connect(server.url()).await.unwrap();
    let quota = Quota::per_day(1).burst(2);
    let (allowance, hour) = (2 * 86_400 * 1_000_000, 3_600_000_000);
    let now = clock(&server);
    // As after a failover to a server whose clock is behind: the time lies further off than anything allowed.
    server.ask(&["SET", &name(1), &(now + allowance + hour).to_string()]);
    let denied = store.decide(&[ask(1, quota, Take::All(1))]).await.unwrap();
    assert_eq!(denied, [Reply::new(0, allowance)]);
    let stored: u64 = server.ask(&["GET", &name(1)]).parse().unwrap();
    assert!(stored <= clock(&server) + allowance, "written back by the denial");
    assert!(server.ask(&["PTTL", &name(1)]).parse::<i64>().unwrap() > 0);
    // And to one whose clock is ahead: a burst, and not what an hour more would bring on top.
    server.ask(&["SET", &name(2), &(now - hour).to_string()]);
    assert_eq!(store.decide(&[ask(2, quota, Take::UpTo(9))]).await.unwrap()[0].granted, 2);
}

#[tokio::test]
async fn what_somebody_else_wrote_spoils_that_key_alone() {
    let server = RedisServer::start();
    let store = RedisStore::connect(server.url()).await.unwrap();
    let quota = Quota::per_day(1);
    for (key, write) in
        (1..).zip([["SET", "words"], ["RPUSH", "1"], ["SADD", "1"], ["SET", "nan"], ["SET", ""]])
    {
        server.ask(&[write[0], &name(key), write[1]]);
        let asks =
            [ask(99, quota, Take::All(1)), ask(key, quota, Take::All(1)), ask(98, quota, Take::Charge(1))];
        let replies = store.decide(&asks).await.unwrap();
        assert_eq!(replies[..2], [Reply::new(0, 0), Reply::SPOILT], "{write:?}");
        let asks =
            [ask(key, quota, Take::UpTo(1)), ask(97, quota, Take::UpTo(1)), ask(key, quota, Take::Back(1))];
        let spoilt: Vec<bool> = store.decide(&asks).await.unwrap().iter().map(|reply| reply.spoilt).collect();
        assert_eq!(spoilt, [true, false, true], "{write:?}");
    }
    let alone = [99, 98, 97].map(|key| ask(key, quota, Take::All(1)));
    let mut granted = Vec::new();
    for ask in alone {
        granted.push(store.decide(&[ask]).await.unwrap()[0].granted);
    }
    assert_eq!(granted, [1, 0, 0], "all or none, and what stands for itself was done");
    assert_eq!(server.ask(&["GET", &name(1)]), "words", "it is left as it is");
    for (key, number) in (10..).zip(["1e300", "inf", "-5", "0x10", "12.7"]) {
        server.ask(&["SET", &name(key), number]);
        let reply = store.decide(&[ask(key, quota, Take::All(1))]).await.unwrap()[0];
        assert!(reply.debt <= 86_400_000_000, "{number}: {reply:?}");
    }
}

#[tokio::test]
async fn a_server_that_forgot_the_script_is_told_again() {
    let server = RedisServer::start();
    let store = RedisStore::connect(server.url()).await.unwrap();
    let one = ask(1, Quota::per_day(3), Take::All(1));
    for _ in 0..3 {
        server.ask(&["SCRIPT", "FLUSH"]);
        assert_eq!(store.decide(&[one]).await.unwrap()[0].granted, 1);
    }
    assert_eq!(store.decide(&[one]).await.unwrap()[0].granted, 0);
}

#[tokio::test]
async fn many_at_once_get_a_burst_to_the_unit() {
    let server = RedisServer::start();
    let store = RedisStore::connect(server.url()).await.unwrap();
    let one = ask(1, Quota::per_day(100), Take::All(1));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..300 {
        let store = store.clone();
        tasks.spawn(async move { store.decide(&[one]).await.unwrap()[0].granted });
    }
    assert_eq!(tasks.join_all().await.iter().sum::<u64>(), 100);
}
