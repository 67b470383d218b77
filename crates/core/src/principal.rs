use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::Context;

/// Who asks, as the application's own authentication has found out.
///
/// Authentication puts it into the request's extensions, where handlers and inner layers read it, and
/// [announces](Self::announce) it, so that layers outside of authentication learn it too: they write records and log
/// lines that say who it was.
///
/// ```
/// use buttress_core::{Caller, Context, Principal, PrincipalKind};
///
/// let caller = Caller::unknown(); // an outer layer listens
/// Context::new().with_caller(caller.clone()).run(|| {
///     // .. and authentication, inside of it, speaks.
///     Principal::user("u-17").with_tenant("acme").announce()
/// });
/// let principal = caller.principal().unwrap();
/// assert_eq!((principal.kind(), principal.id(), principal.tenant()), (PrincipalKind::User, "u-17", Some("acme")));
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Principal(Arc<Parts>);

#[derive(Clone, PartialEq, Eq, Hash)]
struct Parts {
    kind: PrincipalKind,
    id: Box<str>,
    name: Option<Box<str>>,
    tenant: Option<Box<str>>,
    session: Option<Box<str>>,
}

/// What kind of somebody a [`Principal`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PrincipalKind {
    /// A person.
    User,
    /// Another program, known by a credential of its own.
    Service,
    /// The holder of an API key.
    ApiKey,
    /// The program itself: a timer, a migration.
    System,
    /// Nobody in particular: authentication ran, and nobody said who they are.
    Anonymous,
}

impl PrincipalKind {
    /// The kind as one word for records and log lines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Service => "service",
            Self::ApiKey => "api_key",
            Self::System => "system",
            Self::Anonymous => "anonymous",
        }
    }
}

impl Principal {
    /// A person, by the ID that the application knows them by.
    pub fn user(id: impl Into<Box<str>>) -> Self {
        Self::of_kind(PrincipalKind::User, id)
    }

    /// Another program.
    pub fn service(id: impl Into<Box<str>>) -> Self {
        Self::of_kind(PrincipalKind::Service, id)
    }

    /// The holder of an API key; the ID is the name of the key, never the key itself.
    pub fn api_key(id: impl Into<Box<str>>) -> Self {
        Self::of_kind(PrincipalKind::ApiKey, id)
    }

    /// The program itself, or the part of it with this name.
    pub fn system(id: impl Into<Box<str>>) -> Self {
        Self::of_kind(PrincipalKind::System, id)
    }

    /// Nobody in particular.
    pub fn anonymous() -> Self {
        Self::of_kind(PrincipalKind::Anonymous, "anonymous")
    }

    fn of_kind(kind: PrincipalKind, id: impl Into<Box<str>>) -> Self {
        Self(Arc::new(Parts { kind, id: id.into(), name: None, tenant: None, session: None }))
    }

    /// With a name for people to read.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<Box<str>>) -> Self {
        Arc::make_mut(&mut self.0).name = Some(name.into());
        self
    }

    /// With the tenant on whose behalf they ask.
    #[must_use]
    pub fn with_tenant(mut self, tenant: impl Into<Box<str>>) -> Self {
        Arc::make_mut(&mut self.0).tenant = Some(tenant.into());
        self
    }

    /// With a name of the session that gives nothing away, such as a hash; never the token that opens it.
    #[must_use]
    pub fn with_session(mut self, session: impl Into<Box<str>>) -> Self {
        Arc::make_mut(&mut self.0).session = Some(session.into());
        self
    }

    /// What kind of somebody it is.
    pub fn kind(&self) -> PrincipalKind {
        self.0.kind
    }

    /// The ID, unique among those of its kind and tenant.
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// The name for people to read.
    pub fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// The tenant on whose behalf they ask.
    pub fn tenant(&self) -> Option<&str> {
        self.0.tenant.as_deref()
    }

    /// The session, by a name that gives nothing away.
    pub fn session(&self) -> Option<&str> {
        self.0.session.as_deref()
    }

    /// Tells the layers outside that it is this principal who asks, and whether one of them listens.
    pub fn announce(&self) -> bool {
        let caller = Context::with_current(|context| context.caller().cloned());
        caller.is_some_and(|caller| {
            caller.identify(self.clone());
            true
        })
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Principal")
            .field("kind", &self.0.kind)
            .field("id", &self.0.id)
            .field("name", &self.0.name)
            .field("tenant", &self.0.tenant)
            .field("session", &self.0.session)
            .finish()
    }
}

/// The place where a layer that stands outside of authentication learns who asks.
///
/// It exists only where somebody listens: a layer that wants to know puts one into the request's [`Context`], or uses
/// the one that an outer layer has put there. Clones share.
#[derive(Clone, Default)]
pub struct Caller(Arc<Mutex<Option<Principal>>>);

impl Caller {
    /// A caller of whom nothing is known yet.
    pub fn unknown() -> Self {
        Self::default()
    }

    /// Says who it is. Whoever speaks last is believed, so that a session can be taken over on somebody's behalf.
    pub fn identify(&self, principal: Principal) {
        *self.lock() = Some(principal);
    }

    /// Who it is, as far as anybody has said.
    pub fn principal(&self) -> Option<Principal> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Principal>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Caller").field(&self.principal()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_announced_last_is_the_caller() {
        let caller = Caller::unknown();
        assert_eq!(caller.principal(), None);
        let heard = Context::new().with_caller(caller.clone()).run(|| {
            Principal::service("gateway").announce() && Principal::user("u-1").with_name("Ada").announce()
        });
        assert!(heard);
        assert_eq!(caller.principal(), Some(Principal::user("u-1").with_name("Ada")));
    }

    #[test]
    fn an_announcement_where_nobody_listens_says_so() {
        assert!(!Principal::anonymous().announce());
        assert!(!Context::new().run(|| Principal::anonymous().announce()));
    }

    #[test]
    fn a_clone_that_is_given_a_tenant_leaves_the_original_as_it_was() {
        let plain = Principal::api_key("ci");
        let of_acme = plain.clone().with_tenant("acme").with_session("s-1");
        assert_eq!((plain.tenant(), of_acme.tenant()), (None, Some("acme")));
        assert_eq!((of_acme.id(), of_acme.session()), ("ci", Some("s-1")));
        assert_ne!(plain, of_acme);
    }
}
