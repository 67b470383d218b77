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

    /// Whether requests of this family are recorded whatever a rule says.
    pub const fn is_mandatory(self) -> bool {
        matches!(self, Self::Auth | Self::Admin | Self::Config | Self::Security)
    }
}

/// What a policy goes by: the family of an action, and whether it only reads.
///
/// Looking at data is the one family in which it makes a difference how much is lost with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Class {
    category: Category,
    is_read: bool,
}

impl Class {
    /// Of actions that only read.
    pub const fn read(category: Category) -> Self {
        Self { category, is_read: true }
    }

    /// Of actions that change something, or may.
    pub const fn write(category: Category) -> Self {
        Self { category, is_read: false }
    }

    /// The family.
    pub const fn category(self) -> Category {
        self.category
    }

    /// Whether its actions only read.
    pub const fn is_read(self) -> bool {
        self.is_read
    }

    /// Whether, unless a log is told otherwise, nothing of this class happens that cannot be recorded.
    pub const fn is_fail_closed_by_default(self) -> bool {
        self.category.is_mandatory() || matches!(self.category, Category::Financial)
    }
}

impl From<Category> for Class {
    fn from(category: Category) -> Self {
        Self::write(category)
    }
}
