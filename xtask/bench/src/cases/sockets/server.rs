//! The servers that are asked, each in a process of its own: this program, run again with `--serve`.

use std::env;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, MatchedPath};
use axum::routing::post;
use axum::serve::ListenerExt;
use buttress::Inbound;
use buttress_audit::log::{AuditLog, Policy, Then, WhenFull};
use buttress_audit::{AuditBuilder, AuditLayer, Category, Durability};
use buttress_core::ConfigError;
use buttress_http::ClientAddrResolver;
use buttress_idempotency::{IdempotencyBuilder, MemoryStore};
use buttress_rate_limit::{Policy as Limit, Quota, key};
use buttress_telemetry::{LogFormat, Logs, LogsGuard, RequestLogLayer};
use http::StatusCode;
use tokio::net::TcpListener;
use tokio::task::spawn_blocking;

use crate::Failure;
use crate::cases::load::processor_time;
use crate::cases::stores::{Folder, runtime};

/// What stands around the handler.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Around {
    Nothing,
    LogLine,
    AuditWritten,
    AuditSynced,
    Everything,
}

impl Around {
    const ALL: [(Self, &str); 5] = [
        (Self::Nothing, "nothing"),
        (Self::LogLine, "log-line"),
        (Self::AuditWritten, "audit-written"),
        (Self::AuditSynced, "audit-synced"),
        (Self::Everything, "everything"),
    ];

    fn word(self) -> &'static str {
        Self::ALL.iter().find(|(around, _)| *around == self).map_or("", |(_, word)| word)
    }

    fn logs(self) -> bool {
        matches!(self, Self::LogLine | Self::Everything)
    }

    /// What a receipt promises, if there is an audit log.
    fn durability(self) -> Option<Durability> {
        match self {
            Self::AuditWritten | Self::Everything => Some(Durability::Written),
            Self::AuditSynced => Some(Durability::Synced),
            Self::Nothing | Self::LogLine => None,
        }
    }
}

/// One that runs, and ends when this is dropped.
pub(super) struct Server {
    around: Around,
    process: Child,
    output: BufReader<ChildStdout>,
    pub(super) address: String,
}

impl Server {
    pub(super) fn start(around: Around) -> Result<Self, Failure> {
        let mut command = Command::new(env::current_exe()?);
        command.args(["--serve", around.word()]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn()?;
        let output = process.stdout.take().ok_or("the output of a server is not there")?;
        let mut server = Self { around, process, output: BufReader::new(output), address: String::new() };
        server.address = server.line()?;
        Ok(server)
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Ok(line.trim().to_owned())
    }

    /// In seconds.
    pub(super) fn processor_time(&self) -> Result<f64, Failure> {
        processor_time(self.process.id())
    }

    /// Ends it, and fails if it has not recorded each of so many answers.
    pub(super) fn end(mut self, answers: u64) -> Result<(), Failure> {
        // It stops when its input ends.
        drop(self.process.stdin.take());
        let told = self.line()?;
        let expected = [self.around.durability().is_some(), self.around.logs()]
            .map(|is_due| if is_due { answers } else { 0 });
        if told != format!("{} {}", expected[0], expected[1]) {
            return Err(format!("{answers} answers, and {told:?} records and lines").into());
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already if this fails.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Serves until the input ends. The first line of output is the address, the second says what was kept of the answers:
/// records in the audit log, and lines in the log.
pub(crate) fn serve(around: &str) -> Result<(), Failure> {
    let found = Around::ALL.iter().find(|(_, word)| *word == around);
    let (around, _) = found.ok_or_else(|| format!("no server is called `{around}`"))?;
    runtime()?.block_on(run(*around))
}

async fn run(around: Around) -> Result<(), Failure> {
    let folder = Folder::new()?;
    let lines = around.logs().then(|| log(&folder)).transpose()?;
    if lines.is_none() {
        crate::without_lines();
    }
    let records = around.durability().map(|durability| audit(&folder, durability)).transpose()?;
    let router = Router::new().route("/", post(nothing).get(nothing));
    let router = surrounded(router, around, records.as_ref())?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("{}", listener.local_addr()?);
    let listener = listener.tap_io(|stream| {
        // Every answer is written at once, so it would hardly be missed.
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(input_ends())
        .await?;
    let records = match records {
        Some(log) => log.close().await.counts(Category::Data).acknowledged,
        None => 0,
    };
    println!("{records} {}", lines.map_or(0, |lines| written(&lines)));
    Ok(())
}

async fn nothing() -> StatusCode {
    StatusCode::NO_CONTENT
}

fn surrounded(router: Router, around: Around, records: Option<&AuditLog>) -> Result<Router, ConfigError> {
    let clients = ClientAddrResolver::builder()
        .peer_from(|extensions| extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0))
        .build()?;
    let lines = RequestLogLayer::new().route_with(|of| of.get().map(MatchedPath::as_str));
    let told = |audit: AuditBuilder<AuditLog>| {
        let route = |head: &http::request::Parts| {
            head.extensions.get::<MatchedPath>().map(|route| route.as_str().into())
        };
        audit.client_addr(clients.clone()).route_with(route)
    };
    Ok(match (around, records) {
        (Around::LogLine, _) => router.layer(lines),
        (Around::Everything, Some(records)) => {
            // More than this machine can answer.
            let limit = Limit::named("address").key(key::client_addr()).quota(Quota::per_second(1_000_000));
            let inbound = Inbound::builder()
                .telemetry(lines)
                .audit(records.clone(), told)
                .rate_limit(|layer| layer.client_addr(clients.clone()).policy(limit))
                .idempotency(MemoryStore::default(), IdempotencyBuilder::one_scope_for_all)
                .bulkhead(|layer| layer.max_concurrent(512));
            router.layer(inbound.build()?)
        }
        (_, Some(records)) => router.layer(told(AuditLayer::inbound(records.clone())).build()?),
        (_, None) => router,
    })
}

fn audit(folder: &Folder, durability: Durability) -> Result<AuditLog, Failure> {
    let patient = WhenFull::Block { limit: Duration::from_secs(10), then: Then::FailRequest };
    let builder = AuditLog::builder(folder.0.join("audit"));
    Ok(builder.policy(Category::Data, Policy::new(durability, patient)).open()?)
}

fn log(folder: &Folder) -> Result<LogsGuard, Failure> {
    let file = File::create(folder.0.join("log"))?;
    Ok(Logs::builder().format(LogFormat::Json).service_name("bench").to_writer(file).init()?)
}

/// Without those that were dropped because the file is too slow.
fn written(lines: &LogsGuard) -> u64 {
    lines.flush(Duration::from_secs(10));
    lines.counts().written
}

async fn input_ends() {
    let _ = spawn_blocking(|| io::stdin().read_to_end(&mut Vec::new())).await;
}
