//! The example server under load, over sockets: what a refused request costs it beside one that is handled.

use std::fmt::Display;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::stores::Folder;
use crate::Failure;
use crate::experiment::{Experiment, Pace, Row};

pub(crate) const LOAD: Experiment = Experiment {
    name: "limit-load",
    what: "the example server, 8 connections that ask all the time for a package that it does not have",
    heads: &[
        "answers/s",
        "% refused",
        "admitted",
        "of at most",
        "processor time of the server for each answer, us",
    ],
    rows: &[
        Row { name: "all are handled (404)", run: |pace| load(pace, "1000000/s", 1_000_000) },
        Row { name: "100 in a second are, the others refused (429)", run: |pace| load(pace, "100/s", 100) },
    ],
    floors: &[],
    missing: || fs::metadata("/proc/self/stat").is_err().then_some("processor time is read from /proc"),
};

const CONNECTIONS: usize = 8;
const REQUEST: &[u8] =
    b"GET /api/v1/packages/00000000-0000-4000-8000-000000000000 HTTP/1.1\r\nhost: control-plane\r\n\r\n";
/// What Linux counts processor time in.
const TICKS_PER_SECOND: f64 = 100.0;

#[derive(Clone, Copy, Default)]
struct Answers {
    handled: u64,
    refused: u64,
}

fn load(pace: Pace, rate: &str, per_second: u64) -> Result<Vec<Option<f64>>, Failure> {
    let server = ControlPlane::start(rate)?;
    let (before, began) = (processor_time(server.process.id())?, Instant::now());
    let until = began + Duration::from_millis(pace.of(4_000));
    let answers = thread::scope(|scope| {
        let clients: Vec<_> =
            (0..CONNECTIONS).map(|_| scope.spawn(|| client(&server.address, until))).collect();
        clients.into_iter().try_fold(Answers::default(), |all, client| {
            let one = client.join().map_err(|_| "a client broke off")?.map_err(|error| error.to_string())?;
            Ok::<_, Failure>(Answers {
                handled: all.handled + one.handled,
                refused: all.refused + one.refused,
            })
        })
    })?;
    let (time, spent) = (began.elapsed().as_secs_f64(), processor_time(server.process.id())? - before);
    let (all, most) = (answers.handled + answers.refused, count(per_second) * (1.0 + time));
    if count(answers.handled) > most {
        return Err(format!("{} requests were admitted of at most {most:.0}", answers.handled).into());
    }
    let refused = count(answers.refused) * 100.0 / count(all);
    Ok([count(all) / time, refused, count(answers.handled), most, spent * 1e6 / count(all)].map(Some).into())
}

/// One request after the other over one connection.
fn client(address: &str, until: Instant) -> Result<Answers, io::Error> {
    let mut connection = TcpStream::connect(address)?;
    connection.set_nodelay(true)?;
    let (mut answers, mut input) = (Answers::default(), BufReader::new(connection.try_clone()?));
    while Instant::now() < until {
        connection.write_all(REQUEST)?;
        match answer(&mut input)? {
            404 => answers.handled += 1,
            429 => answers.refused += 1,
            other => return Err(io::Error::other(format!("an answer with the status {other}"))),
        }
    }
    Ok(answers)
}

/// The status of an answer that is as it should be.
fn answer(input: &mut impl BufRead) -> Result<u16, io::Error> {
    let (mut status, mut length, mut fields) = (0, 0, Vec::new());
    loop {
        let mut line = String::new();
        input.read_line(&mut line)?;
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(": ") {
            if name == "content-length" {
                length = value.parse().map_err(io::Error::other)?;
            }
            fields.push(name.to_owned());
        } else {
            let word = line.split(' ').nth(1).unwrap_or_default();
            status = word.parse().map_err(io::Error::other)?;
        }
    }
    input.read_exact(&mut vec![0; length])?;
    let needed: &[&str] =
        if status == 429 { &["ratelimit", "ratelimit-policy", "retry-after"] } else { &["ratelimit"] };
    let has = |name: &&&str| fields.iter().any(|field| field == **name);
    match needed.iter().find(|name| !has(name)) {
        Some(name) => Err(io::Error::other(format!("an answer with the status {status} lacks {name}"))),
        None => Ok(status),
    }
}

/// The example server as a process of its own.
struct ControlPlane {
    process: Child,
    address: String,
    #[expect(dead_code, reason = "it goes with the server")]
    folder: Folder,
}

impl ControlPlane {
    fn start(rate: &str) -> Result<Self, Failure> {
        let program = built()?;
        let mut command = Command::new(&program);
        let folder = Folder::new()?;
        command.args(["--listen", "127.0.0.1:0", "--address-rate", rate, "--data"]).arg(&folder.0);
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let cannot = |why: &dyn Display| format!("cannot start {}: {why}", program.display());
        let process = command.spawn().map_err(|error| cannot(&error))?;
        let mut server = Self { process, address: String::new(), folder };
        let mut line = String::new();
        if let Some(output) = server.process.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        match line.trim().strip_prefix("listening on http://") {
            Some(address) => address.clone_into(&mut server.address),
            None => return Err(cannot(&format_args!("its first line is {line:?}")).into()),
        }
        Ok(server)
    }
}

/// Builds the example server, and asks cargo where it is: the target folder may be anywhere.
fn built() -> Result<PathBuf, Failure> {
    let project = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml");
    let mut build = Command::new("cargo");
    build.args(["build", "--quiet", "--release", "--manifest-path", project, "--package", "control-plane"]);
    let build = build.arg("--message-format=json-render-diagnostics").stderr(Stdio::inherit()).output()?;
    if !build.status.success() {
        return Err("the example server does not build".into());
    }
    program(&String::from_utf8(build.stdout)?).ok_or_else(|| "cargo names no program of control-plane".into())
}

/// The program among what cargo says it has made, a message in a line.
fn program(messages: &str) -> Option<PathBuf> {
    let made = messages.lines().filter_map(|message| serde_json::from_str::<Value>(message).ok());
    made.filter(|made| made["target"]["name"] == "control-plane")
        .find_map(|made| made["executable"].as_str().map(PathBuf::from))
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        // It has ended already if this fails.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What a process has used of the processors, in seconds.
pub(super) fn processor_time(process: u32) -> Result<f64, Failure> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name before may have spaces, and ends with the last bracket.
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 =
        fields.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Ok(count(ticks) / TICKS_PER_SECOND)
}

#[expect(clippy::cast_precision_loss, reason = "the counts are far below the 52 bits of a float")]
pub(super) fn count(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_is_where_cargo_says_and_not_where_it_mostly_is() {
        let messages = r#"{"reason":"compiler-artifact","target":{"name":"fleet-sim","kind":["bin"]},"executable":"/far/release/fleet-sim"}
{"reason":"compiler-artifact","target":{"name":"control-plane","kind":["lib"]},"executable":null}
{"reason":"compiler-artifact","target":{"name":"control-plane","kind":["bin"]},"executable":"/far/release/control-plane"}
{"reason":"build-finished","success":true}"#;
        assert_eq!(program(messages), Some(PathBuf::from("/far/release/control-plane")));
        assert_eq!(program("warning: not a message"), None);
    }
}
