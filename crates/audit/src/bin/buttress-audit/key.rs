use std::io::{self, Write as _};

use buttress_audit::log::SigningKey;

use crate::arguments::Key;
use crate::failure::Failure;

pub(crate) fn run(asked: &Key) -> Result<(), Failure> {
    let load = if asked.create { SigningKey::load_or_create } else { SigningKey::load };
    let key = load(&asked.path).map_err(Failure::work)?;
    Ok(writeln!(io::stdout(), "{}", key.verifying_key())?)
}
