//! Makes sure that what the other steps need is on this machine.
//!
//! A server is wanted only while something names itself in `needed_by`: a machine without servers can build
//! and test everything that does not talk to one.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Failure;
use crate::child::{answers, cargo, output, run as run_child};
use crate::steps::Done;

/// A program that tests start, and the Debian package that holds it.
struct Provision {
    binary: &'static str,
    package: &'static str,
    /// Crates whose tests start it.
    needed_by: &'static [&'static str],
}

const SERVERS: [Provision; 3] = [
    Provision {
        binary: "redis-server",
        package: "redis-server",
        needed_by: &["buttress-testkit", "buttress-redis"],
    },
    Provision {
        binary: "initdb",
        package: "postgresql",
        needed_by: &["buttress-testkit", "buttress-postgres"],
    },
    Provision {
        binary: "nats-server",
        package: "nats-server",
        needed_by: &["buttress-testkit", "buttress-nats"],
    },
];

/// Parts of the Rust toolchain that a minimal installation leaves out: the command, and its component.
const COMPONENTS: [(&str, &str); 2] = [("fmt", "rustfmt"), ("clippy", "clippy")];

/// What to do about one server.
#[derive(Debug, PartialEq, Eq)]
enum Plan {
    NotNeeded,
    Present(PathBuf),
    Install,
    AskForIt,
}

/// Checks the toolchain, then installs the servers that are needed and missing.
pub(crate) fn run() -> Result<Done, Failure> {
    for (command, component) in COMPONENTS {
        if !answers(&mut cargo([command, "--version"])) {
            return Err(
                format!("`cargo {command}` is missing; run `rustup component add {component}`").into()
            );
        }
    }
    for server in &SERVERS {
        provide(server)?;
    }
    Ok(Done::Ran)
}

fn provide(server: &Provision) -> Result<(), Failure> {
    let Provision { binary, package, needed_by } = server;
    match plan(server, find(binary), is_root()) {
        Plan::NotNeeded => println!("nothing needs {package} yet"),
        Plan::Present(path) => println!("{binary}: {}", path.display()),
        Plan::Install => install(package)?,
        Plan::AskForIt => {
            let users = needed_by.join(", ");
            let how = format!("`sudo apt-get install {package}` or your system's own way");
            return Err(format!("{binary} is missing, and {users} needs it; install it with {how}").into());
        }
    }
    Ok(())
}

fn plan(server: &Provision, found: Option<PathBuf>, root: bool) -> Plan {
    match found {
        _ if server.needed_by.is_empty() => Plan::NotNeeded,
        Some(path) => Plan::Present(path),
        None if root => Plan::Install,
        None => Plan::AskForIt,
    }
}

/// Debian keeps some servers where only root's search path leads, and PostgreSQL's programs in a folder for each version.
fn find(binary: &str) -> Option<PathBuf> {
    let search = env::var_os("PATH").unwrap_or_default();
    let versions = Path::new("/usr/lib/postgresql").read_dir().into_iter().flatten().flatten();
    let postgres = versions.map(|version| version.path().join("bin"));
    let folders = env::split_paths(&search).chain([PathBuf::from("/usr/sbin")]).chain(postgres);
    folders.map(|folder| folder.join(binary)).find(|path| path.is_file())
}

fn is_root() -> bool {
    output(Command::new("id").arg("-u")).is_ok_and(|user| user.trim() == "0")
}

/// Tests start private servers of their own, so the package's server should stay off. Containers forbid it to
/// start anyway; elsewhere run level 1 keeps Debian's init scripts from starting it, though not systemd.
fn install(package: &str) -> Result<(), Failure> {
    run_child(Command::new("apt-get").args(["update", "--quiet"]))?;
    let mut command = Command::new("apt-get");
    command.args(["install", "--yes", "--quiet", "--no-install-recommends", package]);
    run_child(command.env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: Provision = Provision { binary: "b", package: "p", needed_by: &["buttress-redis"] };
    const UNWANTED: Provision = Provision { binary: "b", package: "p", needed_by: &[] };

    #[test]
    fn a_server_is_installed_only_when_needed_missing_and_allowed() {
        let here = || Some(PathBuf::from("/usr/bin/b"));
        let cases = [
            (&UNWANTED, None, true, Plan::NotNeeded),
            (&UNWANTED, here(), true, Plan::NotNeeded),
            (&WANTED, here(), false, Plan::Present("/usr/bin/b".into())),
            (&WANTED, None, true, Plan::Install),
            (&WANTED, None, false, Plan::AskForIt),
        ];
        for (server, found, root, expected) in cases {
            assert_eq!(plan(server, found, root), expected);
        }
    }

    #[test]
    fn programs_are_found_on_the_search_path_only_if_they_are_there() {
        assert!(find("sh").is_some_and(|path| path.is_absolute()));
        assert_eq!(find("no-such-program-here"), None);
    }
}
