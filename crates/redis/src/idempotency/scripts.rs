use std::time::Duration;

use buttress_idempotency::{Claim, Invalidated, RecordId, Step, Stepped, StoreError, Ticket, WhenAbandoned};
use buttress_idempotency::{Claimed, StoredResponse};
use redis::{Cmd, RedisError};

use super::failure::failure;
use super::names::Names;
use super::reply::{self, Raw};
use crate::link::Link;
use crate::script::Script;

static CLAIM: Script = Script::new(concat!(include_str!("record.lua"), include_str!("claim.lua")));
static STEP: Script = Script::new(concat!(include_str!("record.lua"), include_str!("step.lua")));
static INVALIDATE: Script = Script::new(concat!(include_str!("record.lua"), include_str!("invalidate.lua")));

/// Longer spans count as this one, 140,000 years: sums with a time are still whole numbers in Lua.
const LONGEST_MILLIS: u64 = 1 << 52;

pub(super) async fn claim(link: &Link, names: &Names, claim: &Claim) -> Result<Claimed, StoreError> {
    let when_abandoned = match claim.when_abandoned {
        WhenAbandoned::TakeOver => "take_over",
        WhenAbandoned::Refuse => "refuse",
    };
    let raw = run(&CLAIM, link, names, claim.id, |command| {
        command.arg(claim.fingerprint.as_bytes()).arg(&claim.owner.to_bits().to_be_bytes());
        command.arg(lease(claim.lease)).arg(span(claim.retain)).arg(when_abandoned);
    });
    reply::claimed(raw.await?, claim)
}

pub(super) async fn step(
    link: &Link,
    names: &Names,
    ticket: &Ticket,
    step: &Step,
) -> Result<Stepped, StoreError> {
    let raw = run(&STEP, link, names, ticket.id, |command| {
        command.arg(ticket.fingerprint.as_bytes()).arg(&ticket.owner.to_bits().to_be_bytes());
        command.arg(ticket.epoch);
        add_step(command, step);
    });
    reply::stepped(raw.await?)
}

pub(super) async fn invalidate(link: &Link, names: &Names, id: RecordId) -> Result<Invalidated, StoreError> {
    let raw = run(&INVALIDATE, link, names, id, |_| {});
    reply::invalidated(raw.await?)
}

async fn run(
    script: &Script,
    link: &Link,
    names: &Names,
    id: RecordId,
    fill: impl Fn(&mut Cmd),
) -> Result<Raw, StoreError> {
    let key = names.of(id);
    let raw: Result<Raw, RedisError> = script.run(link, |command| fill(command.arg(1).arg(&key))).await;
    raw.map_err(failure)
}

fn add_step(command: &mut Cmd, step: &Step) {
    match step {
        Step::Renew { lease: length, retain } => {
            command.arg("renew").arg(lease(*length)).arg(span(*retain));
        }
        Step::Checkpoint(left) => {
            command.arg("checkpoint").arg(left.as_bytes());
        }
        Step::Complete { response, retain } => {
            add_response(command.arg("complete").arg(span(*retain)), response);
        }
        Step::Release { retain } => {
            command.arg("release").arg(span(*retain));
        }
        Step::Abandon => {
            command.arg("abandon");
        }
    }
}

fn add_response(command: &mut Cmd, response: &StoredResponse) {
    command.arg(response.status()).arg(&response.headers().as_bytes()[..]);
    if let Some(body) = response.body() {
        command.arg(&body[..]);
    }
}

/// Milliseconds, rounded up: a span that is not empty never becomes none.
fn span(span: Duration) -> u64 {
    u64::try_from(span.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX).min(LONGEST_MILLIS)
}

/// A lease is kept as 1 ms to 49 days.
fn lease(length: Duration) -> u64 {
    span(length).clamp(1, u32::MAX.into())
}
