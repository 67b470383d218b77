use std::error::Error;
use std::fmt::Write as _;
use std::io;

/// Why the command ends early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The arguments are wrong.
    Usage(String),
    /// Standard output failed.
    Output(io::Error),
    /// What it was to do cannot be done.
    Work(Box<dyn Error>),
}

impl Failure {
    pub(crate) fn work(error: impl Error + 'static) -> Self {
        Self::Work(Box::new(error))
    }

    pub(crate) fn tell(&self) {
        match self {
            Self::Usage(what) => crate::say(&format!("{what}; see --help")),
            Self::Output(error) => crate::say(&format!("could not write the output: {error}")),
            Self::Work(error) => crate::say(&with_causes(&**error)),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _infallible = write!(text, ": {error}");
        cause = error.source();
    }
    text
}
