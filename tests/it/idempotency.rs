//! Requests with a key over real sockets, with each store.

mod crashes;
mod duplicates;
mod faults;
mod foreign;
mod outages;

use buttress_testkit::postgres::PostgresServer;
use buttress_testkit::redis::RedisServer;
use control_plane::{ControlPlane, RecordsIn, Secret};
use tempfile::TempDir;

use crate::process::folder;
use crate::world::{Answer, World, no_retry};

/// Where the records of a test are.
enum Place {
    Memory,
    Folder(TempDir),
    Redis(RedisServer),
    Postgres(PostgresServer),
}

impl Place {
    fn folder() -> Self {
        Self::Folder(folder())
    }

    fn redis() -> Self {
        Self::Redis(RedisServer::start())
    }

    fn postgres() -> Self {
        Self::Postgres(PostgresServer::start_careless())
    }

    fn records(&self) -> RecordsIn {
        match self {
            Self::Memory => RecordsIn::Memory,
            Self::Folder(folder) => RecordsIn::Folder(folder.path().join("records")),
            Self::Redis(server) => RecordsIn::Redis(Secret::new(server.url())),
            Self::Postgres(server) => RecordsIn::Postgres(Secret::new(server.url())),
        }
    }

    async fn world(&self) -> World {
        World::with(self.control_plane()).await
    }

    /// Attempts at upstreams that hang are given up when the test says so, and not by a timeout.
    fn control_plane(&self) -> ControlPlane {
        ControlPlane::builder().resilience(no_retry()).records(self.records())
    }
}

/// How often something happened to requests with keys.
async fn count(world: &World, event: &str) -> u64 {
    let counts = world.get("/api/v1/health/idempotency").await.json();
    counts["totals"][event].as_u64().unwrap_or_default()
}

fn is_replay(answer: &Answer) -> bool {
    answer.header("idempotent-replayed") == Some("true")
}
