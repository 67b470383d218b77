use std::sync::Arc;
use std::time::Duration;

use buttress_core::Entropy;
use tokio::task::JoinSet;

use super::{claim, response};
use crate::{After, Claim, Claimed, Owned, OwnerToken, Step, Stepped, Store};

const AT_ONCE: usize = 200;

/// Checks that races for one record have one winner: first claims, and takeovers. To be run on several threads.
///
/// # Panics
///
/// With the first law that does not hold.
pub async fn check_races<S: Store>(store: &Arc<S>) {
    two_hundred_claims_at_once_have_one_owner(store).await;
    an_abandoned_record_is_taken_over_by_one_of_two_hundred(store).await;
    a_released_record_is_claimed_by_one_of_two_hundred(store).await;
    all_who_come_while_it_completes_hear_one_response_or_that_it_runs(store).await;
}

async fn two_hundred_claims_at_once_have_one_owner<S: Store>(store: &Arc<S>) {
    let owned = only_owner(race(store, &claim()).await);
    assert_eq!((owned.attempt, owned.after), (1, After::Nothing));
}

async fn an_abandoned_record_is_taken_over_by_one_of_two_hundred<S: Store>(store: &Arc<S>) {
    let claim = claim();
    let before = only_owner(race(store, &claim).await);
    assert_eq!(step(store, &before, Step::Abandon).await, Stepped::Done);
    let after = only_owner(race(store, &claim).await);
    assert_eq!((after.attempt, after.after), (2, After::Abandonment));
    assert!(after.ticket.epoch > before.ticket.epoch, "an epoch that grows");
}

async fn a_released_record_is_claimed_by_one_of_two_hundred<S: Store>(store: &Arc<S>) {
    let claim = claim();
    let before = only_owner(race(store, &claim).await);
    let release = Step::Release { retain: Duration::from_secs(60) };
    assert_eq!(step(store, &before, release).await, Stepped::Done);
    let after = only_owner(race(store, &claim).await);
    assert_eq!((after.attempt, after.after), (2, After::Release));
}

async fn all_who_come_while_it_completes_hear_one_response_or_that_it_runs<S: Store>(store: &Arc<S>) {
    let claim = claim();
    let owned = only_owner(race(store, &claim).await);
    let response = response("done");
    let complete = Step::Complete { response: Arc::clone(&response), retain: Duration::from_secs(60) };
    let (claimed, stepped) = tokio::join!(race(store, &claim), step(store, &owned, complete));
    assert_eq!(stepped, Stepped::Done);
    for claimed in claimed {
        match claimed {
            Claimed::InFlight { .. } => {}
            Claimed::Completed(completion) => assert_eq!(completion.response, response),
            other => panic!("neither running nor done: {other:?}"),
        }
    }
}

/// The same claim by many new owners at once.
async fn race<S: Store>(store: &Arc<S>, claim: &Claim) -> Vec<Claimed> {
    let mut racers = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (store, owner) = (Arc::clone(store), OwnerToken::draw(&Entropy::system()));
        let claim = Claim { owner, ..claim.clone() };
        racers.spawn(async move { store.claim(&claim).await });
    }
    let claimed = racers.join_all().await.into_iter();
    claimed.map(|claimed| claimed.unwrap_or_else(|error| panic!("{error}: {:?}", error.kind()))).collect()
}

fn only_owner(claimed: Vec<Claimed>) -> Owned {
    let mut winner = None;
    for claimed in claimed {
        match claimed {
            Claimed::Owned(owned) => assert!(winner.replace(owned).is_none(), "two owners"),
            Claimed::InFlight { remaining } => assert!(!remaining.is_zero(), "a lease that has ended"),
            other => panic!("neither owned nor in flight: {other:?}"),
        }
    }
    winner.unwrap_or_else(|| panic!("nobody owns it"))
}

async fn step<S: Store>(store: &Arc<S>, owned: &Owned, step: Step) -> Stepped {
    let stepped = store.step(&owned.ticket, &step).await;
    stepped.unwrap_or_else(|error| panic!("{error}: {:?}", error.kind()))
}
