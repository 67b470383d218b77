use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::database::{clear_lock, data, folder_with_database};
use super::user::command;
use crate::folder::Folder;
use crate::program::{Program, find};
use crate::server::Server;

/// Asks whether the server speaks TLS. It answers with one letter, before it asks who is there.
const HELLO: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// A PostgreSQL server of a test's own: user `postgres`, no password, databases `postgres` and what the test creates.
///
/// What was committed survives [`kill`](Self::kill), and would survive the machine.
#[derive(Debug)]
pub struct PostgresServer(Server<Postgres>);

impl PostgresServer {
    /// Starts a server and waits until it answers.
    ///
    /// # Panics
    ///
    /// If `initdb` or `postgres` is missing, or the server does not come up.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a server that does not wait for the disk. For tests that kill no machine: a killed server has all the
    /// same what it had committed.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    pub fn start_careless() -> Self {
        Self::start_with(&[("fsync", "off"), ("full_page_writes", "off")])
    }

    /// Starts a server with settings of its own, such as `("max_connections", "20")`.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    pub fn start_with(settings: &[(&'static str, &'static str)]) -> Self {
        Self(Server::start(folder_with_database(), || Postgres { settings: settings.to_vec() }))
    }

    /// The port it listens on, of the loopback address.
    pub fn port(&self) -> u16 {
        self.0.port()
    }

    /// The folder of its data, gone with the server.
    pub fn folder(&self) -> &Path {
        self.0.folder()
    }

    /// The address of the database `postgres`.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// The address of a database.
    pub fn url_of(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port())
    }

    /// Kills the server and all its processes without a warning (SIGKILL), and waits until they are gone.
    pub fn kill(&mut self) {
        self.0.kill();
    }

    /// Stops the server in order, as a restart by hand does: connections are closed, and all is written.
    ///
    /// # Panics
    ///
    /// If it does not run, or does not stop.
    pub fn stop(&mut self) {
        self.0.end("INT", "database system is shut down");
    }

    /// Starts a server that was killed or stopped again, with its data and on the same port; kills it before if it runs.
    ///
    /// # Panics
    ///
    /// If it does not come up.
    pub fn restart(&mut self) {
        self.0.restart();
    }

    /// Stops the server and all its processes (SIGSTOP): connections stay, and nothing is answered until
    /// [`resume`](Self::resume).
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
struct Postgres {
    settings: Vec<(&'static str, &'static str)>,
}

impl Program for Postgres {
    const READY: &'static str = "ready to accept connections";

    fn path(&self) -> PathBuf {
        find("postgres")
    }

    fn arguments(&self, port: u16, folder: &Folder) -> Vec<String> {
        let port = port.to_string();
        let own = [
            ("listen_addresses", "127.0.0.1"),
            ("port", &port),
            ("unix_socket_directories", ""),
            ("shared_buffers", "16MB"),
            // In the folder, so that a kill leaves nothing elsewhere.
            ("dynamic_shared_memory_type", "mmap"),
            ("logging_collector", "off"),
            ("log_min_messages", "log"),
            ("lc_messages", "C"),
        ];
        let mut arguments = vec!["-D".to_owned(), data(folder).display().to_string()];
        for (name, value) in own.into_iter().chain(self.settings.iter().copied()) {
            arguments.extend(["-c".to_owned(), format!("{name}={value}")]);
        }
        arguments
    }

    fn greet(&self, port: u16, patience: Duration) -> io::Result<()> {
        let mut stream = TcpStream::connect_timeout(&(Ipv4Addr::LOCALHOST, port).into(), patience)?;
        stream.set_read_timeout(Some(patience))?;
        stream.write_all(&HELLO)?;
        stream.read_exact(&mut [0])
    }

    fn tidy(&self, folder: &Folder) {
        clear_lock(folder);
    }

    fn shell(&self) -> Command {
        command("sh")
    }
}
