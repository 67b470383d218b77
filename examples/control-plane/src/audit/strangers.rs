//! Strangers who ask for the audit log. Each attempt is refused and recorded, twice and on a synced disk, so somebody who
//! goes on and on would fill it. Beyond so many in a minute they are turned away before that, and what is recorded is how
//! many they were and where they came from: an auditor misses no attempt, and a flood leaves a record a minute.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use buttress::audit::{Event, Outcome, Severity};
use buttress::http::ClientAddrResolver;
use buttress::rate_limit::{Denied, Quota, RateLimiter};
use buttress::{ConfigError, Principal};
use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::rules::audit_read;
use super::{Audit, LOG};
use crate::callers::Caller;
use crate::problem::ApiProblem;

/// Attempts of one address that are recorded each by itself.
const OF_ONE: Quota = Quota::per_minute(10);
/// Attempts of all addresses together.
const OF_ALL: Quota = Quota::per_minute(60);
/// How soon it is recorded how many more there were.
const SOON: Duration = Duration::from_secs(60);
/// Addresses that are named with their numbers; those after them are one number.
const MOST_NAMED: usize = 50;

/// Who has asked for the audit log without being an administrator, and how often.
#[derive(Debug)]
pub(crate) struct Strangers {
    audit: Audit,
    admin: Option<Caller>,
    clients: ClientAddrResolver,
    of_one: RateLimiter,
    of_all: RateLimiter,
    unrecorded: Mutex<Unrecorded>,
    /// Told when there is a first one.
    some: Notify,
}

/// Attempts that have no record of their own.
#[derive(Debug, Default)]
struct Unrecorded {
    since: Option<Timestamp>,
    attempts: u64,
    named: BTreeMap<IpAddr, u64>,
}

/// What a request is to the audit log.
enum Visit {
    /// It goes on as it is.
    Elsewhere,
    OfAdmin,
    TooMuch(Denied),
}

impl Strangers {
    pub(crate) fn new(
        audit: Audit,
        admin: Option<Caller>,
        clients: ClientAddrResolver,
    ) -> Result<Self, ConfigError> {
        let of_one = RateLimiter::builder().quota(OF_ONE).slots(4_096).build()?;
        let of_all = RateLimiter::builder().quota(OF_ALL).slots(16).build()?;
        Ok(Self { audit, admin, clients, of_one, of_all, unrecorded: Mutex::default(), some: Notify::new() })
    }

    fn look_at(&self, request: &Request) -> Visit {
        let is_for_the_log = request
            .uri()
            .path()
            .strip_prefix(LOG)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if !is_for_the_log {
            return Visit::Elsewhere;
        }
        if self.admin.is_some() && Caller::of(request, &self.clients) == self.admin {
            return Visit::OfAdmin;
        }
        let client = self.clients.client_of_peer(request.extensions(), request.headers());
        let key = client.map_or([0; 16], |client| client.key());
        match self.admit(key) {
            Ok(()) => Visit::Elsewhere,
            Err(denied) => {
                self.count(client.map(|client| client.network()));
                Visit::TooMuch(denied)
            }
        }
    }

    fn admit(&self, key: [u8; 16]) -> Result<(), Denied> {
        self.of_one.check(key)?;
        self.of_all.check([]).map(drop).inspect_err(|_| self.of_one.refund(key, 1))
    }

    fn count(&self, client: Option<IpAddr>) {
        self.unrecorded.lock().count(client);
        self.some.notify_one();
    }

    /// Records from time to time what has no record of its own.
    pub(crate) async fn keep_telling(self: Arc<Self>) {
        loop {
            self.some.notified().await;
            sleep(SOON).await;
            self.tell().await;
        }
    }

    /// Records what has no record of its own, if there is anything.
    pub(crate) async fn tell(&self) {
        let unrecorded = std::mem::take(&mut *self.unrecorded.lock());
        let Some(since) = unrecorded.since else { return };
        if self.audit.note(unrecorded.event(since)).await.is_err() {
            self.unrecorded.lock().add(unrecorded);
            self.some.notify_one();
        }
    }
}

impl Unrecorded {
    fn count(&mut self, client: Option<IpAddr>) {
        self.since.get_or_insert_with(Timestamp::now);
        self.attempts += 1;
        if let Some(client) = client {
            self.name(client, 1);
        }
    }

    fn name(&mut self, client: IpAddr, attempts: u64) {
        if self.named.len() < MOST_NAMED || self.named.contains_key(&client) {
            *self.named.entry(client).or_default() += attempts;
        }
    }

    fn add(&mut self, earlier: Self) {
        self.since = earlier.since.or(self.since);
        self.attempts += earlier.attempts;
        for (client, attempts) in earlier.named {
            self.name(client, attempts);
        }
    }

    fn event(&self, since: Timestamp) -> Event {
        let named: u64 = self.named.values().sum();
        Event::builder(audit_read())
            .actor(Principal::system(env!("CARGO_PKG_NAME")))
            .outcome(Outcome::Denied)
            .reason("rate_limited")
            .severity(Severity::Medium)
            .message("attempts that have no record of their own")
            .detail("attempts", self.attempts)
            .detail("since", since)
            .detail("by_address", &self.named)
            .detail("by_others", self.attempts - named)
            .build()
    }
}

/// Stands outside of what is recorded, and lets pass what is to be.
pub(crate) async fn turned_away(
    State(strangers): State<Arc<Strangers>>,
    request: Request,
    next: Next,
) -> Response {
    match strangers.look_at(&request) {
        Visit::Elsewhere => {}
        // Whoever may look sees all that there is.
        Visit::OfAdmin => strangers.tell().await,
        Visit::TooMuch(denied) => {
            let detail = "too many have asked for the audit log who may not read it";
            return ApiProblem::too_often(detail, denied.retry_after()).into_response();
        }
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_addresses_some_are_named_and_all_are_counted() {
        let mut unrecorded = Unrecorded::default();
        let address = |last: u8| IpAddr::from([192, 0, 2, last]);
        for last in 0..=99 {
            unrecorded.count(Some(address(last)));
            unrecorded.count(Some(address(0)));
        }
        unrecorded.count(None);
        assert_eq!((unrecorded.attempts, unrecorded.named.len()), (201, MOST_NAMED));
        assert_eq!(unrecorded.named[&address(0)], 101);
    }

    #[test]
    fn what_could_not_be_recorded_is_counted_with_what_came_since() {
        let (mut earlier, mut since) = (Unrecorded::default(), Unrecorded::default());
        let address = IpAddr::from([192, 0, 2, 1]);
        earlier.count(Some(address));
        since.count(Some(address));
        since.count(None);
        let began = earlier.since;
        since.add(earlier);
        assert_eq!((since.since, since.attempts, since.named[&address]), (began, 3, 2));
    }
}
