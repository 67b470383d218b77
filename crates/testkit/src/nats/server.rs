use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::line::Line;
use crate::folder::Folder;
use crate::patience::PATIENCE;
use crate::program::{Program, find};
use crate::server::Server;

/// A NATS server of a test's own, with JetStream and without accounts or passwords.
///
/// What JetStream acknowledged into a stream of files survives [`kill`](Self::kill): the system has it by then. It need
/// not survive the machine, because the server brings it to the disk every two minutes. Later servers have a setting
/// against that, `sync_interval: always`; with it 2.9.10, which is Debian's, refuses to start.
#[derive(Debug)]
pub struct NatsServer(Server<Nats>);

impl NatsServer {
    /// Starts a server and waits until it answers.
    ///
    /// # Panics
    ///
    /// If the program `nats-server` is missing, or the server does not come up.
    pub fn start() -> Self {
        Self(Server::start(Folder::new("nats"), || Nats))
    }

    /// The port it listens on, of the loopback address.
    pub fn port(&self) -> u16 {
        self.0.port()
    }

    /// The folder of its data, gone with the server.
    pub fn folder(&self) -> &Path {
        self.0.folder()
    }

    /// Its address, as clients want it.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port())
    }

    /// Publishes a message and returns the body of the answer: of a stream that stored it, or of JetStream itself to
    /// what is sent to `$JS.API.>`. Empty where nobody listens.
    ///
    /// # Panics
    ///
    /// If the server does not answer.
    pub fn ask(&self, subject: &str, body: &str) -> String {
        let reply = Line::open(self.port(), PATIENCE).and_then(|mut line| line.ask(subject, body));
        reply.unwrap_or_else(|error| panic!("{subject}: {error}\n{}", self.0.read_log()))
    }

    /// Kills the server without a warning (SIGKILL), and waits until it is gone.
    pub fn kill(&mut self) {
        self.0.kill();
    }

    /// Starts a killed server again, with its streams and on the same port; kills it before if it runs.
    ///
    /// # Panics
    ///
    /// If it does not come up.
    pub fn restart(&mut self) {
        self.0.restart();
    }

    /// Stops the server (SIGSTOP): connections stay, and nothing is answered until [`resume`](Self::resume).
    ///
    /// # Panics
    ///
    /// If it does not run.
    pub fn pause(&self) {
        self.0.pause();
    }

    /// Lets a paused server go on (SIGCONT), and waits until it answers.
    ///
    /// # Panics
    ///
    /// If it does not run.
    pub fn resume(&self) {
        self.0.resume();
    }
}

#[derive(Debug)]
struct Nats;

impl Program for Nats {
    const READY: &'static str = "Server is ready";

    fn path(&self) -> PathBuf {
        find("nats-server")
    }

    fn arguments(&self, port: u16, folder: &Folder) -> Vec<String> {
        let (port, folder) = (port.to_string(), folder.path().display().to_string());
        ["--addr", "127.0.0.1", "--port", &port, "--jetstream", "--store_dir", &folder]
            .map(str::to_owned)
            .to_vec()
    }

    fn greet(&self, port: u16, patience: Duration) -> io::Result<()> {
        Line::open(port, patience).map(drop)
    }
}
