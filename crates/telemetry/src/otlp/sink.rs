use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use buttress_audit::log::OwnedLine;
use buttress_audit::sink::{Sink, SinkError};
use buttress_core::WallClock;
use buttress_redact::Redactor;
use http::{HeaderMap, header};
use reqwest::{Client, Response, Url};
use tracing::warn;

use super::OtlpSinkBuilder;
use super::answer::{Verdict, verdict};
use super::record::{Attribute, Masked, export};

/// The most of an answer that is read.
const LONGEST_ANSWER: usize = 64 * 1024;

/// A collector of OpenTelemetry as a copy of the log; see the [module](crate::otlp).
pub struct OtlpSink {
    pub(super) name: String,
    pub(super) endpoint: Url,
    pub(super) client: Client,
    pub(super) headers: HeaderMap,
    pub(super) resource: Vec<Attribute<'static>>,
    pub(super) redactor: Redactor,
    pub(super) call_timeout: Duration,
    pub(super) clock: WallClock,
    pub(super) rejected: Rejected,
}

/// How many records a collector has refused for good. They are in the log, and not in the collector.
#[derive(Clone, Debug, Default)]
pub struct Rejected(Arc<AtomicU64>);

impl Rejected {
    /// Their number since the start.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl OtlpSink {
    /// Begins to set up a sink for a collector at this address.
    pub fn builder(endpoint: impl Into<String>) -> OtlpSinkBuilder {
        OtlpSinkBuilder::new(endpoint.into())
    }

    /// The count of what the collector refuses for good, to keep when the sink goes into its feeder.
    pub fn rejected(&self) -> Rejected {
        self.rejected.clone()
    }

    fn body(&self, batch: &[OwnedLine]) -> Result<Vec<u8>, SinkError> {
        let now = self.clock.now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let now = now.as_nanos().to_string();
        let batch: Vec<_> = batch.iter().map(|line| Masked::new(line, &self.redactor)).collect();
        serde_json::to_vec(&export(&self.resource, &batch, &now)).map_err(SinkError::unfit)
    }

    async fn send(&self, body: Vec<u8>) -> Result<Verdict, SinkError> {
        let request = self.client.post(self.endpoint.clone()).headers(self.headers.clone());
        let request = request.header(header::CONTENT_TYPE, "application/json").timeout(self.call_timeout);
        // The address may hold a password.
        let failed = |error: reqwest::Error| SinkError::retry(NoAnswer(error.without_url()));
        let mut response = request.body(body).send().await.map_err(failed)?;
        let said = beginning(&mut response).await.map_err(failed)?;
        Ok(verdict(response.status(), response.headers(), &said, self.clock.now()))
    }

    fn count_rejected(&self, records: u64) {
        if records > 0 && self.rejected.0.fetch_add(records, Ordering::Relaxed) == 0 {
            warn!(
                sink = self.name,
                records, "a collector refuses audit records; they are counted from here on"
            );
        }
    }
}

impl Sink for OtlpSink {
    fn name(&self) -> &str {
        &self.name
    }

    async fn deliver(&mut self, batch: &[OwnedLine]) -> Result<(), SinkError> {
        match self.send(self.body(batch)?).await? {
            Verdict::Taken { rejected } => self.count_rejected(rejected),
            Verdict::Refused if batch.len() == 1 => self.count_rejected(1),
            Verdict::Refused => return Err(SinkError::retry("the collector refused a batch as a whole")),
            Verdict::Failed(error) => return Err(error),
        }
        Ok(())
    }
}

/// As much of an answer as is read.
async fn beginning(response: &mut Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut said = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = LONGEST_ANSWER - said.len();
        said.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        if said.len() == LONGEST_ANSWER {
            break;
        }
    }
    Ok(said)
}

/// That the collector did not answer; the cause says why.
#[derive(Debug)]
struct NoAnswer(reqwest::Error);

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no answer from the collector")
    }
}

impl Error for NoAnswer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

/// Shows neither the address nor headers, which may hold a password.
impl fmt::Debug for OtlpSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, rejected, .. } = self;
        f.debug_struct("OtlpSink")
            .field("name", name)
            .field("rejected", &rejected.count())
            .finish_non_exhaustive()
    }
}
