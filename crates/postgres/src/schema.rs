use std::fmt;

/// A file of SQL statements that brings the schema from one version to the next.
///
/// The word `buttress` in it is the name of the schema; [`PostgresStore::migrate`](crate::PostgresStore::migrate)
/// replaces it if the store has another one. Each file notes its version in the table `migrations`, so it does not matter
/// who runs it, the store or a tool of yours, as long as it is in one transaction and in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migration {
    version: u32,
    name: &'static str,
    sql: &'static str,
}

/// All files, in their order.
pub const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, name: "0001_records.sql", sql: include_str!("../migrations/0001_records.sql") },
    Migration { version: 2, name: "0002_outbox.sql", sql: include_str!("../migrations/0002_outbox.sql") },
    Migration { version: 3, name: "0003_audit.sql", sql: include_str!("../migrations/0003_audit.sql") },
];

/// The version that this crate works with.
pub(crate) const NEWEST: u32 = 3;

impl Migration {
    /// The version it leads to, from 1.
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// The name of the file.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The statements, for the schema `buttress`.
    pub const fn sql(&self) -> &'static str {
        self.sql
    }

    /// The statements for a schema.
    pub(crate) fn sql_for(&self, schema: &Schema) -> String {
        self.sql.replace(Schema::DEFAULT, &schema.to_string())
    }
}

/// The name of a schema; as text, the way it stands in statements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Schema(String);

impl Schema {
    pub(crate) const DEFAULT: &'static str = "buttress";
    pub(crate) const ALLOWED: &'static str =
        "1 to 63 of a-z, 0-9 and _, the first no digit, and not `pg_` in front";

    /// `None` unless it is [`ALLOWED`](Self::ALLOWED).
    pub(crate) fn new(name: &str) -> Option<Self> {
        let fits = (1..=63).contains(&name.len()) && !name.starts_with("pg_");
        let is_plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
        let is_name = name.bytes().all(is_plain) && !name.starts_with(|first: char| first.is_ascii_digit());
        (fits && is_name).then(|| Self(name.to_owned()))
    }

    pub(crate) fn name(&self) -> &str {
        &self.0
    }

    /// What keeps apart those who do the same for the whole schema at once.
    pub(crate) fn lock(&self, purpose: &str) -> i64 {
        fnv(purpose.bytes().chain([0]).chain(self.0.bytes()))
    }
}

/// In quotes, so that it may be a word of SQL.
impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}

/// The statements of a store.
///
/// They are sent unnamed, in one message together with their arguments: one round trip from the first call on, nothing
/// that a pooler between here and the server would have to remember, and the functions keep their plans anyway.
#[derive(Debug)]
pub(crate) struct Statements {
    pub(crate) claim: String,
    pub(crate) step: String,
    pub(crate) invalidate: String,
    pub(crate) clear: String,
    pub(crate) prune: String,
    pub(crate) version: String,
    pub(crate) put_message: String,
    pub(crate) take_messages: String,
    pub(crate) settle_messages: String,
}

impl Statements {
    pub(crate) fn new(schema: &Schema) -> Self {
        Self {
            claim: format!("select * from {schema}.claim($1, $2, $3, $4, $5, $6, $7, $8)"),
            step: format!("select * from {schema}.step($1, $2, $3, $4, $5, $6, $7, $8, $9)"),
            invalidate: format!("select {schema}.invalidate($1)"),
            clear: format!("select * from {schema}.clear($1, $2)"),
            prune: format!("select {schema}.prune($1, $2)"),
            version: format!("select coalesce(max(version), 0) from {schema}.migrations"),
            put_message: format!("select {schema}.put_message($1, $2, $3)"),
            take_messages: format!("select * from {schema}.take_messages($1, $2)"),
            settle_messages: format!("select {schema}.settle_messages($1, $2)"),
        }
    }
}

/// FNV-1a, 64 bits: small, and the same in each version of this crate.
fn fnv(bytes: impl Iterator<Item = u8>) -> i64 {
    let start = 0xcbf2_9ce4_8422_2325_u64;
    bytes.fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_are_schemas() {
        for name in ["buttress", "a", "_", "user", "a_1", &"a".repeat(63)] {
            assert_eq!(Schema::new(name).as_ref().map(Schema::name), Some(name));
        }
        for name in ["", "1a", "pg_catalog", "A", "a-b", "a\"b", "a.b", "ä", "a b", &"a".repeat(64)] {
            assert_eq!(Schema::new(name), None, "{name}");
        }
    }

    #[test]
    fn migrations_are_numbered_without_a_gap_and_named_after_their_version() {
        let versions: Vec<u32> = MIGRATIONS.iter().map(Migration::version).collect();
        assert_eq!(versions, (1..=NEWEST).collect::<Vec<_>>());
        for migration in MIGRATIONS {
            assert!(migration.name().starts_with(&format!("{:04}_", migration.version())));
            let note = format!("insert into buttress.migrations (version) values ({});", migration.version());
            assert!(migration.sql().trim_end().ends_with(&note), "{}", migration.name());
        }
    }

    #[test]
    fn another_schema_is_named_throughout() {
        let schema = Schema::new("user").unwrap();
        for migration in MIGRATIONS {
            let sql = migration.sql_for(&schema);
            assert!(!sql.contains("buttress") && sql.contains("\"user\".migrations"), "{sql}");
        }
        let locks =
            [schema.lock("prune"), schema.lock("migrate"), Schema::new("users").unwrap().lock("prune")];
        assert!(locks[0] != locks[1] && locks[0] != locks[2]);
    }
}
