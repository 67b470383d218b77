use std::fmt;

use buttress_audit::log::{ChainId, OwnedLine};
use buttress_audit::sink::{Seen, Sink, SinkError};

use crate::NatsSinkBuilder;
use crate::error::Complaint;
use crate::session::{Session, Settings};

/// A stream of JetStream as a copy of the log; see the [crate](crate).
pub struct NatsSink {
    name: String,
    settings: Settings,
    session: Option<Session>,
}

impl NatsSink {
    /// Begins to set up a sink for the JetStream of these servers: one address, or several of one cluster with commas
    /// between them.
    pub fn builder(servers: impl Into<String>) -> NatsSinkBuilder {
        NatsSinkBuilder::new(servers.into())
    }

    pub(crate) const fn new(name: String, settings: Settings) -> Self {
        Self { name, settings, session: None }
    }
}

impl Sink for NatsSink {
    fn name(&self) -> &str {
        &self.name
    }

    async fn seen(&mut self, chain: ChainId) -> Result<Seen, SinkError> {
        self.session = None;
        let (session, seen) = Session::open(&self.settings, chain).await?;
        self.session = Some(session);
        Ok(seen)
    }

    async fn deliver(&mut self, batch: &[OwnedLine]) -> Result<(), SinkError> {
        // Taken out, so that it is gone if this fails or is dropped.
        let mut session = self.session.take().ok_or(Complaint::NotConnected)?;
        session.send(batch).await?;
        self.session = Some(session);
        Ok(())
    }
}

/// Shows no address, which may hold a password.
impl fmt::Debug for NatsSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsSink")
            .field("name", &self.name)
            .field("is_connected", &self.session.is_some())
            .finish_non_exhaustive()
    }
}
