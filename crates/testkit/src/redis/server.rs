use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::line::Line;
use crate::folder::Folder;
use crate::patience::PATIENCE;
use crate::program::{Program, find};
use crate::server::{Server, free_port};

/// A Redis server of a test's own.
///
/// It writes what it changes to its folder before it answers, so that a kill loses nothing.
#[derive(Debug)]
pub struct RedisServer(Server<Redis>);

impl RedisServer {
    /// Starts a server and waits until it answers.
    ///
    /// # Panics
    ///
    /// If the program `redis-server` is missing, or the server does not come up.
    pub fn start() -> Self {
        Self(Server::start(Folder::new("redis"), || Redis { bus: None }))
    }

    /// Starts a server that can be joined to a cluster.
    pub(super) fn start_node() -> Self {
        Self(Server::start(Folder::new("redis"), || Redis { bus: Some(free_port()) }))
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
        format!("redis://127.0.0.1:{}", self.port())
    }

    /// Sends a command and returns the reply as text, errors without their leading `-`; of a list, a line for each item.
    ///
    /// # Panics
    ///
    /// If the server does not answer.
    pub fn ask(&self, words: &[&str]) -> String {
        let reply = Line::open(self.port(), PATIENCE).and_then(|mut line| line.ask(words));
        reply.unwrap_or_else(|error| panic!("{words:?}: {error}\n{}", self.0.read_log()))
    }

    /// Kills the server without a warning (SIGKILL), and waits until it is gone. What it had answered is not lost.
    pub fn kill(&mut self) {
        self.0.kill();
    }

    /// Starts a killed server again, with its data and on the same port; kills it before if it runs.
    ///
    /// # Panics
    ///
    /// If it does not come up.
    pub fn restart(&mut self) {
        self.0.restart();
    }

    /// Starts a killed server again without its data, like a replica that was promoted before anything reached it.
    ///
    /// # Panics
    ///
    /// If it does not come up.
    pub fn restart_empty(&mut self) {
        self.0.restart_empty();
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
struct Redis {
    /// Where it talks to the other servers of its cluster.
    bus: Option<u16>,
}

impl Program for Redis {
    const READY: &'static str = "Ready to accept connections";

    fn path(&self) -> PathBuf {
        find("redis-server")
    }

    fn arguments(&self, port: u16, folder: &Folder) -> Vec<String> {
        let (port, folder) = (port.to_string(), folder.path().display().to_string());
        let mut words = vec!["--port", &port, "--bind", "127.0.0.1", "--dir", &folder];
        words.extend(["--save", "", "--appendonly", "yes", "--appendfsync", "no"]);
        let bus = self.bus.map(|bus| bus.to_string());
        if let Some(bus) = &bus {
            words.extend(["--cluster-enabled", "yes", "--cluster-port", bus]);
        }
        words.into_iter().map(str::to_owned).collect()
    }

    fn greet(&self, port: u16, patience: Duration) -> io::Result<()> {
        Line::open(port, patience)?.ask(&["PING"]).map(drop)
    }
}
