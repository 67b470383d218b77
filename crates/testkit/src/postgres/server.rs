use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use super::folder::Folder;
use super::leash::Leash;
use super::programs::find;

/// How long a server may take to come up on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// A running server answers on the loopback address well before; a paused one never does.
const STOPPED_AFTER: Duration = Duration::from_millis(100);
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);
/// Asks whether the server speaks TLS. It answers with one letter, before it asks who is there.
const HELLO: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// A PostgreSQL server of a test's own: user `postgres`, no password, databases `postgres` and what the test creates.
///
/// What was committed survives [`kill`](Self::kill), and would survive the machine.
#[derive(Debug)]
pub struct PostgresServer {
    // Before the folder: the server goes first.
    leash: Option<Leash>,
    folder: Folder,
    port: u16,
    settings: Vec<(&'static str, &'static str)>,
}

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
        let mut server = Self { leash: None, folder: Folder::new(), port: 0, settings: settings.to_vec() };
        // Between looking for a free port and taking it, somebody else may take it.
        for _ in 0..20 {
            server.port = free_port();
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

    /// The address of the database `postgres`.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// The address of a database.
    pub fn url_of(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Kills the server and all its processes without a warning (SIGKILL), and waits until they are gone.
    pub fn kill(&mut self) {
        self.leash = None;
    }

    /// Stops the server in order, as a restart by hand does: connections are closed, and all is written.
    ///
    /// # Panics
    ///
    /// If it does not run, or does not stop.
    pub fn stop(&mut self) {
        self.leash().signal("INT");
        self.wait_until("the server does not stop", || {
            self.folder.read_log().contains("database system is shut down")
        });
        self.leash = None;
    }

    /// Starts a server that was killed or stopped again, with its data and on the same port; kills it before if it runs.
    ///
    /// # Panics
    ///
    /// If it does not come up.
    pub fn restart(&mut self) {
        self.kill();
        self.folder.clear_lock();
        assert!(self.try_start(), "port {} was taken meanwhile", self.port);
    }

    /// Stops the server and all its processes (SIGSTOP): connections stay, and nothing is answered until
    /// [`resume`](Self::resume).
    ///
    /// # Panics
    ///
    /// If it does not run.
    pub fn pause(&self) {
        self.leash().pause();
        self.wait_until("the server still answers", || !self.answers(STOPPED_AFTER));
    }

    /// Lets a paused server go on (SIGCONT), and waits until it answers.
    ///
    /// # Panics
    ///
    /// If it does not run.
    pub fn resume(&self) {
        self.leash().resume();
        self.wait_until("the server does not answer", || self.answers(PATIENCE));
    }

    fn leash(&self) -> &Leash {
        self.leash.as_ref().unwrap_or_else(|| panic!("the server was killed"))
    }

    /// False if somebody else has the port.
    fn try_start(&mut self) -> bool {
        self.folder.clear_log();
        let (folder, log) = (self.folder.path(), self.folder.log());
        self.leash = Some(Leash::start(folder, &log, &find("postgres"), &self.arguments()));
        let mut taken = false;
        self.wait_until("the server does not come up", || {
            let said = self.folder.read_log();
            taken = said.contains("Address already in use");
            taken || said.contains("ready to accept connections")
        });
        if taken {
            self.kill();
            self.folder.clear_lock();
        }
        !taken
    }

    fn arguments(&self) -> Vec<String> {
        let port = self.port.to_string();
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
        let mut arguments = vec!["-D".to_owned(), self.folder.data().display().to_string()];
        for (name, value) in own.into_iter().chain(self.settings.iter().copied()) {
            arguments.extend(["-c".to_owned(), format!("{name}={value}")]);
        }
        arguments
    }

    fn answers(&self, patience: Duration) -> bool {
        let ask = || -> std::io::Result<()> {
            let mut stream = TcpStream::connect_timeout(&(Ipv4Addr::LOCALHOST, self.port).into(), patience)?;
            stream.set_read_timeout(Some(patience))?;
            stream.write_all(&HELLO)?;
            stream.read_exact(&mut [0])
        };
        ask().is_ok()
    }

    /// Looks again and again until something outside this process holds.
    #[expect(clippy::disallowed_methods, reason = "a process of its own knows nothing of paused time")]
    fn wait_until(&self, complaint: &str, mut holds: impl FnMut() -> bool) {
        let start = std::time::Instant::now();
        while !holds() {
            assert!(start.elapsed() < PATIENCE, "{complaint} after {PATIENCE:?}\n{}", self.folder.read_log());
            thread::sleep(BETWEEN_LOOKS);
        }
    }
}

impl Drop for PostgresServer {
    /// Lets the leash clean up: a server that was killed has nobody left to do it.
    fn drop(&mut self) {
        if let Some(leash) = self.leash.take() {
            leash.cut();
        }
    }
}

/// A port nobody listens on at the moment.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    listener.unwrap_or_else(|error| panic!("no port is free: {error}")).port()
}
