//! The store of idempotency records.

mod crash;
mod fitness;
mod keys;
mod laws;
mod losses;
mod model;
mod outages;

use std::sync::Arc;
use std::time::Duration;

use buttress_core::Entropy;
use buttress_idempotency::testing::response;
use buttress_idempotency::{
    Claim, Claimed, Completion, Owned, OwnerToken, RecordId, Step, Stepped, Store, StoreErrorKind,
};
use buttress_redis::RedisRecords;
use buttress_testkit::patience::{PATIENCE, within};
use buttress_testkit::redis::RedisServer;

const HOUR: Duration = Duration::from_secs(3_600);

/// A store for which a busy machine is no outage.
async fn connect(server: &RedisServer) -> RedisRecords {
    RedisRecords::builder(server.url()).call_timeout(Duration::from_secs(20)).connect().await.unwrap()
}

/// What the server calls the record.
fn name(id: RecordId) -> String {
    let digits = |bytes: &[u8]| u128::from_be_bytes(bytes.try_into().unwrap());
    let (front, back) = id.as_bytes().split_at(16);
    format!("buttress:idempotency:{{{:032x}{:032x}}}", digits(front), digits(back))
}

/// The same request, sent once more.
fn other(claim: &Claim) -> Claim {
    Claim { owner: OwnerToken::draw(&Entropy::system()), ..claim.clone() }
}

fn complete(body: &str) -> Step {
    Step::Complete { response: response(body.to_owned()), retain: HOUR }
}

async fn owned(store: &RedisRecords, claim: &Claim) -> Owned {
    match store.claim(claim).await.unwrap() {
        Claimed::Owned(owned) => owned,
        other => panic!("not owned: {other:?}"),
    }
}

async fn completion(store: &RedisRecords, claim: &Claim) -> Completion {
    match store.claim(claim).await.unwrap() {
        Claimed::Completed(completion) => completion,
        other => panic!("not completed: {other:?}"),
    }
}

async fn step(store: &RedisRecords, owned: &Owned, step: Step) -> Stepped {
    store.step(&owned.ticket, &step).await.unwrap()
}

async fn refusal(store: &RedisRecords, claim: &Claim) -> StoreErrorKind {
    store.claim(claim).await.unwrap_err().kind()
}

/// Claims again and again, by a new owner each time, until one has it.
async fn until_owned(store: &RedisRecords, claim: &Claim) -> Owned {
    let claiming = async {
        loop {
            if let Ok(Claimed::Owned(owned)) = store.claim(&other(claim)).await {
                return owned;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    within(PATIENCE, claiming, || "the lease ends").await
}

/// Lets a call that fails be made again.
async fn insist<T, E>(mut call: impl AsyncFnMut() -> Result<T, E>) -> T {
    let calling = async {
        loop {
            if let Ok(answer) = call().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    within(PATIENCE, calling, || "the server comes back").await
}

fn shared(store: RedisRecords) -> Arc<RedisRecords> {
    Arc::new(store)
}
