use buttress_redact::Redactor;

/// What happened: who did what to which resource, and what became of it.
#[derive(Clone, Debug)]
pub struct Event {
    category: Category,
}

impl Event {
    /// Which family the action belongs to.
    pub fn category(&self) -> Category {
        self.category
    }

    /// Adds the event to a buffer as one JSON object without line breaks, redacted.
    pub fn encode(&self, _redactor: &Redactor, out: &mut Vec<u8>) {
        out.extend_from_slice(format!(r#"{{"category":"{}"}}"#, self.category.as_str()).as_bytes());
    }
}

/// Which family an action belongs to; policies go by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Category {
    /// Who somebody is: login, logout, tokens, passwords.
    Auth,
    /// What somebody may do: granted, denied, roles.
    Access,
    /// What is stored: create, read, update, delete, export, import.
    Data,
    /// How the program is set up.
    Config,
    /// What administrators do.
    Admin,
    /// Money and approvals of it.
    Financial,
    /// Attacks, and what was done about them.
    Security,
    /// The program itself: start, stop, the log's own affairs.
    System,
    /// Data that arrives by itself.
    Ingestion,
    /// Calls of other services.
    Connector,
    /// What is put where and how it went.
    Deployment,
}

impl Category {
    /// All of them, in the order of their declaration.
    pub const ALL: [Self; 11] = [
        Self::Auth,
        Self::Access,
        Self::Data,
        Self::Config,
        Self::Admin,
        Self::Financial,
        Self::Security,
        Self::System,
        Self::Ingestion,
        Self::Connector,
        Self::Deployment,
    ];

    /// The family as one word for records, policies and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Access => "access",
            Self::Data => "data",
            Self::Config => "config",
            Self::Admin => "admin",
            Self::Financial => "financial",
            Self::Security => "security",
            Self::System => "system",
            Self::Ingestion => "ingestion",
            Self::Connector => "connector",
            Self::Deployment => "deployment",
        }
    }
}
