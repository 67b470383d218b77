//! What upstreams are shown for a token.

use std::fmt;
use std::sync::Arc;

/// A text that is never printed.
#[derive(Clone)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Keeps a text to itself.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// OAuth 2.0 client credentials (RFC 6749, section 4.4).
#[derive(Clone, Debug)]
pub struct ClientCredentials {
    /// The client's ID.
    pub id: String,
    /// Its secret.
    pub secret: Secret,
}

/// A user name and a password, for basic authentication (RFC 7617).
#[derive(Clone, Debug)]
pub struct UserCredentials {
    /// The name.
    pub name: String,
    /// The password.
    pub password: Secret,
}

/// What Jamf may be shown for a token.
#[derive(Clone, Debug)]
pub enum JamfCredentials {
    /// A client.
    Client(ClientCredentials),
    /// A user, where there is no client.
    User(UserCredentials),
    /// A client, and a user for when Jamf refuses it.
    Either(ClientCredentials, UserCredentials),
}
