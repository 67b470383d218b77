//! What is the same for all servers that a test can have to itself.

use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{env, fs};

use tokio::time::Instant;

const ABORTS: &str = "BUTTRESS_TESTKIT_ABORTS";

pub(crate) fn is_reachable(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

/// Where a server was, and whether anything of it is left.
pub(crate) struct Place {
    pub(crate) port: u16,
    pub(crate) folder: PathBuf,
}

impl Place {
    pub(crate) fn is_empty(&self) -> bool {
        !is_reachable(self.port) && !self.folder.exists() && processes_of(&self.folder) == 0
    }
}

/// All processes that work in a folder.
pub(crate) fn processes_of(folder: &Path) -> usize {
    let has = |process: PathBuf| fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder));
    fs::read_dir("/proc").unwrap().flatten().filter(|entry| has(entry.path())).count()
}

/// Starts a server, which it is told where to find, and panics.
pub(crate) fn place_after_a_panic<S>(start: impl FnOnce() -> (S, Place)) -> Place {
    let mut seen = None;
    let _ = catch_unwind(AssertUnwindSafe(|| {
        let (_server, place) = start();
        seen = Some(place);
        panic!("as tests do");
    }));
    seen.unwrap()
}

/// Starts a server and aborts, if this is the process that was made for it; for a test that is run by
/// [`place_after_an_abort`].
#[expect(clippy::print_stdout, reason = "how the process that waits for it learns the place")]
pub(crate) fn abort_with<S>(start: impl FnOnce() -> (S, Place)) {
    if env::var_os(ABORTS).is_some() {
        let (_server, Place { port, folder }) = start();
        println!("\nport={port} folder={}", folder.display());
        std::process::abort();
    }
}

/// Runs a test in a process of its own.
pub(crate) fn place_after_an_abort(test: &str) -> Place {
    let mut child = Command::new(env::current_exe().unwrap());
    let output = child.args(["--exact", test, "--nocapture"]).env(ABORTS, "1").output().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stdout);
    let value = |name: &str| said.split_whitespace().find_map(|word| word.strip_prefix(name)).unwrap();
    Place { port: value("port=").parse().unwrap(), folder: value("folder=").into() }
}

pub(crate) fn assert_emptied(place: &Place) {
    let start = Instant::now();
    while !place.is_empty() {
        assert!(start.elapsed() < Duration::from_secs(20), "the server lives on");
        std::thread::yield_now();
    }
}
