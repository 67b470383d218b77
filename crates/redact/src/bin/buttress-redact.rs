//! Reads lines and writes them redacted.

use std::env;
use std::io::{self, BufRead, ErrorKind, Read, Write};
use std::process::ExitCode;

use buttress_redact::{Lines, Redactor};

const HELP: &str = "\
Reads lines from standard input and writes them to standard output, with masks in place of secrets.

Usage: buttress-redact [--mode text|json|url]

Options:
  --mode MODE  what a line is: text (default), json (a line that is none is taken as text), or url
  --help       this text

A line longer than 8 MiB is replaced as a whole. Exit status: 0 done, also when the reader of the output has
gone; 1 the input or output failed; 2 the arguments are wrong.
";

fn main() -> ExitCode {
    // What is no text is no argument either, and is told as it can be shown.
    let mut args = env::args_os().skip(1).map(|arg| arg.to_string_lossy().into_owned());
    let done = match command(&mut args) {
        Ok(Command::Help) => io::stdout().write_all(HELP.as_bytes()),
        Ok(Command::Redact(mode)) => redact(mode, &mut io::stdin().lock(), &mut io::stdout().lock()),
        Err(wrong) => {
            complain(&format!("{wrong}; see --help"));
            return ExitCode::from(2);
        }
    };
    match done {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

/// Nobody is left to be told if this fails.
fn complain(what: &str) {
    let _ = writeln!(io::stderr(), "buttress-redact: {what}");
}

enum Command {
    Help,
    Redact(Mode),
}

#[derive(Clone, Copy)]
enum Mode {
    Text,
    Json,
    Url,
}

fn command(args: &mut impl Iterator<Item = String>) -> Result<Command, String> {
    let mut mode = Mode::Text;
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--help" | "-h" => return Ok(Command::Help),
            "--mode" => mode = mode_of(&args.next().unwrap_or_default())?,
            other => match other.strip_prefix("--mode=") {
                Some(name) => mode = mode_of(name)?,
                None => return Err(format!("unknown argument {other:?}")),
            },
        }
    }
    Ok(Command::Redact(mode))
}

fn mode_of(name: &str) -> Result<Mode, String> {
    match name {
        "text" => Ok(Mode::Text),
        "json" => Ok(Mode::Json),
        "url" => Ok(Mode::Url),
        other => Err(format!("--mode is {other:?}, allowed: text, json, url")),
    }
}

fn redact(mode: Mode, input: &mut impl BufRead, output: &mut impl Write) -> io::Result<()> {
    let redactor = Redactor::default();
    let mut lines = redactor.lines();
    let mut line = Vec::new();
    while next_line(input, &mut line, redactor.max_bytes())? {
        let (text, end) = without_end(&line);
        write_line(mode, &redactor, &mut lines, text, output)?;
        output.write_all(end)?;
        output.flush()?;
    }
    Ok(())
}

fn write_line(
    mode: Mode,
    redactor: &Redactor,
    lines: &mut Lines,
    text: &[u8],
    output: &mut impl Write,
) -> io::Result<()> {
    match mode {
        Mode::Text => output.write_all(&lines.line(text)),
        Mode::Json => output.write_all(&redactor.json_bytes(text)),
        Mode::Url => output.write_all(&redactor.url_bytes(text)),
    }
}

/// Reads the next line, or as much of it as is needed to know that it is too long. The rest of that one is skipped.
fn next_line(input: &mut impl BufRead, line: &mut Vec<u8>, max: usize) -> io::Result<bool> {
    line.clear();
    // The end of the line may take two bytes.
    let most = max as u64 + 3;
    let read = input.by_ref().take(most).read_until(b'\n', line)?;
    if read as u64 == most && line.last() != Some(&b'\n') {
        input.skip_until(b'\n')?;
        line.push(b'\n');
    }
    Ok(read > 0)
}

fn without_end(line: &[u8]) -> (&[u8], &[u8]) {
    let ends = line.iter().rev().take(2).take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
    line.split_at(line.len() - ends)
}
