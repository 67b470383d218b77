//! The command, as somebody at a terminal or in a script uses it.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use buttress_audit::log::{ChainId, Head, seal};
use serde_json::Value;

const EVENTS: [&str; 6] = [
    r#"{"ts":"2026-11-21T09:00:00.000001Z","severity":"info","category":"auth","action":"LOGIN","outcome":"success","actor":{"type":"user","id":"ada"},"correlation_id":"CAB-456"}"#,
    r#"{"ts":"2026-11-21T09:00:01.000001Z","severity":"high","category":"auth","action":"LOGIN","outcome":"denied","actor":{"type":"user","id":"bob"}}"#,
    r#"{"ts":"2026-11-21T09:00:02.000001Z","severity":"info","category":"data","action":"READ","outcome":"success","actor":{"type":"user","id":"ada"},"resource":{"type":"deployment","id":"DEPLOY-123"}}"#,
    r#"{"ts":"2026-11-21T09:00:03.000001Z","severity":"info","category":"data","action":"UPDATE","outcome":"success","actor":{"type":"user","id":"bob"},"resource":{"type":"deployment","id":"DEPLOY-124"}}"#,
    r#"{"ts":"2026-11-21T09:00:04.000001Z","severity":"low","category":"config","action":"EVIL","outcome":"failure","actor":{"type":"user","id":"\u001b[2J\u202e\nfake"}}"#,
    r#"{"ts":"2026-11-21T09:00:05.000001Z","severity":"info","category":"admin","action":"DELETE","outcome":"partial","actor":{"type":"user","id":"ada"},"resource":{"type":"user","id":"bob"}}"#,
];

struct Place {
    root: tempfile::TempDir,
    head: Head,
}

impl Place {
    fn with(events: &[&str]) -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("log")).unwrap();
        fs::write(root.path().join("log/format"), "buttress-audit-log 1\n").unwrap();
        let mut place = Self { root, head: Head::START };
        place.append("");
        for event in events {
            place.record(event);
        }
        place
    }

    fn dir(&self) -> PathBuf {
        self.root.path().join("log")
    }

    fn segment(&self) -> PathBuf {
        self.dir().join("segment-00000000000000000001.jsonl")
    }

    fn append(&self, text: &str) {
        let mut file = fs::OpenOptions::new().create(true).append(true).open(self.segment()).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn record(&mut self, event: &str) {
        let mut line = Vec::new();
        self.head = seal(ChainId::from_bytes([7; 16]), self.head, event.as_bytes(), &mut line);
        self.append(std::str::from_utf8(&line).unwrap());
    }

    fn run(&self, command: &str, options: &[&str]) -> Output {
        run(&[&[command, self.dir().to_str().unwrap()], options].concat())
    }
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_buttress-audit")).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// The numbers at the beginnings of a table's rows.
fn seqs(output: &Output) -> Vec<u64> {
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
        .lines()
        .skip(1)
        .map(|row| row.split_whitespace().next().unwrap().parse().unwrap())
        .collect()
}

#[test]
fn verify_prints_one_json_object_and_exits_with_the_verdict() {
    let place = Place::with(&EVENTS);
    let judged = |options: &[&str]| {
        let output = place.run("verify", options);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(text(&output.stdout).lines().count(), 1);
        assert!(!output.stderr.is_empty());
        (output.status.code().unwrap(), report["verdict"].as_str().unwrap().to_owned(), report)
    };
    let (code, verdict, report) = judged(&[]);
    assert_eq!(
        (code, verdict.as_str(), &report["unanchored"]),
        (0, "intact_unanchored_tail", &Value::from(6))
    );
    assert_eq!(judged(&["--require-anchored"]).0, 3);

    place.append("{\"event\":{");
    let (code, verdict, report) = judged(&[]);
    assert_eq!((code, verdict.as_str(), &report["torn_bytes"]), (4, "torn_tail", &Value::from(10)));

    let whole = fs::read_to_string(place.segment()).unwrap();
    fs::write(place.segment(), whole.replacen("\"denied\"", "\"success\"", 1)).unwrap();
    let (code, verdict, report) = judged(&[]);
    assert_eq!((code, verdict.as_str()), (2, "tampered"));
    assert_eq!(
        (&report["kind"], &report["seq"], &report["line"]),
        (&"hash_mismatch".into(), &2.into(), &2.into())
    );
    assert_eq!(report["file"], "segment-00000000000000000001.jsonl");
}

#[test]
fn query_finds_by_every_filter_newest_first() {
    let place = Place::with(&EVENTS);
    let table: [(&[&str], &[u64]); 13] = [
        (&[], &[6, 5, 4, 3, 2, 1]),
        (&["--actor", "ada"], &[6, 3, 1]),
        (&["--action", "login"], &[2, 1]),
        (&["--category=data"], &[4, 3]),
        (&["--resource", "DEPLOY-123"], &[3]),
        (&["--resource", "deployment"], &[4, 3]),
        (&["--outcome", "denied"], &[2]),
        (&["--severity", "high"], &[2]),
        (&["--correlation-id", "CAB-456"], &[1]),
        (&["--since", "2026-11-21T09:00:04Z"], &[6, 5]),
        (&["--until", "2026-11-21T09:00:02Z", "--actor", "ada"], &[1]),
        (&["--limit", "2", "--before", "5"], &[4, 3]),
        (&["--actor", "nobody"], &[]),
    ];
    for (options, expected) in table {
        let output = place.run("query", options);
        let found = if expected.is_empty() { vec![] } else { seqs(&output) };
        assert_eq!(found, expected, "{options:?}");
        assert!(output.status.success());
    }
    // In the past of the test's clock and in its future.
    assert_eq!(seqs(&place.run("query", &["--since", "36500d"])).len(), 6);
}

#[test]
fn json_output_is_the_lines_as_they_stand() {
    let place = Place::with(&EVENTS);
    let mut lines: Vec<_> = fs::read_to_string(place.segment()).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(text(&place.run("tail", &["--json"]).stdout), lines.join("\n") + "\n");
    lines.reverse();
    assert_eq!(text(&place.run("query", &["--json"]).stdout), lines.join("\n") + "\n");
}

#[test]
fn a_table_has_no_control_characters_and_one_row_for_each_record() {
    let place = Place::with(&EVENTS);
    let output = place.run("query", &[]);
    let table = text(&output.stdout);
    assert_eq!(table.lines().count(), 7);
    assert!(
        table.chars().all(|sign| sign == '\n' || !(sign.is_control() || sign == '\u{202e}')),
        "{table:?}"
    );
    assert!(table.contains("\\u001b[2J\\u202e\\u000afake"), "{table}");
}

#[test]
fn tail_prints_the_last_that_fit_oldest_first() {
    let place = Place::with(&EVENTS);
    assert_eq!(seqs(&place.run("tail", &["-n", "2"])), [5, 6]);
    assert_eq!(seqs(&place.run("tail", &["--lines=2", "--actor", "ada"])), [3, 6]);
    assert_eq!(place.run("tail", &["-n0"]).stdout, b"");
}

/// A command that does not end by itself.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ended_already = self.0.kill();
        let _code = self.0.wait();
    }
}

#[test]
fn tail_follows_the_log_also_into_its_next_file() {
    let mut place = Place::with(&EVENTS[..2]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_buttress-audit"));
    let options = ["--follow", "--json", "-n", "1", "--actor", "ada"];
    let running = command.arg("tail").arg(place.dir()).args(options).stdout(Stdio::piped()).spawn();
    let mut running = Running(running.unwrap());
    let mut output = BufReader::new(running.0.stdout.take().unwrap()).lines();
    let mut next_seq = || {
        let line: Value = serde_json::from_str(&output.next().unwrap().unwrap()).unwrap();
        line["chain"]["seq"].as_u64().unwrap()
    };
    assert_eq!(next_seq(), 1);
    place.record(EVENTS[2]);
    assert_eq!(next_seq(), 3);
    place.record(EVENTS[3]);
    let rotated = place.dir().join("segment-00000000000000000005.jsonl");
    let mut line = Vec::new();
    seal(ChainId::from_bytes([7; 16]), place.head, EVENTS[5].as_bytes(), &mut line);
    // Half of it first.
    fs::write(&rotated, &line[..50]).unwrap();
    fs::write(&rotated, &line).unwrap();
    assert_eq!(next_seq(), 5);
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let place = Place::with(&EVENTS);
    let event = format!("{{\"long\":\"{}\"}}", "x".repeat(100_000));
    let mut place = place;
    for _ in 0..10 {
        place.record(&event);
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_buttress-audit"));
    let command = command.arg("query").arg(place.dir()).arg("--json");
    let mut running = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(running.stdout.take());
    let output = running.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
}

#[test]
fn what_is_wrong_is_told_with_field_value_and_what_is_allowed() {
    let place = Place::with(&EVENTS);
    let dir = place.dir();
    let dir = dir.to_str().unwrap();
    let table: [(&[&str], &str); 13] = [
        (&[], "no command, allowed: verify, tail, query, key"),
        (&["burn", dir], "the command is \"burn\", allowed: verify, tail, query, key"),
        (&["verify"], "nothing to work on, allowed: one path"),
        (&["verify", dir, dir], "unexpected argument"),
        (&["verify", dir, "--limit", "3"], "unknown option --limit for this command"),
        (&["query", dir, "--limit", "-3"], "--limit is \"-3\", allowed: whole numbers from 0"),
        (
            &["query", dir, "--outcome", "maybe"],
            "is \"maybe\", allowed: success, failure, denied, partial, unknown",
        ),
        (
            &["query", dir, "--since", "yesterday"],
            "the filter since is \"yesterday\", allowed: 2026-11-21, or 2026-11-21T09:00:00Z, or an age such as 90s, 15m, 2h or 7d",
        ),
        (&["query", dir, "--actor"], "missing argument"),
        (&["query", "/nonexistent"], "could not read /nonexistent: No such file or directory"),
        (&["verify", "/nonexistent"], "could not read /nonexistent: No such file or directory"),
        (&["verify", dir, "--key", "/nonexistent"], "could not read or write the key /nonexistent"),
        (&["verify", dir, "--anchor", "Cargo.toml"], "Cargo.toml is not an anchor"),
    ];
    for (arguments, expected) in table {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let told = text(&output.stderr);
        assert!(told.contains(expected), "{arguments:?}: {told}");
        assert_eq!(told.lines().count(), 1, "{told}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn help_names_every_command_and_is_no_error() {
    for arguments in [&["--help"][..], &["-h"], &["verify", "--help"], &["query", "/nonexistent", "--help"]] {
        let output = run(arguments);
        assert!(output.status.success());
        let help = text(&output.stdout);
        assert!(["verify", "tail", "query", "key"].iter().all(|command| help.contains(command)), "{help}");
    }
    assert!(text(&run(&["--version"]).stdout).starts_with("buttress-audit "));
}

#[test]
fn damage_does_not_keep_query_from_what_is_left() {
    let place = Place::with(&EVENTS);
    let whole = fs::read_to_string(place.segment()).unwrap();
    fs::write(place.segment(), whole.replacen("\"denied\"", "\"success\"", 1)).unwrap();
    let output = place.run("query", &[]);
    assert_eq!(seqs(&output), [6, 5, 4, 3, 1]);
    assert!(text(&output.stderr).contains("1 lines are not what was written"), "{}", text(&output.stderr));
}

#[test]
fn key_makes_a_signing_key_only_when_asked_and_prints_the_public_half() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("signing.key");
    let path: &Path = &path;
    let shown = path.to_str().unwrap();
    assert_eq!(run(&["key", shown]).status.code(), Some(1));
    let made = run(&["key", shown, "--create"]);
    assert_eq!(run(&["key", shown]).stdout, made.stdout);
    let public = text(&made.stdout).trim_end();
    assert!(public.parse::<buttress_audit::log::VerifyingKey>().is_ok(), "{public}");
    assert!(fs::read_to_string(path).unwrap().starts_with("PRIVATE+KEY+"));
}
