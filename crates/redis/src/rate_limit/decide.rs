use buttress_rate_limit::{Ask, KeyHash, Rate, Reply, StoreError, Take};
use redis::{Cmd, RedisError};

use super::names::Names;
use crate::link::Link;
use crate::script::Script;

static DECIDE: Script = Script::new(include_str!("decide.lua"));

/// One run of the script. In a Cluster, all keys must have one scope.
pub(crate) async fn decide(link: &Link, names: &Names, asks: &[Ask]) -> Result<Vec<Reply>, StoreError> {
    let numbers: Result<Vec<i64>, RedisError> = DECIDE.run(link, |command| fill(command, names, asks)).await;
    numbers.map_err(StoreError::unreachable).and_then(|numbers| read(&numbers, asks.len()))
}

/// Asks whether the server decides. One that is a replica, or full, would answer `PING` and refuse the script.
///
/// The key belongs to nobody, and is gone after a second.
pub(crate) async fn probe(link: &Link, names: &Names) -> Result<Vec<Reply>, StoreError> {
    let nobody = KeyHash::from_bits(u128::MAX);
    let take = Take::UpTo(1);
    let ask = Ask { key: nobody, scope: nobody, rate: Rate::from_ticks(1, 1), take };
    decide(link, names, &[ask]).await.map(|_| Vec::new())
}

fn fill(command: &mut Cmd, names: &Names, asks: &[Ask]) {
    command.arg(asks.len());
    for ask in asks {
        command.arg(names.of(ask));
    }
    for ask in asks {
        let (word, units) = words(ask.take);
        command.arg(ask.rate.interval()).arg(ask.rate.burst()).arg(word).arg(units);
    }
}

fn words(take: Take) -> (&'static str, u64) {
    match take {
        Take::All(units) => ("all", units),
        Take::UpTo(units) => ("some", units),
        Take::Charge(units) => ("charge", units),
        Take::Back(units) => ("back", units),
    }
}

fn read(numbers: &[i64], asks: usize) -> Result<Vec<Reply>, StoreError> {
    if numbers.len() != 2 * asks {
        return Err(StoreError::unreachable(format!("{} numbers for {asks} asks", numbers.len())));
    }
    let reply = |pair: &[i64]| match (u64::try_from(pair[0]), u64::try_from(pair[1])) {
        (Ok(granted), Ok(debt)) => Reply::new(granted, debt),
        _ => Reply::SPOILT,
    };
    Ok(numbers.chunks_exact(2).map(reply).collect())
}
