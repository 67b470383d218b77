use std::error::Error;
use std::fmt;
use std::time::Duration;

use buttress_idempotency::{StoreError, StoreErrorKind};
use deadpool_postgres::PoolError;
use tokio_postgres::error::{DbError, Severity, SqlState};

use crate::schema::MIGRATIONS;
use crate::server::Server;

/// What a store has to say beyond what the driver says.
#[derive(Debug)]
pub(crate) enum Complaint {
    /// A connection could not be made or had, for a reason of that kind.
    NoConnection { kind: StoreErrorKind, server: Server, source: Box<dyn Error + Send + Sync> },
    /// The connection broke, or what came over it is no answer.
    NoAnswer { server: Server, source: tokio_postgres::Error },
    /// No answer within the time that a call may take.
    Late { server: Server, limit: Duration },
    /// The schema is not there, or of an older version.
    Schema { name: String, source: Option<tokio_postgres::Error> },
    /// The schema is of a version that this crate does not know.
    Newer { name: String, found: i32, known: u32 },
    /// An answer that no function of the schema gives.
    Answer(&'static str),
}

impl Complaint {
    pub(crate) fn into_error(self) -> StoreError {
        let kind = match self {
            Self::NoConnection { kind, .. } => kind,
            Self::NoAnswer { .. } | Self::Late { .. } => StoreErrorKind::Unreachable,
            Self::Schema { .. } | Self::Newer { .. } => StoreErrorKind::Unfit,
            Self::Answer(_) => StoreErrorKind::Corrupt,
        };
        StoreError::with_source(kind, self)
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoConnection { server, .. } => write!(f, "no connection to {server}"),
            Self::NoAnswer { server, .. } => write!(f, "no answer from {server}"),
            Self::Late { server, limit } => write!(f, "no answer from {server} within {limit:?}"),
            Self::Schema { name, .. } => {
                write!(
                    f,
                    "schema `{name}` is not there or too old: run `PostgresStore::migrate` or the files"
                )?;
                for (place, migration) in MIGRATIONS.iter().enumerate() {
                    write!(f, "{} {}", if place == 0 { "" } else { "," }, migration.name())?;
                }
                Ok(())
            }
            Self::Newer { name, found, known } => {
                write!(
                    f,
                    "schema `{name}` has version {found}, and this program knows versions up to {known}"
                )
            }
            Self::Answer(part) => write!(f, "the {part} of an idempotency record cannot be read"),
        }
    }
}

impl Error for Complaint {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::NoConnection { source, .. } => Some(source.as_ref()),
            Self::NoAnswer { source, .. } => Some(source),
            Self::Schema { source, .. } => source.as_ref().map(|source| source as &(dyn Error + 'static)),
            Self::Late { .. } | Self::Newer { .. } | Self::Answer(_) => None,
        }
    }
}

/// What a failure means for whoever asked a store with that schema on that server.
pub(crate) fn store_error(error: tokio_postgres::Error, schema: &str, server: &Server) -> StoreError {
    let Some(code) = error.code() else {
        return Complaint::NoAnswer { server: server.clone(), source: error }.into_error();
    };
    if is_schema_missing(code) {
        return Complaint::Schema { name: schema.to_owned(), source: Some(error) }.into_error();
    }
    StoreError::with_source(kind_of(code), error)
}

pub(crate) fn pool_error(error: PoolError, server: &Server) -> StoreError {
    let server = server.clone();
    let complaint = match error {
        PoolError::Backend(error) => {
            let kind = error.code().map_or(StoreErrorKind::Unreachable, kind_of);
            Complaint::NoConnection { kind, server, source: error.into() }
        }
        other => Complaint::NoConnection { kind: StoreErrorKind::Unreachable, server, source: other.into() },
    };
    complaint.into_error()
}

fn is_schema_missing(code: &SqlState) -> bool {
    [
        SqlState::UNDEFINED_TABLE,
        SqlState::UNDEFINED_COLUMN,
        SqlState::UNDEFINED_FUNCTION,
        SqlState::INVALID_SCHEMA_NAME,
    ]
    .contains(code)
}

fn kind_of(code: &SqlState) -> StoreErrorKind {
    let unfit = [
        SqlState::INSUFFICIENT_PRIVILEGE,
        SqlState::INVALID_CATALOG_NAME,
        SqlState::INVALID_PASSWORD,
        SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
        SqlState::READ_ONLY_SQL_TRANSACTION,
    ];
    if unfit.contains(code) {
        StoreErrorKind::Unfit
    } else if *code == SqlState::DISK_FULL {
        StoreErrorKind::Full
    } else if ["22", "23", "XX001", "XX002"].iter().any(|class| code.code().starts_with(class)) {
        StoreErrorKind::Corrupt // what was sent, or what is there, is not what it must be, or damaged
    } else {
        StoreErrorKind::Unreachable
    }
}

/// Whether it came to nothing because of what others did at the same moment, so that the same again may succeed.
pub(crate) fn is_conflict(error: &tokio_postgres::Error) -> bool {
    let conflicts = [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED];
    error.code().is_some_and(|code| conflicts.contains(code))
}

/// Whether the connection is as good as before: the server has refused a statement and nothing else. A server that only
/// reads may have been the leader, whose successor a new connection finds.
pub(crate) fn is_connection_well(error: &tokio_postgres::Error) -> bool {
    let refusal = error.as_db_error().filter(|error| error.code() != &SqlState::READ_ONLY_SQL_TRANSACTION);
    refusal.and_then(DbError::parsed_severity) == Some(Severity::Error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_mean_what_can_be_done_about_them() {
        for (code, expected) in [
            ("53100", StoreErrorKind::Full),
            ("53300", StoreErrorKind::Unreachable),
            ("42501", StoreErrorKind::Unfit),
            ("28P01", StoreErrorKind::Unfit),
            ("28000", StoreErrorKind::Unfit),
            ("3D000", StoreErrorKind::Unfit),
            ("25006", StoreErrorKind::Unfit),
            ("57P01", StoreErrorKind::Unreachable),
            ("57P03", StoreErrorKind::Unreachable),
            ("57014", StoreErrorKind::Unreachable),
            ("55P03", StoreErrorKind::Unreachable),
            ("40001", StoreErrorKind::Unreachable),
            ("22021", StoreErrorKind::Corrupt),
            ("23514", StoreErrorKind::Corrupt),
            ("XX000", StoreErrorKind::Unreachable),
            ("XX001", StoreErrorKind::Corrupt),
            ("XX002", StoreErrorKind::Corrupt),
        ] {
            assert_eq!(kind_of(&SqlState::from_code(code)), expected, "{code}");
        }
        for (code, expected) in [("42P01", true), ("42883", true), ("3F000", true), ("42601", false)] {
            assert_eq!(is_schema_missing(&SqlState::from_code(code)), expected, "{code}");
        }
    }

    #[test]
    fn a_schema_that_is_missing_is_named_with_what_to_run() {
        let said = Complaint::Schema { name: "shop".to_owned(), source: None }.to_string();
        let expected = "schema `shop` is not there or too old: run `PostgresStore::migrate` or the files \
                        0001_records.sql, 0002_outbox.sql, 0003_audit.sql";
        assert_eq!(said, expected);
    }
}
