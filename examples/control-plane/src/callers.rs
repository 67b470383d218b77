//! Who asks, as far as the control plane can tell: whoever holds an API key, or else whoever is at an address.
//!
//! It believes every key: to know a key is to be its holder, and there is no list of those that were given out. A real
//! one would check it here, and refuse.

use std::fmt;

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use buttress::Principal;
use buttress::audit::AuditHandle;
use buttress::http::ClientAddrResolver;
use sha2::{Digest, Sha256};

/// The field in which a caller shows its API key.
pub(crate) const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// The field that marks an answer that was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// A caller, as a hash, so that no key is kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Caller([u8; 32]);

impl Caller {
    pub(crate) fn of(request: &Request, clients: &ClientAddrResolver) -> Option<Self> {
        if let Some(key) = key(request) {
            return Some(Self::hash(b"key ", key));
        }
        let client = clients.client_of_peer(request.extensions(), request.headers())?;
        Some(Self::hash(b"address ", client.addr().to_string().as_bytes()))
    }

    /// Whoever shows this key.
    pub(crate) fn with_key(key: &str) -> Self {
        Self::hash(b"key ", key.as_bytes())
    }

    /// Who it is, for records that people read: the beginning of the hash is enough to tell callers apart.
    fn principal(&self, shows_key: bool) -> Principal {
        let begins = self.0.iter().take(8).fold(0, |begins: u64, &byte| begins << 8 | u64::from(byte));
        let id = format!("{begins:016x}");
        if shows_key { Principal::api_key(id) } else { Principal::anonymous() }
    }

    fn hash(kind: &[u8], name: &[u8]) -> Self {
        Self(Sha256::new().chain_update(kind).chain_update(name).finalize().into())
    }
}

impl AsRef<[u8]> for Caller {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Caller")
    }
}

/// The key that a request shows.
fn key(request: &Request) -> Option<&[u8]> {
    request.headers().get(API_KEY).map(HeaderValue::as_bytes).filter(|key| !key.is_empty())
}

/// Finds out who asks, and tells all that stands further in, and what stands further out as well.
pub(crate) async fn identified(
    State(clients): State<ClientAddrResolver>,
    mut request: Request,
    next: Next,
) -> Response {
    if let Some(caller) = Caller::of(&request, &clients) {
        caller.principal(key(&request).is_some()).announce();
        request.extensions_mut().insert(caller);
    }
    let audit = request.extensions().get::<AuditHandle>().cloned();
    let response = next.run(request).await;
    // It stands outside of idempotency, and sees the answers of which the handler knows nothing.
    if let Some(audit) = audit.filter(|_| response.headers().contains_key(&REPLAYED)) {
        audit.detail("replayed", true);
    }
    response
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use buttress::http::PeerAddr;

    use super::*;

    fn caller(address: &str, key: Option<&str>) -> Option<Caller> {
        let mut request = Request::new(Body::empty());
        if let Some(key) = key {
            request.headers_mut().insert(API_KEY, key.parse().expect("a field value"));
        }
        if let Ok(address) = address.parse() {
            request.extensions_mut().insert(PeerAddr(address));
        }
        Caller::of(&request, &ClientAddrResolver::default())
    }

    #[test]
    fn whoever_shows_a_key_is_its_holder_from_wherever_he_asks() {
        let (here, there) = ("192.0.2.1:1000", "192.0.2.2:1000");
        assert_eq!(caller(here, Some("one")), caller(there, Some("one")));
        assert_ne!(caller(here, Some("one")), caller(here, Some("two")));
        assert_ne!(caller(here, Some("one")), caller(here, None));
        assert_ne!(caller(here, Some("192.0.2.1")), caller(here, None), "a key is no address");
    }

    #[test]
    fn whoever_shows_none_is_known_by_address_and_an_empty_key_is_none() {
        assert_eq!(caller("192.0.2.1:1000", None), caller("192.0.2.1:2000", Some("")));
        assert_ne!(caller("192.0.2.1:1000", None), caller("192.0.2.2:1000", None));
        assert_ne!(caller("[2001:db8::1]:1", None), caller("[2001:db8::2]:1", None), "neighbours are two");
        assert_eq!(caller("", None), None);
    }
}
