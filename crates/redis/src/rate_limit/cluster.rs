use std::collections::BTreeMap;

use buttress_rate_limit::{Ask, Reply, StoreError, Take};
use futures_util::future::try_join_all;

use super::decide;
use super::names::Names;
use crate::link::Link;

/// The places of the asks of each scope, in an order that does not depend on the caller.
type Scopes = BTreeMap<u128, Vec<usize>>;

/// One run of the script for each scope, since scopes may live on different nodes.
pub(crate) async fn decide(link: &Link, names: &Names, asks: &[Ask]) -> Result<Vec<Reply>, StoreError> {
    let mut scopes = Scopes::new();
    for (place, ask) in asks.iter().enumerate() {
        scopes.entry(ask.scope.to_bits()).or_default().push(place);
    }
    let binding = asks.iter().any(|ask| matches!(ask.take, Take::All(_)));
    if binding {
        all_or_none(link, names, asks, &scopes).await
    } else {
        each(link, names, asks, &scopes).await
    }
}

/// Asks that do not depend on one another go out at once.
async fn each(link: &Link, names: &Names, asks: &[Ask], scopes: &Scopes) -> Result<Vec<Reply>, StoreError> {
    let run = async |places: &Vec<usize>| decide::decide(link, names, &pick(asks, places)).await;
    let answers = try_join_all(scopes.values().map(run)).await?;
    let mut replies = vec![Reply::default(); asks.len()];
    for (places, answer) in scopes.values().zip(answers) {
        put(&mut replies, places, &answer);
    }
    Ok(replies)
}

/// One scope after the other. Once one has denied, the others are only looked at, and what was charged goes back.
///
/// A failure in the middle leaves charged what was charged: the limit is stricter for it, never looser.
async fn all_or_none(
    link: &Link,
    names: &Names,
    asks: &[Ask],
    scopes: &Scopes,
) -> Result<Vec<Reply>, StoreError> {
    let mut replies = vec![Reply::default(); asks.len()];
    let mut charged = Vec::new();
    let mut denied = false;
    for places in scopes.values() {
        let mut group = pick(asks, places);
        if denied {
            group.iter_mut().for_each(only_look);
        }
        let answer = decide::decide(link, names, &group).await?;
        denied |= group.iter().zip(&answer).any(is_denied);
        put(&mut replies, places, &answer);
        charged.extend(places.iter().filter(|place| replies[**place].granted > 0));
    }
    if denied {
        give_back(link, names, asks, &mut replies, &charged).await?;
    }
    Ok(replies)
}

async fn give_back(
    link: &Link,
    names: &Names,
    asks: &[Ask],
    replies: &mut [Reply],
    charged: &[usize],
) -> Result<(), StoreError> {
    for place in charged.iter().copied().filter(|place| matches!(asks[*place].take, Take::All(_))) {
        let back = Ask { take: Take::Back(replies[place].granted), ..asks[place] };
        let answer = decide::decide(link, names, &[back]).await?;
        replies[place] = answer.first().copied().unwrap_or_default();
    }
    Ok(())
}

fn only_look(ask: &mut Ask) {
    if let Take::All(units) = &mut ask.take {
        *units = 0;
    }
}

fn is_denied((ask, reply): (&Ask, &Reply)) -> bool {
    matches!(ask.take, Take::All(units) if reply.granted < units)
}

fn pick(asks: &[Ask], places: &[usize]) -> Vec<Ask> {
    places.iter().map(|place| asks[*place]).collect()
}

fn put(replies: &mut [Reply], places: &[usize], answer: &[Reply]) {
    for (place, reply) in places.iter().zip(answer) {
        replies[*place] = *reply;
    }
}
