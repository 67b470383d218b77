use std::fmt;
use std::io::{self, IsTerminal, Write};

use crate::line::Notation;

/// How lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LogFormat {
    /// One JSON object per line, for programs.
    Json,
    /// Words, for people.
    Text,
    /// [`Text`](Self::Text) if the output is a terminal, [`Json`](Self::Json) otherwise.
    #[default]
    Auto,
}

/// How levels are written in JSON; in text they are in upper case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LevelCase {
    /// `info`, `warning`, `critical`
    #[default]
    Lower,
    /// `INFO`, `WARNING`, `CRITICAL`
    Upper,
}

/// Whether text has colours; JSON never has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LogColours {
    /// If the output is a terminal, and nobody has said `NO_COLOR`.
    #[default]
    Auto,
    /// Whatever the output is.
    Always,
    /// None.
    Never,
}

/// Where lines go.
pub(crate) enum LogOutput {
    Stdout,
    Stderr,
    Writer(Box<dyn Write + Send>),
}

impl LogOutput {
    fn is_terminal(&self) -> bool {
        match self {
            Self::Stdout => io::stdout().is_terminal(),
            Self::Stderr => io::stderr().is_terminal(),
            Self::Writer(_) => false,
        }
    }

    pub(crate) fn into_writer(self) -> Box<dyn Write + Send> {
        match self {
            Self::Stdout => Box::new(io::stdout()),
            Self::Stderr => Box::new(io::stderr()),
            Self::Writer(writer) => writer,
        }
    }

    /// How to write to it.
    pub(crate) fn notation(&self, format: LogFormat, colours: LogColours, no_color: bool) -> Notation {
        let terminal = self.is_terminal();
        match format {
            LogFormat::Json => Notation::Json,
            LogFormat::Auto if !terminal => Notation::Json,
            LogFormat::Text | LogFormat::Auto => Notation::Text {
                colours: match colours {
                    LogColours::Auto => terminal && !no_color,
                    LogColours::Always => true,
                    LogColours::Never => false,
                },
            },
        }
    }
}

impl fmt::Debug for LogOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stdout => "Stdout",
            Self::Stderr => "Stderr",
            Self::Writer(_) => "Writer",
        })
    }
}
