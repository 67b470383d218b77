use std::fmt;
use std::time::Duration;

use buttress_core::{Checks, ConfigError};
use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use tokio_postgres::config::SslMode;
use tokio_postgres::{Config, NoTls};

use crate::PostgresStore;
use crate::link::Link;
use crate::schema::Schema;
use crate::server::Server;

const LAYER: &str = "postgres";
const FORM: &str = "postgres://user[:password]@host[:port]/database, or key=value words";
const TLS: &str = "without TLS, which takes a pool with a connector of yours";
const SHORTEST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_secs(60);
const A_DAY: Duration = Duration::from_secs(86_400);
const MOST_CONNECTIONS: usize = 10_000;
const LARGEST_BATCH: u32 = 100_000;
/// A transaction that does nothing for so long belongs to nobody any more, and its locks with it.
const LONGEST_IDLE: Duration = Duration::from_secs(60);

/// Where the records are: an address, a configuration of the driver, or a pool that the program has already.
#[derive(Clone)]
pub struct Database(Source);

#[derive(Clone)]
enum Source {
    Url(String),
    Config(Box<Config>),
    Pool(Pool),
}

/// The settings of a [`PostgresStore`]; see the [options](crate#options).
#[must_use]
#[derive(Clone, Debug)]
pub struct PostgresStoreBuilder {
    database: Database,
    schema: String,
    connections: usize,
    call_timeout: Duration,
    statement_timeout: Duration,
    lock_timeout: Duration,
    has_session_settings: bool,
    prune_every: Duration,
    prune_batch: u32,
}

impl PostgresStoreBuilder {
    pub(crate) fn new(database: Database) -> Self {
        Self {
            database,
            schema: Schema::DEFAULT.to_owned(),
            connections: 8,
            call_timeout: Duration::from_secs(1),
            statement_timeout: Duration::from_secs(5),
            lock_timeout: Duration::from_millis(500),
            has_session_settings: true,
            prune_every: Duration::from_secs(60),
            prune_batch: 1_000,
        }
    }

    /// The schema that holds all tables and functions; each is a store of its own. Default: `buttress`. 1 to 63 of
    /// `a-z`, `0-9` and `_`.
    pub fn schema(self, name: impl Into<String>) -> Self {
        Self { schema: name.into(), ..self }
    }

    /// How many connections there may be. Default: 8. Not for a pool that was handed over.
    pub fn connections(self, number: usize) -> Self {
        Self { connections: number, ..self }
    }

    /// How long a call may take, waiting for a connection and making one included. Default: 1 s. 10 ms to 60 s.
    pub fn call_timeout(self, limit: Duration) -> Self {
        Self { call_timeout: limit, ..self }
    }

    /// How long the server may work on a statement, also on one of a handler in a transaction of this store. Default:
    /// 5 s. 10 ms to 1 day. Not for a pool that was handed over.
    pub fn statement_timeout(self, limit: Duration) -> Self {
        Self { statement_timeout: limit, ..self }
    }

    /// How long the server may wait for a lock. Default: 500 ms. 10 ms to 1 day. Not for a pool that was handed over.
    pub fn lock_timeout(self, limit: Duration) -> Self {
        Self { lock_timeout: limit, ..self }
    }

    /// Sends no settings when it connects: for poolers such as `PgBouncer`, which take none that they do not know.
    ///
    /// Give them to the role then: `alter role .. set lock_timeout = '500ms'`, and likewise `statement_timeout` and
    /// `idle_in_transaction_session_timeout`.
    pub fn without_session_settings(self) -> Self {
        Self { has_session_settings: false, ..self }
    }

    /// How often a [pruner](PostgresStore::start_pruner) looks for expired records when it has caught up. Default: 60 s.
    /// 10 ms to 1 day.
    pub fn prune_every(self, pause: Duration) -> Self {
        Self { prune_every: pause, ..self }
    }

    /// How many records are removed at once. Default: 1,000. 1 to 100,000.
    pub fn prune_batch(self, records: u32) -> Self {
        Self { prune_batch: records, ..self }
    }

    /// The store. Nothing is connected yet, so that a program can start while its database is down;
    /// [`PostgresStore::check`] asks whether all is well.
    ///
    /// # Errors
    ///
    /// Every setting that cannot be used.
    pub fn build(self) -> Result<PostgresStore, ConfigError> {
        let mut checks = Checks::of(LAYER);
        self.check(&mut checks);
        let pool = self.pool(&mut checks);
        let schema = Schema::new(&self.schema);
        let call_timeout = self.call_timeout;
        let link = pool.zip(schema);
        let link = link.map(|((pool, server), schema)| Link { pool, server, schema, call_timeout });
        let store = link.map(|link| PostgresStore::new(link, self.prune_every, self.prune_batch));
        checks.finish_with(store)
    }

    fn check(&self, checks: &mut Checks) {
        let is_name = Schema::new(&self.schema).is_some();
        checks.require(is_name, "schema", format_args!("{:?}", self.schema), Schema::ALLOWED);
        let fits = (1..=MOST_CONNECTIONS).contains(&self.connections);
        checks.require(fits, "connections", self.connections, "1 to 10,000");
        for (name, time, longest, allowed) in [
            ("call_timeout", self.call_timeout, LONGEST, "10 ms to 60 s"),
            ("statement_timeout", self.statement_timeout, A_DAY, "10 ms to 1 day"),
            ("lock_timeout", self.lock_timeout, A_DAY, "10 ms to 1 day"),
            ("prune_every", self.prune_every, A_DAY, "10 ms to 1 day"),
        ] {
            let fits = (SHORTEST..=longest).contains(&time);
            checks.require(fits, name, format_args!("{time:?}"), allowed);
        }
        let fits = (1..=LARGEST_BATCH).contains(&self.prune_batch);
        checks.require(fits, "prune_batch", self.prune_batch, "1 to 100,000");
    }

    fn pool(&self, checks: &mut Checks) -> Option<(Pool, Server)> {
        let config = match &self.database.0 {
            Source::Pool(pool) => return Some((pool.clone(), Server::UNNAMED)),
            Source::Config(config) => Some((**config).clone()),
            Source::Url(url) => url.parse().ok(),
        };
        // The text may hold a password anywhere if it cannot be read, so it is never shown.
        checks.require(config.is_some(), "database", "an address that cannot be read", FORM);
        let mut config = config?;
        let needs_tls = config.get_ssl_mode() == SslMode::Require;
        checks.require(!needs_tls, "database", "an address with sslmode=require", TLS);
        self.prepare(&mut config);
        let server = Server::of(&config);
        let settings = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(config, NoTls, settings);
        let builder = Pool::builder(manager).max_size(self.connections.max(1)).runtime(Runtime::Tokio1);
        let pool = builder.build();
        checks.require(pool.is_ok(), "connections", self.connections, "what a pool can be made of");
        Some((pool.ok()?, server))
    }

    fn prepare(&self, config: &mut Config) {
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(self.call_timeout);
        }
        if config.get_application_name().is_none() {
            config.application_name("buttress");
        }
        if self.has_session_settings {
            // What the address says comes last and so counts.
            let options = format!("{} {}", self.session_settings(), config.get_options().unwrap_or_default());
            config.options(options);
        }
    }

    fn session_settings(&self) -> String {
        let statement = self.statement_timeout.as_millis();
        let lock = self.lock_timeout.as_millis();
        let idle = LONGEST_IDLE.as_millis();
        format!(
            "-c statement_timeout={statement} -c lock_timeout={lock} \
             -c idle_in_transaction_session_timeout={idle} -c default_transaction_isolation=read\\ committed"
        )
    }
}

impl From<&str> for Database {
    fn from(url: &str) -> Self {
        Self(Source::Url(url.to_owned()))
    }
}

impl From<String> for Database {
    fn from(url: String) -> Self {
        Self(Source::Url(url))
    }
}

impl From<Config> for Database {
    fn from(config: Config) -> Self {
        Self(Source::Config(Box::new(config)))
    }
}

impl From<Pool> for Database {
    fn from(pool: Pool) -> Self {
        Self(Source::Pool(pool))
    }
}

/// Never shows an address, which may hold a password.
impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Source::Url(_) => "Database(url)",
            Source::Config(_) => "Database(config)",
            Source::Pool(_) => "Database(pool)",
        })
    }
}
