use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use super::category::{Category, Class};

/// What was done: one of the ready-made actions, or one of your own.
///
/// ```
/// use buttress_audit::{Action, Category};
///
/// let approval = Action::custom("CAB_APPROVE", Category::Financial)?;
/// assert_eq!((approval.as_str(), approval.category()), ("CAB_APPROVE", Category::Financial));
/// assert_eq!(Action::LOGIN.category(), Category::Auth);
/// assert!(Action::custom("cab approve", Category::Financial).is_err());
/// # Ok::<(), buttress_audit::InvalidAction>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Action {
    name: Cow<'static, str>,
    class: Class,
}

macro_rules! actions {
    ($($(#[doc = $doc:literal])+ $name:ident: $way:ident $category:ident;)+) => {
        impl Action {
            $($(#[doc = $doc])+
            pub const $name: Self = Self {
                name: Cow::Borrowed(stringify!($name)),
                class: Class::$way(Category::$category),
            };)+

            /// The ready-made ones, family by family.
            pub const ALL: &[Self] = &[$(Self::$name),+];
        }
    };
}

actions! {
    /// Somebody logged in.
    LOGIN: write Auth;
    /// Somebody logged in; another word for [`LOGIN`](Self::LOGIN), for logs that pair it with `LOGIN_FAILURE`.
    LOGIN_SUCCESS: write Auth;
    /// Somebody tried to log in and could not.
    LOGIN_FAILED: write Auth;
    /// Another word for [`LOGIN_FAILED`](Self::LOGIN_FAILED).
    LOGIN_FAILURE: write Auth;
    /// Somebody logged out.
    LOGOUT: write Auth;
    /// A password was changed.
    PASSWORD_CHANGE: write Auth;
    /// A password was reset by other means than knowing it.
    PASSWORD_RESET: write Auth;
    /// A second factor was added, removed or changed.
    MFA_CHANGED: write Auth;
    /// A token was given out.
    TOKEN_ISSUED: write Auth;
    /// A token was taken back.
    TOKEN_REVOKED: write Auth;
    /// An API key was made.
    API_KEY_CREATED: write Auth;
    /// An API key was taken back.
    API_KEY_REVOKED: write Auth;

    /// Somebody asked for something and may have it.
    ACCESS_GRANTED: read Access;
    /// Somebody asked for something and may not have it.
    ACCESS_DENIED: read Access;
    /// Somebody was given a permission or role.
    PERMISSION_GRANTED: write Access;
    /// A permission or role was taken from somebody.
    PERMISSION_REVOKED: write Access;

    /// Something was created.
    CREATE: write Data;
    /// Something was looked at.
    READ: read Data;
    /// Something was changed.
    UPDATE: write Data;
    /// Something was deleted.
    DELETE: write Data;
    /// A request was made, by a method that has no word of its own.
    REQUEST: write Data;
    /// Data left the program in bulk.
    EXPORT: write Data;
    /// Data came into the program in bulk.
    IMPORT: write Data;
    /// Stored data was read.
    DATA_READ: read Data;
    /// Stored data was written.
    DATA_WRITE: write Data;
    /// Stored data was deleted.
    DATA_DELETE: write Data;
    /// Stored data was exported.
    DATA_EXPORT: write Data;

    /// A setting was changed.
    CONFIG_UPDATED: write Config;
    /// The settings were read anew.
    CONFIG_RELOADED: write Config;
    /// An adapter was made known.
    ADAPTER_REGISTERED: write Config;

    /// An administrator did something that has no word of its own.
    ADMIN: write Admin;
    /// An account was made.
    USER_CREATED: write Admin;
    /// An account was changed.
    USER_UPDATED: write Admin;
    /// An account was deleted.
    USER_DELETED: write Admin;
    /// The settings of the application were changed by somebody who administers it.
    SETTINGS_CHANGED: write Admin;

    /// Money was taken.
    PAYMENT_PROCESSED: write Financial;
    /// Money was given back.
    REFUND_ISSUED: write Financial;
    /// Money was paid out.
    PAYOUT_PROCESSED: write Financial;
    /// Somebody agreed to something that needs it.
    APPROVED: write Financial;
    /// Somebody refused something that needs agreement.
    REJECTED: write Financial;

    /// Something happened that somebody should look at.
    SECURITY_ALERT: write Security;
    /// Something is not what it was when it was signed or counted.
    TAMPERING_DETECTED: write Security;
    /// A caller went over a limit.
    RATE_LIMIT_EXCEEDED: write Security;

    /// The program began to serve.
    SERVICE_STARTED: write System;
    /// The program stopped serving.
    SERVICE_STOPPED: write System;
    /// A part of the program is not well.
    HEALTH_CHECK_FAILED: write System;
    /// The program failed in a way that nobody had planned.
    SYSTEM_ERROR: write System;
    /// A number was measured.
    PERFORMANCE: read System;
    /// The log began a new file.
    AUDIT_SEGMENT_OPENED: write System;
    /// The log lost records, and says how many.
    AUDIT_GAP: write System;
    /// The log has no room left on its disk.
    AUDIT_DISK_FULL: write System;
    /// The log has room again.
    AUDIT_DISK_RECOVERED: write System;
    /// The log found half a record at its end, and put it aside.
    AUDIT_TAIL_REPAIRED: write System;
    /// The log deleted files that were old enough.
    AUDIT_RETENTION: write System;
    /// The statistics began anew.
    AUDIT_STATISTICS_RESET: write System;

    /// Data began to arrive.
    INGESTION_STARTED: write Ingestion;
    /// Data has arrived.
    INGESTION_COMPLETED: write Ingestion;
    /// Data did not arrive.
    INGESTION_FAILED: write Ingestion;

    /// Another service was called.
    CONNECTOR_CALL: write Connector;

    /// Something was put somewhere.
    DEPLOYMENT: write Deployment;
    /// What had been put somewhere was taken back.
    ROLLBACK: write Deployment;
}

/// The longest name of an action.
const MAX_BYTES: usize = 64;
/// What the log says of itself. Whoever reads it draws conclusions from these names.
const OF_THE_LOG: [&str; 12] = [
    "AUDIT_CHAIN_BEGUN",
    "AUDIT_DAMAGE_FOUND",
    "AUDIT_DISK_FULL",
    "AUDIT_DISK_LOW",
    "AUDIT_DISK_RECOVERED",
    "AUDIT_GAP",
    "AUDIT_LOG_RECOVERED",
    "AUDIT_REFUSALS",
    "AUDIT_RETENTION",
    "AUDIT_SEGMENT_OPENED",
    "AUDIT_SIGNING_CHANGED",
    "AUDIT_TAIL_REPAIRED",
];

impl Action {
    /// An action of your own. It is taken to change something; [`that_reads`](Self::that_reads) says otherwise.
    ///
    /// # Errors
    ///
    /// If the name is not 1 to 64 ASCII capitals, digits and underscores that begin with a letter, or is one of the
    /// twelve by which the log knows what it said itself, such as `AUDIT_RETENTION`.
    pub fn custom(name: impl Into<Cow<'static, str>>, category: Category) -> Result<Self, InvalidAction> {
        let name = name.into();
        let begins = name.bytes().next().is_some_and(|first| first.is_ascii_uppercase());
        let fits = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        let is_free = !OF_THE_LOG.contains(&&*name);
        if begins && name.len() <= MAX_BYTES && name.bytes().all(fits) && is_free {
            Ok(Self { name, class: Class::write(category) })
        } else {
            Err(InvalidAction)
        }
    }

    /// The same action, which only reads.
    #[must_use]
    pub fn that_reads(self) -> Self {
        Self { class: Class::read(self.class.category()), ..self }
    }

    /// The ready-made action of this name.
    pub fn known(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|action| action.name == name).cloned()
    }

    /// The name, in capitals.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// The family.
    pub fn category(&self) -> Category {
        self.class.category()
    }

    /// What policies go by.
    pub fn class(&self) -> Class {
        self.class
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// A name that no action can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidAction;

impl fmt::Display for InvalidAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "not the name of an action, allowed: 1 to 64 of A to Z, 0 to 9 and _, beginning with a letter, and no name of the log's own such as AUDIT_GAP",
        )
    }
}

impl Error for InvalidAction {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ready_made_action_has_a_valid_name_of_its_own_and_is_found_by_it() {
        for (place, action) in Action::ALL.iter().enumerate() {
            let again = Action::custom(action.as_str().to_owned(), action.category());
            assert_eq!(again.is_ok(), !OF_THE_LOG.contains(&action.as_str()), "{action}");
            assert_eq!(Action::known(action.as_str()).as_ref(), Some(action));
            assert!(Action::ALL[..place].iter().all(|other| other.as_str() != action.as_str()), "{action}");
        }
        assert!(Action::ALL.len() > 25);
    }

    #[test]
    fn every_family_has_a_ready_made_action() {
        for category in Category::ALL {
            assert!(Action::ALL.iter().any(|action| action.category() == category), "{category:?}");
        }
    }

    #[test]
    fn a_name_that_could_break_a_line_or_a_query_or_speak_for_the_log_is_no_action() {
        let long = "A".repeat(65);
        for name in ["", "login", "1ST", "_X", "A B", "A\n", "A\u{85}", "Ä", "A-B", &long, "AUDIT_RETENTION"]
        {
            assert_eq!(Action::custom(name.to_owned(), Category::Data), Err(InvalidAction), "{name:?}");
        }
        assert!(Action::custom("A".repeat(64), Category::Data).is_ok());
        assert!(Action::custom("AUDIT_READ", Category::Admin).is_ok());
    }
}
