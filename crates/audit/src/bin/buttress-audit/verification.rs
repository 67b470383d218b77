use std::io::{self, Write as _};
use std::process::ExitCode;

use buttress_audit::verify::{Evidence, Keys, Report, Verdict, verify};
use indicatif::{ProgressBar, ProgressStyle};

use crate::arguments::Verify;
use crate::failure::Failure;

pub(crate) fn run(asked: &Verify) -> Result<ExitCode, Failure> {
    let mut evidence = Evidence::new();
    for path in &asked.keys {
        evidence = evidence.keys_from(path).map_err(Failure::work)?;
    }
    for path in &asked.anchors {
        evidence = evidence.anchor_from(path).map_err(Failure::work)?;
    }
    let bar = bar();
    let report = verify(&asked.dir, &evidence, |progress| {
        bar.set_length(progress.of_bytes);
        bar.set_position(progress.bytes);
    });
    bar.finish_and_clear();
    let report = report.map_err(Failure::work)?;
    crate::say(&in_words(&report));
    writeln!(io::stdout(), "{}", report.to_json())?;
    Ok(ExitCode::from(report.verdict.exit_code(asked.require_anchored)))
}

/// Shown on a terminal only.
fn bar() -> ProgressBar {
    let style =
        ProgressStyle::with_template("{bytes} of {total_bytes} [{wide_bar}] {bytes_per_sec}, {eta} left");
    let bar = ProgressBar::new(0);
    style.map_or_else(|_| ProgressBar::hidden(), |style| bar.with_style(style))
}

fn in_words(report: &Report) -> String {
    let records = report.records;
    let verdict = match &report.verdict {
        Verdict::Intact => format!("intact: {records} records, an anchor covers all of them"),
        Verdict::IntactUnanchoredTail { records: tail } => {
            format!("intact as far as can be told: {records} records, no anchor covers the last {tail}")
        }
        Verdict::Truncated { expected, found } => {
            format!("truncated: there were {expected} records, and there are {found}")
        }
        Verdict::Tampered { kind, seq, file, line } => {
            let place = match (file, line) {
                (Some(file), Some(line)) => format!(", line {line} of {file}"),
                _ => String::new(),
            };
            // What is missing at the beginning does not keep the rest from being looked at.
            let side = if *seq < report.first_seq { "behind" } else { "before" };
            format!(
                "tampered with: {} at record {seq}{place}; {records} records {side} it are right",
                kind.as_str()
            )
        }
        Verdict::TornTail { bytes } => {
            format!("torn: {bytes} bytes of half a line behind {records} records, which are right")
        }
        Verdict::Pruned { first_seq, unanchored } => format!(
            "pruned: {records} records from {first_seq} on are right, retention deleted what was before; \
             no anchor covers the last {unanchored}"
        ),
        other => other.as_str().to_owned(),
    };
    let keys = match report.keys {
        Keys::Directory => {
            "; signatures were checked with the key beside the log, give --key from a safe place"
        }
        Keys::None if report.checkpoints > 0 => "; there was no key to check signatures with, give --key",
        _ => "",
    };
    report.made_anew.iter().fold(verdict + keys, |words, made| words + "; " + &made.to_string())
}
