use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::folder::Folder;
use crate::leash::Leash;
use crate::patience::PATIENCE;
use crate::program::Program;

/// A running server answers on the loopback address well before; a paused one never does.
const STOPPED_AFTER: Duration = Duration::from_millis(100);
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);
/// All of them say so, and then give up.
const PORT_IS_TAKEN: &str = "already in use";

/// A program that serves, on a port and in a folder of its own.
#[derive(Debug)]
pub(crate) struct Server<P> {
    // Before the folder: the server goes first.
    leash: Option<Leash>,
    folder: Folder,
    port: u16,
    program: P,
}

impl<P: Program> Server<P> {
    /// Starts a server and waits until it takes requests.
    pub(crate) fn start(folder: Folder, program: impl Fn() -> P) -> Self {
        let mut server = Self { leash: None, folder, port: free_port(), program: program() };
        // Between looking for a free port and taking it, somebody else may take it.
        for _ in 0..20 {
            if server.try_start() {
                return server;
            }
            (server.port, server.program) = (free_port(), program());
        }
        panic!("no port was free for a server");
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What the server had to say since it was started.
    pub(crate) fn read_log(&self) -> String {
        self.folder.read_log()
    }

    /// Kills the server with all its processes, and waits until they are gone.
    pub(crate) fn kill(&mut self) {
        self.leash = None;
    }

    /// Starts it again with its data and on the same port; kills it before if it runs.
    pub(crate) fn restart(&mut self) {
        self.kill();
        assert!(self.try_start(), "port {} was taken meanwhile", self.port);
    }

    /// As [`restart`](Self::restart), without its data.
    pub(crate) fn restart_empty(&mut self) {
        self.kill();
        self.folder.clear();
        self.restart();
    }

    /// Asks the server to end by a signal, and waits until it says that it has.
    pub(crate) fn end(&mut self, signal: &str, last_words: &str) {
        self.leash().signal(signal);
        self.wait_until("the server does not stop", || self.read_log().contains(last_words));
        self.kill();
    }

    /// Stops the server and all its processes, and waits until it does not answer.
    pub(crate) fn pause(&self) {
        self.leash().pause();
        self.wait_until("the server still answers", || self.program.greet(self.port, STOPPED_AFTER).is_err());
    }

    /// Lets a paused server go on, and waits until it answers.
    pub(crate) fn resume(&self) {
        self.leash().resume();
        self.wait_until("the server does not answer", || self.program.greet(self.port, PATIENCE).is_ok());
    }

    fn leash(&self) -> &Leash {
        self.leash.as_ref().unwrap_or_else(|| panic!("the server was killed"))
    }

    /// False if somebody else has the port.
    fn try_start(&mut self) -> bool {
        self.folder.clear_log();
        self.program.tidy(&self.folder);
        let arguments = self.program.arguments(self.port, &self.folder);
        self.leash = Some(Leash::start(self.program.shell(), &self.folder, &self.program.path(), &arguments));
        let mut taken = false;
        self.wait_until("the server does not come up", || {
            let said = self.read_log();
            taken = said.contains(PORT_IS_TAKEN);
            taken || said.contains(P::READY)
        });
        if taken {
            self.kill();
        }
        !taken
    }

    fn wait_until(&self, complaint: &str, holds: impl FnMut() -> bool) {
        wait_until_or(|| format!("{complaint}\n{}", self.read_log()), holds);
    }
}

/// A port nobody listens on at the moment.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    listener.unwrap_or_else(|error| panic!("no port is free: {error}")).port()
}

/// Looks again and again until something outside this process holds.
pub(crate) fn wait_until(complaint: &str, holds: impl FnMut() -> bool) {
    wait_until_or(|| complaint.to_owned(), holds);
}

#[expect(clippy::disallowed_methods, reason = "a process of its own knows nothing of paused time")]
fn wait_until_or(complaint: impl Fn() -> String, mut holds: impl FnMut() -> bool) {
    let start = std::time::Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "after {PATIENCE:?}: {}", complaint());
        thread::sleep(BETWEEN_LOOKS);
    }
}
