use std::fmt::Write as _;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use super::folder::Folder;
use super::leash::Leash;
use super::line::Line;

const PROGRAM: &str = "redis-server";
/// How long a server that lives may take to answer on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// A running server answers a ping on the loopback address well before; a paused one never does.
const STOPPED_AFTER: Duration = Duration::from_millis(100);
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

/// A Redis server of a test's own.
///
/// It writes what it changes to its folder before it answers, so that a kill loses nothing.
#[derive(Debug)]
pub struct RedisServer {
    // Before the folder: the server goes first.
    leash: Option<Leash>,
    folder: Folder,
    port: u16,
    extra: Vec<String>,
}

impl RedisServer {
    /// Starts a server and waits until it answers.
    ///
    /// # Panics
    ///
    /// If the program `redis-server` is missing, or the server does not come up.
    pub fn start() -> Self {
        Self::start_with(|_| Vec::new())
    }

    /// Starts a server with arguments that may depend on its port.
    pub(super) fn start_with(extra: impl Fn(u16) -> Vec<String>) -> Self {
        assert!(is_installed(), "`{PROGRAM}` is missing: run `cargo xtask test`, which installs it");
        // Between looking for a free port and taking it, somebody else may take it.
        let mut server = Self { leash: None, folder: Folder::new(), port: 0, extra: Vec::new() };
        for _ in 0..20 {
            server.port = free_port();
            server.extra = extra(server.port);
            if server.try_start() {
                return server;
            }
        }
        panic!("no port was free for a server");
    }

    /// The port it listens on, of the loopback address.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address, as clients want it.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Sends a command and returns the reply as text, errors without their leading `-`; of a list, a line for each item.
    ///
    /// # Panics
    ///
    /// If the server does not answer.
    pub fn ask(&self, words: &[&str]) -> String {
        let reply = Line::open(self.port, PATIENCE).and_then(|mut line| line.ask(words));
        reply.unwrap_or_else(|error| panic!("{words:?}: {error}\n{}", self.folder.read_log()))
    }

    /// Kills the server without a warning (SIGKILL), and waits until it is gone. What it had answered is not lost.
    pub fn kill(&mut self) {
        self.leash = None;
    }

    /// Starts a killed server again, with its data and on the same port; kills it before if it runs.
    ///
    /// # Panics
    ///
    /// If it does not come up.
    pub fn restart(&mut self) {
        self.kill();
        assert!(self.try_start(), "port {} was taken meanwhile", self.port);
    }

    /// Starts a killed server again without its data, like a replica that was promoted before anything reached it.
    ///
    /// # Panics
    ///
    /// If it does not come up.
    pub fn restart_empty(&mut self) {
        self.kill();
        self.folder.clear();
        self.restart();
    }

    /// Stops the server (SIGSTOP): connections stay, and nothing is answered until [`resume`](Self::resume).
    ///
    /// # Panics
    ///
    /// If it does not run.
    pub fn pause(&self) {
        self.leash().signal("STOP");
        wait_until("the server still answers", || !self.answers(STOPPED_AFTER));
    }

    /// Lets a paused server go on (SIGCONT), and waits until it answers.
    ///
    /// # Panics
    ///
    /// If it does not run.
    pub fn resume(&self) {
        self.leash().signal("CONT");
        wait_until("the server does not answer", || self.answers(PATIENCE));
    }

    fn leash(&self) -> &Leash {
        self.leash.as_ref().unwrap_or_else(|| panic!("the server was killed"))
    }

    /// False if somebody else has the port.
    fn try_start(&mut self) -> bool {
        let arguments = self.arguments();
        let leash = Leash::start(self.folder.path(), &self.folder.log(), PROGRAM, &arguments);
        let id = leash.server();
        self.leash = Some(leash);
        let mut taken = false;
        wait_until_or(
            "the server does not come up",
            || self.folder.read_log(),
            || {
                taken = self.folder.read_log().contains("already in use");
                taken || self.runs_as(id)
            },
        );
        if taken {
            self.kill();
            self.folder.clear();
        }
        !taken
    }

    fn arguments(&self) -> Vec<String> {
        let folder = self.folder.path().display();
        let mut words = String::new();
        let _ =
            write!(words, "--port {} --bind 127.0.0.1 --save  --appendonly yes --appendfsync no", self.port);
        // One argument each; the value of `--save` is empty.
        let words = words.split(' ').map(str::to_owned);
        words.chain(["--dir".to_owned(), folder.to_string()]).chain(self.extra.iter().cloned()).collect()
    }

    /// Whether the server with that process id answers, and not somebody else on the same port.
    fn runs_as(&self, id: u32) -> bool {
        let info = Line::open(self.port, PATIENCE).and_then(|mut line| line.ask(&["INFO", "server"]));
        info.is_ok_and(|info| info.lines().any(|line| line == format!("process_id:{id}")))
    }

    fn answers(&self, patience: Duration) -> bool {
        let pong = || -> io::Result<String> { Line::open(self.port, patience)?.ask(&["PING"]) };
        pong().is_ok_and(|pong| pong == "PONG")
    }
}

fn is_installed() -> bool {
    let version = Command::new(PROGRAM).arg("--version").stdout(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}

/// A port nobody listens on at the moment.
pub(super) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    listener.unwrap_or_else(|error| panic!("no port is free: {error}")).port()
}

/// Looks again and again until something outside this process holds.
pub(super) fn wait_until(complaint: &str, holds: impl FnMut() -> bool) {
    wait_until_or(complaint, String::new, holds);
}

#[expect(clippy::disallowed_methods, reason = "a process of its own knows nothing of paused time")]
fn wait_until_or(complaint: &str, more: impl Fn() -> String, mut holds: impl FnMut() -> bool) {
    let start = std::time::Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "{complaint} after {PATIENCE:?}\n{}", more());
        thread::sleep(BETWEEN_LOOKS);
    }
}
