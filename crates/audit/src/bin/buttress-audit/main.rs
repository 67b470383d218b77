//! Verifies, follows and searches audit logs.

use std::io::{self, Write as _};
use std::process::ExitCode;

mod arguments;
mod failure;
mod key;
mod printer;
mod search;
mod tail;
mod verification;

use arguments::Command;
use failure::Failure;

fn main() -> ExitCode {
    match arguments::read(lexopt::Parser::from_env()).and_then(run) {
        Ok(code) => code,
        // The reader of the output has seen enough.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            failure.tell();
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Show(text) => Ok(io::stdout().write_all(text.as_bytes()).map(|()| ExitCode::SUCCESS)?),
        Command::Verify(asked) => verification::run(&asked),
        Command::Query(asked) => search::run(&asked).map(|()| ExitCode::SUCCESS),
        Command::Tail(asked) => tail::run(&asked).map(|()| ExitCode::SUCCESS),
        Command::Key(asked) => key::run(&asked).map(|()| ExitCode::SUCCESS),
    }
}

/// Nobody is left to be told if this fails.
fn say(what: &str) {
    let _unheard = writeln!(io::stderr(), "buttress-audit: {}", printer::safe(what));
}
