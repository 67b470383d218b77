use std::fmt;
use std::sync::Arc;

use buttress_core::Checks;
use http::Method;
use http::request::Parts;

use crate::event::{Action, Resource};

/// How much of a request is recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Level {
    /// Nothing, unless the handler has something to say.
    None,
    /// Who, what, when, from where, and what became of it. The default.
    #[default]
    Metadata,
    /// The query too.
    Query,
    /// The query, and the beginning of the body.
    Body {
        /// How much of the body, in bytes; 1 to 65,536.
        cap_bytes: usize,
    },
}

const MAX_CAP: usize = 64 * 1024;

/// What is recorded of some requests, and as what.
///
/// ```
/// use buttress_audit::{Action, Level, Rule};
/// use http::Method;
///
/// let admin = Rule::path("/api/admin").action(Action::ADMIN).level(Level::Query);
/// let login = Rule::path("/login").method(Method::POST).action(Action::LOGIN);
/// let probes = Rule::path("/livez").level(Level::None);
/// # let _ = (admin, login, probes);
/// ```
///
/// A rule applies to a request for which all of its conditions hold.
#[derive(Clone)]
#[must_use = "a rule does nothing until a builder has it"]
pub struct Rule {
    prefix: Option<Box<str>>,
    route: Option<Box<str>>,
    methods: Vec<Method>,
    when: Option<Arc<When>>,
    pub(super) level: Option<Level>,
    pub(super) action: Option<Action>,
    pub(super) resource: Option<Arc<ResourceOf>>,
    pub(super) is_received_recorded: bool,
}

type When = dyn Fn(&Parts) -> bool + Send + Sync;
type ResourceOf = dyn Fn(&Parts) -> Option<Resource> + Send + Sync;

impl Rule {
    /// A rule for every request.
    pub fn any() -> Self {
        Self {
            prefix: None,
            route: None,
            methods: Vec::new(),
            when: None,
            level: None,
            action: None,
            resource: None,
            is_received_recorded: false,
        }
    }

    /// A rule for a path and all below it: `/api/admin` holds for `/api/admin` and `/api/admin/users`, not for
    /// `/api/administer`.
    pub fn path(prefix: &str) -> Self {
        let trimmed = prefix.strip_suffix('/').unwrap_or(prefix);
        let kept = if prefix.starts_with('/') { trimmed } else { prefix };
        Self { prefix: Some(kept.into()), ..Self::any() }
    }

    /// A rule for a route, by its template, such as `/bookings/{id}`. Needs
    /// [`route_with`](super::AuditBuilder::route_with).
    pub fn route(template: &str) -> Self {
        Self { route: Some(template.into()), ..Self::any() }
    }

    /// Only for this method; called again, also for that one.
    pub fn method(mut self, method: Method) -> Self {
        self.methods.push(method);
        self
    }

    /// Only for requests of which this is true.
    pub fn when(self, when: impl Fn(&Parts) -> bool + Send + Sync + 'static) -> Self {
        Self { when: Some(Arc::new(when)), ..self }
    }

    /// How much is recorded. Default: what the layer says.
    pub fn level(self, level: Level) -> Self {
        Self { level: Some(level), ..self }
    }

    /// What was done, and with it the family. Default: by the method.
    pub fn action(self, action: Action) -> Self {
        Self { action: Some(action), ..self }
    }

    /// To what it was done, as far as the head of the request tells; the handler may say otherwise.
    pub fn resource_with(
        self,
        resource: impl Fn(&Parts) -> Option<Resource> + Send + Sync + 'static,
    ) -> Self {
        Self { resource: Some(Arc::new(resource)), ..self }
    }

    /// Also records that the request was received, before it is handled. Classes that fail closed have that always.
    pub fn record_received(self) -> Self {
        Self { is_received_recorded: true, ..self }
    }

    pub(super) fn applies(&self, head: &Parts, route: Option<&str>) -> bool {
        let path = head.uri.path();
        self.prefix.as_deref().is_none_or(|prefix| is_below(path, prefix))
            && self.route.as_deref().is_none_or(|template| route == Some(template))
            && (self.methods.is_empty() || self.methods.contains(&head.method))
            && self.when.as_ref().is_none_or(|when| when(head))
    }

    /// Whether it keeps its requests out of the log.
    fn records_nothing(&self) -> bool {
        self.level == Some(Level::None)
    }

    /// Whether its requests must be recorded.
    fn is_mandatory(&self) -> bool {
        self.action.as_ref().is_some_and(|action| action.category().is_mandatory())
    }

    /// Whether it applies wherever another one does.
    fn covers(&self, other: &Self) -> bool {
        let prefix = match (&self.prefix, &other.prefix) {
            (None, _) => true,
            (Some(own), Some(other)) => is_below(other, own),
            (Some(own), None) => other.route.as_deref().is_some_and(|template| is_below(template, own)),
        };
        let route = self.route.is_none() || self.route == other.route;
        let listed = |method: &Method| self.methods.contains(method);
        let methods =
            self.methods.is_empty() || (!other.methods.is_empty() && other.methods.iter().all(listed));
        prefix && route && methods && self.when.is_none()
    }

    /// Notes what is wrong with a list of rules.
    pub(super) fn check_all(rules: &[Self], default: Level, reads_bodies: bool, checks: &mut Checks) {
        check_level("level", default, reads_bodies, checks);
        for (place, rule) in rules.iter().enumerate() {
            let field = |part: &str| format!("rules[{place}].{part}");
            if let Some(prefix) = rule.prefix.as_deref() {
                let begins = prefix.is_empty() || prefix.starts_with('/');
                checks.require(begins, field("path"), format!("{prefix:?}"), "a path that begins with /");
            }
            if let Some(level) = rule.level {
                check_level(field("level"), level, reads_bodies, checks);
            }
            if !rule.is_mandatory() {
                continue;
            }
            let mandatory = "metadata, query or body for actions of auth, admin, config and security";
            let level = rule.level.unwrap_or(default);
            checks.require(level != Level::None, field("level"), "none", mandatory);
            let hidden_by = rules[..place].iter().position(|one| one.records_nothing() && one.covers(rule));
            if let Some(other) = hidden_by {
                let value = format!("never reached behind rules[{other}], whose level is none");
                checks.require(false, field("place"), value, "before the rules that record nothing");
            }
        }
    }
}

fn check_level(field: impl Into<String>, level: Level, reads_bodies: bool, checks: &mut Checks) {
    let Level::Body { cap_bytes } = level else { return };
    let field = field.into();
    checks.require((1..=MAX_CAP).contains(&cap_bytes), field.clone(), cap_bytes, "1 to 65536 bytes");
    checks.require(reads_bodies, field, "body", "body only with `with_bodies`");
}

/// Whether a path is another one, or below it.
fn is_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What a method does unless a rule says otherwise.
pub(super) fn action_of(method: &Method) -> Action {
    match method.as_str() {
        "GET" | "HEAD" | "OPTIONS" | "TRACE" => Action::READ,
        "POST" => Action::CREATE,
        "PUT" | "PATCH" => Action::UPDATE,
        "DELETE" => Action::DELETE,
        _ => Action::REQUEST,
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rule")
            .field("prefix", &self.prefix)
            .field("route", &self.route)
            .field("methods", &self.methods)
            .field("level", &self.level)
            .field("action", &self.action)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn head(method: Method, path: &str) -> Parts {
        Request::builder().method(method).uri(path).body(()).expect("a request").into_parts().0
    }

    #[test]
    fn a_path_ends_where_a_segment_ends() {
        for (prefix, path, applies) in [
            ("/api/admin", "/api/admin", true),
            ("/api/admin", "/api/admin/users", true),
            ("/api/admin/", "/api/admin", true),
            ("/api/admin", "/api/administer", false),
            ("/api/admin", "/api", false),
            ("/", "/anything", true),
        ] {
            let applied = Rule::path(prefix).applies(&head(Method::GET, path), None);
            assert_eq!(applied, applies, "{prefix} {path}");
        }
    }

    #[test]
    fn all_conditions_must_hold() {
        let rule = Rule::path("/a").method(Method::POST).method(Method::PUT);
        assert!(rule.applies(&head(Method::PUT, "/a"), None));
        assert!(!rule.applies(&head(Method::GET, "/a"), None));
        let route = Rule::route("/b/{id}").when(|head| head.uri.query().is_none());
        assert!(route.applies(&head(Method::GET, "/b/1"), Some("/b/{id}")));
        assert!(!route.applies(&head(Method::GET, "/b/1?x"), Some("/b/{id}")));
        assert!(!route.applies(&head(Method::GET, "/b/1"), None));
    }

    #[test]
    fn every_method_has_an_action_and_only_safe_ones_read() {
        let of = |method: &str| action_of(&Method::from_bytes(method.as_bytes()).expect("a method"));
        for (method, action) in
            [("GET", "READ"), ("POST", "CREATE"), ("PATCH", "UPDATE"), ("DELETE", "DELETE")]
        {
            assert_eq!(of(method).as_str(), action);
        }
        assert_eq!(of("PROPFIND"), Action::REQUEST);
        assert!(of("HEAD").class().is_read() && !of("PROPFIND").class().is_read());
    }
}
