//! A Redis server for one experiment.

use std::io::{self, BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use buttress_core::ConfigError;
use buttress_redis::RedisStore;

const PROGRAM: &str = "redis-server";
const LOOKS: u32 = 200;
const BETWEEN_LOOKS: Duration = Duration::from_millis(25);

/// A server of this process's own, on the loopback address; it keeps nothing and ends when this is dropped.
pub(super) struct Server {
    process: Child,
    port: u16,
}

impl Server {
    pub(super) fn start() -> io::Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let mut command = Command::new(PROGRAM);
        command.args([
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
        ]);
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        Ok(Self { process, port })
    }

    /// Connects as soon as it answers.
    pub(super) async fn connect(&self) -> Result<RedisStore, ConfigError> {
        self.answering(RedisStore::connect).await
    }

    /// Tries to connect until it answers.
    pub(super) async fn answering<T>(
        &self,
        connect: impl AsyncFn(String) -> Result<T, ConfigError>,
    ) -> Result<T, ConfigError> {
        let url = format!("redis://127.0.0.1:{}", self.port);
        for _ in 1..LOOKS {
            if let Ok(store) = connect(url.clone()).await {
                return Ok(store);
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        connect(url).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already if this fails.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A PostgreSQL of this process's own, by the program that the tests start theirs with; it ends when this is dropped.
pub(super) struct Postgres {
    process: Child,
    pub(super) url: String,
}

impl Postgres {
    pub(super) fn start() -> io::Result<Self> {
        let project = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml");
        let mut command = Command::new("cargo");
        command.args(["run", "--quiet", "--manifest-path", project]);
        command.args(["--package", "buttress-testkit", "--example", "private-postgres"]);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut url = String::new();
        if let Some(output) = process.stdout.take() {
            BufReader::new(output).read_line(&mut url)?;
        }
        Ok(Self { process, url: url.trim().to_owned() })
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Its input ends, and so does it.
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

pub(super) fn is_installed() -> bool {
    let version = Command::new(PROGRAM).arg("--version").stdout(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}
