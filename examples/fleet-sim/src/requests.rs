//! The most recent requests of one upstream.

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroUsize;
use std::time::SystemTime;

use axum::http::{HeaderMap, Method, StatusCode, Uri};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::clock::rfc3339;

const SECRET_HEADERS: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

/// One request as the upstream saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SeenRequest {
    /// Counts the requests of this upstream from 1; clearing the log does not start over.
    pub seq: u64,
    /// When its headers arrived, RFC 3339 with milliseconds.
    pub time: String,
    /// The method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The headers by lower-case name; repeated ones are joined with a comma, secret ones read `[redacted]`.
    pub headers: BTreeMap<String, String>,
    /// The status, once there is one.
    pub status: Option<u16>,
    /// How it ended.
    pub outcome: Outcome,
}

impl SeenRequest {
    /// The value of a header, by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It has not ended.
    Pending,
    /// The headers of an answer were handed to the connection; a slow body may still follow.
    Answered,
    /// An outage reset its connection.
    Reset,
    /// The client left, or the server stopped, before there was an answer.
    Abandoned,
}

/// A bounded ring of requests that tells its readers when something changed.
#[derive(Debug)]
pub(crate) struct RequestLog {
    ring: watch::Sender<Ring>,
}

impl RequestLog {
    pub(crate) fn with_capacity(capacity: NonZeroUsize) -> Self {
        Self {
            ring: watch::Sender::new(Ring { capacity, next_seq: 1, since_clear: 0, kept: VecDeque::new() }),
        }
    }

    /// Notes a request; the ticket says later how it ended.
    pub(crate) fn arrived(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Arrival<'_> {
        let mut request = SeenRequest {
            seq: 0,
            time: rfc3339(SystemTime::now()),
            method: method.to_string(),
            path: uri.path_and_query().map_or_else(|| uri.path().to_owned(), ToString::to_string),
            headers: readable(headers),
            status: None,
            outcome: Outcome::Pending,
        };
        let mut seq = 0;
        self.ring.send_modify(|ring| {
            seq = ring.next_seq;
            request.seq = seq;
            ring.push(request);
        });
        Arrival { log: self, seq, status: None, outcome: Outcome::Abandoned }
    }

    pub(crate) fn all(&self) -> Vec<SeenRequest> {
        self.ring.borrow().kept.iter().cloned().collect()
    }

    pub(crate) fn clear(&self) {
        self.ring.send_modify(Ring::clear);
    }

    pub(crate) async fn wait_for(&self, count: u64) -> Vec<SeenRequest> {
        self.wait(|ring| ring.since_clear >= count).await
    }

    pub(crate) async fn wait_until(
        &self,
        mut holds: impl FnMut(&VecDeque<SeenRequest>) -> bool,
    ) -> Vec<SeenRequest> {
        self.wait(|ring| holds(&ring.kept)).await
    }

    async fn wait(&self, holds: impl FnMut(&Ring) -> bool) -> Vec<SeenRequest> {
        let mut ring = self.ring.subscribe();
        // An error would mean that the sender is gone, and `self` holds it.
        let _ = ring.wait_for(holds).await;
        self.all()
    }
}

#[derive(Debug)]
struct Ring {
    capacity: NonZeroUsize,
    next_seq: u64,
    since_clear: u64,
    kept: VecDeque<SeenRequest>,
}

impl Ring {
    fn push(&mut self, request: SeenRequest) {
        if self.kept.len() == self.capacity.get() {
            self.kept.pop_front();
        }
        self.kept.push_back(request);
        self.next_seq += 1;
        self.since_clear += 1;
    }

    fn clear(&mut self) {
        self.kept.clear();
        self.since_clear = 0;
    }

    /// The entry, unless it was cleared or pushed out; the numbers in the ring have no gaps.
    fn entry(&mut self, seq: u64) -> Option<&mut SeenRequest> {
        let first = self.kept.front()?.seq;
        self.kept.get_mut(usize::try_from(seq.checked_sub(first)?).ok()?)
    }
}

/// The receipt of one request: dropped without a word, the request was abandoned.
#[derive(Debug)]
pub(crate) struct Arrival<'a> {
    log: &'a RequestLog,
    seq: u64,
    status: Option<u16>,
    outcome: Outcome,
}

impl Arrival<'_> {
    pub(crate) fn answered(mut self, status: StatusCode) {
        self.status = Some(status.as_u16());
        self.outcome = Outcome::Answered;
    }

    pub(crate) fn reset(mut self) {
        self.outcome = Outcome::Reset;
    }
}

impl Drop for Arrival<'_> {
    fn drop(&mut self) {
        self.log.ring.send_modify(|ring| {
            if let Some(request) = ring.entry(self.seq) {
                request.status = self.status;
                request.outcome = self.outcome;
            }
        });
    }
}

fn readable(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut readable = BTreeMap::<String, String>::new();
    for (name, value) in headers {
        let name = name.as_str();
        let value = if SECRET_HEADERS.contains(&name) {
            "[redacted]".into()
        } else {
            String::from_utf8_lossy(value.as_bytes())
        };
        readable
            .entry(name.to_owned())
            .and_modify(|earlier| {
                earlier.push_str(", ");
                earlier.push_str(&value);
            })
            .or_insert_with(|| value.to_string());
    }
    readable
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(capacity: usize) -> RequestLog {
        RequestLog::with_capacity(NonZeroUsize::new(capacity).unwrap())
    }

    fn arrive<'a>(log: &'a RequestLog, path: &'static str) -> Arrival<'a> {
        log.arrived(&Method::GET, &Uri::from_static(path), &HeaderMap::new())
    }

    #[test]
    fn the_ring_keeps_the_latest_and_numbers_go_on() {
        let log = log(2);
        for path in ["/a", "/b", "/c"] {
            arrive(&log, path).answered(StatusCode::OK);
        }
        let kept: Vec<_> = log.all().into_iter().map(|request| (request.seq, request.path)).collect();
        assert_eq!(kept, [(2, "/b".to_owned()), (3, "/c".to_owned())]);
        log.clear();
        arrive(&log, "/d").answered(StatusCode::OK);
        assert_eq!(log.all()[0].seq, 4);
    }

    #[test]
    fn a_ticket_outlives_its_entry_without_touching_another() {
        let log = log(1);
        let pushed_out = arrive(&log, "/old");
        let cleared = arrive(&log, "/cleared");
        pushed_out.answered(StatusCode::IM_A_TEAPOT);
        assert_eq!(log.all()[0].outcome, Outcome::Pending);
        log.clear();
        cleared.reset();
        assert_eq!(log.all(), []);
    }

    #[test]
    fn a_dropped_ticket_means_abandoned() {
        let log = log(3);
        drop(arrive(&log, "/left"));
        arrive(&log, "/reset").reset();
        arrive(&log, "/answered").answered(StatusCode::CREATED);
        let ends: Vec<_> = log.all().into_iter().map(|request| (request.outcome, request.status)).collect();
        let expected = [(Outcome::Abandoned, None), (Outcome::Reset, None), (Outcome::Answered, Some(201))];
        assert_eq!(ends, expected);
    }

    #[test]
    fn secrets_are_redacted_and_repeated_headers_joined() {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", "Bearer abc".parse().unwrap());
        headers.append("x-tag", "one".parse().unwrap());
        headers.append("x-tag", "two".parse().unwrap());
        let readable = readable(&headers);
        assert_eq!(readable["authorization"], "[redacted]");
        assert_eq!(readable["x-tag"], "one, two");
    }
}
