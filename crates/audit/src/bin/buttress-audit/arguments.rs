use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use buttress_audit::log::Query;
use buttress_core::WallClock;
use lexopt::Parser;
use lexopt::prelude::{Long, Short, Value};

use crate::failure::Failure;

const HELP: &str = include_str!("help.txt");

/// What is to be done.
pub(crate) enum Command {
    Show(String),
    Verify(Verify),
    Tail(Tail),
    Query(Search),
    Key(Key),
}

#[derive(Default)]
pub(crate) struct Verify {
    pub(crate) dir: PathBuf,
    pub(crate) anchors: Vec<PathBuf>,
    pub(crate) keys: Vec<PathBuf>,
    pub(crate) require_anchored: bool,
}

#[derive(Default)]
pub(crate) struct Search {
    pub(crate) dir: PathBuf,
    pub(crate) query: Query,
    pub(crate) before: Option<u64>,
    pub(crate) limit: usize,
    pub(crate) json: bool,
}

#[derive(Default)]
pub(crate) struct Tail {
    pub(crate) search: Search,
    pub(crate) follow: bool,
}

#[derive(Default)]
pub(crate) struct Key {
    pub(crate) path: PathBuf,
    pub(crate) create: bool,
}

pub(crate) fn read(mut parser: Parser) -> Result<Command, Failure> {
    let command = match parser.next().map_err(wrong)? {
        Some(Value(command)) => command,
        Some(Long("help") | Short('h')) => return Ok(Command::Show(HELP.to_owned())),
        Some(Long("version") | Short('V')) => return Ok(Command::Show(version())),
        Some(other) => return Err(wrong(other.unexpected())),
        None => return Err(Failure::Usage("no command, allowed: verify, tail, query, key".to_owned())),
    };
    match command.to_str() {
        Some("verify") => verify(parser),
        Some("tail") => tail(parser),
        Some("query") => search(parser),
        Some("key") => key(parser),
        _ => {
            let command = command.to_string_lossy();
            Err(Failure::Usage(format!("the command is {command:?}, allowed: verify, tail, query, key")))
        }
    }
}

fn version() -> String {
    format!("buttress-audit {}\n", env!("CARGO_PKG_VERSION"))
}

fn verify(parser: Parser) -> Result<Command, Failure> {
    let mut asked = Verify::default();
    let dir = each(parser, |option, parser| {
        match option {
            "anchor" => asked.anchors.push(value(parser)?.into()),
            "key" => asked.keys.push(value(parser)?.into()),
            "require-anchored" => asked.require_anchored = true,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(dir.map_or_else(help, |dir| Command::Verify(Verify { dir, ..asked })))
}

fn search(parser: Parser) -> Result<Command, Failure> {
    let mut asked = Search { limit: 100, ..Search::default() };
    let dir = each(parser, |option, parser| {
        match option {
            "limit" => asked.limit = number(option, parser)?,
            "before" => asked.before = Some(number(option, parser)?),
            _ => return common(&mut asked, option, parser),
        }
        Ok(true)
    })?;
    Ok(dir.map_or_else(help, |dir| Command::Query(Search { dir, ..asked })))
}

fn tail(parser: Parser) -> Result<Command, Failure> {
    let mut search = Search { limit: 10, ..Search::default() };
    let mut follow = false;
    let dir = each(parser, |option, parser| {
        match option {
            "lines" => search.limit = number(option, parser)?,
            "follow" => follow = true,
            _ => return common(&mut search, option, parser),
        }
        Ok(true)
    })?;
    Ok(dir.map_or_else(help, |dir| Command::Tail(Tail { search: Search { dir, ..search }, follow })))
}

fn key(parser: Parser) -> Result<Command, Failure> {
    let mut create = false;
    let path = each(parser, |option, _| {
        create |= option == "create";
        Ok(option == "create")
    })?;
    Ok(path.map_or_else(help, |path| Command::Key(Key { path, create })))
}

/// What `query` and `tail` both take.
fn common(asked: &mut Search, option: &str, parser: &mut Parser) -> Result<bool, Failure> {
    let filter = option.replace('-', "_");
    if option == "json" {
        asked.json = true;
    } else if Query::FILTERS.contains(&filter.as_str()) {
        let value = value(parser)?.into_string().map_err(|value| not_text(option, &value))?;
        let query = std::mem::take(&mut asked.query);
        asked.query = match age(&value).filter(|_| filter == "since") {
            Some(age) => query.within(age, WallClock::system().now()),
            None => query.with(&filter, &value).map_err(|error| {
                let ages = if filter == "since" { ", or an age such as 90s, 15m, 2h or 7d" } else { "" };
                Failure::Usage(format!("{error}{ages}"))
            })?,
        };
    } else {
        return Ok(false);
    }
    Ok(true)
}

/// Hands each option to its command, and gives the one thing that is not an option; none if help is asked for.
fn each(
    mut parser: Parser,
    mut option: impl FnMut(&str, &mut Parser) -> Result<bool, Failure>,
) -> Result<Option<PathBuf>, Failure> {
    let mut path = None;
    while let Some(arg) = parser.next().map_err(wrong)? {
        let name = match arg {
            Long("help") | Short('h') => return Ok(None),
            Value(given) if path.is_none() => {
                path = Some(PathBuf::from(given));
                continue;
            }
            Long(name) => name.to_owned(),
            Short('f') => "follow".to_owned(),
            Short('n') => "lines".to_owned(),
            other => return Err(wrong(other.unexpected())),
        };
        if !option(&name, &mut parser)? {
            return Err(Failure::Usage(format!("unknown option --{name} for this command")));
        }
    }
    path.map(Some).ok_or_else(|| Failure::Usage("nothing to work on, allowed: one path".to_owned()))
}

fn value(parser: &mut Parser) -> Result<OsString, Failure> {
    parser.value().map_err(wrong)
}

fn number<N: std::str::FromStr>(option: &str, parser: &mut Parser) -> Result<N, Failure> {
    let value = value(parser)?;
    let number = value.to_str().and_then(|text| text.parse().ok());
    number.ok_or_else(|| {
        let value = value.to_string_lossy();
        Failure::Usage(format!("--{option} is {value:?}, allowed: whole numbers from 0"))
    })
}

/// So many seconds, minutes, hours or days.
fn age(value: &str) -> Option<Duration> {
    let (number, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(seconds).map(Duration::from_secs)
}

fn not_text(option: &str, value: &OsStr) -> Failure {
    Failure::Usage(format!("--{option} is {}, allowed: text in UTF-8", value.display()))
}

#[expect(clippy::needless_pass_by_value, reason = "the one argument of what maps an error")]
fn wrong(error: lexopt::Error) -> Failure {
    Failure::Usage(error.to_string())
}

fn help() -> Command {
    Command::Show(HELP.to_owned())
}
