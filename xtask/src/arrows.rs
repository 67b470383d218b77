//! Who may know whom. [`CRATES`] and [`Role::may_know`] are the one place where that is written for machines;
//! `docs/architecture.md` gives the reasons.

use std::fmt;

use serde_json::Value;

use crate::workspace::{each, metadata, text};

/// What a crate is in the house, which decides what it may depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Pure arithmetic that knows nobody.
    Idea,
    /// The vocabulary.
    Core,
    /// The vocabulary said in HTTP.
    Http,
    /// Something that works on its own and that layers and adapters put to use: no runtime, no Tower.
    Engine,
    /// One Tower layer.
    Layer,
    /// A bridge to somebody else's crate or server.
    Adapter,
    /// The crate that knows every layer.
    Facade,
    /// What tests of the other crates use.
    Testkit,
    /// A program that shows how Buttress is used, or the tests over whole stacks.
    User,
    /// This crate.
    Tool,
}

use Role::{Adapter, Core, Engine, Facade, Http, Idea, Layer, Testkit, Tool, User};

/// Every crate of the workspace.
const CRATES: [(&str, Role); 27] = [
    ("axum-stack", User),
    ("buttress", Facade),
    ("buttress-audit", Layer),
    ("buttress-backoff", Idea),
    ("buttress-bulkhead", Layer),
    ("buttress-circuit-breaker", Layer),
    ("buttress-core", Core),
    ("buttress-correlation-id", Layer),
    ("buttress-fjall", Adapter),
    ("buttress-http", Http),
    ("buttress-idempotency", Layer),
    ("buttress-nats", Adapter),
    ("buttress-postgres", Adapter),
    ("buttress-rate-limit", Layer),
    ("buttress-redact", Engine),
    ("buttress-redis", Adapter),
    ("buttress-reqwest", Adapter),
    ("buttress-retry", Layer),
    ("buttress-telemetry", Adapter),
    ("buttress-testkit", Testkit),
    ("buttress-tests", User),
    ("buttress-timeout", Layer),
    ("buttress-window", Idea),
    ("control-plane", User),
    ("fleet-sim", User),
    ("reqwest-client", User),
    ("xtask", Tool),
];

impl Role {
    /// Whether a crate of this role may depend on a workspace crate of the other. Nobody may depend on the
    /// testkit, except for tests.
    pub(crate) fn may_know(self, other: Role) -> bool {
        match self {
            Idea | Core | Tool => false,
            Http | Engine => other == Core,
            Testkit => matches!(other, Core | Http),
            Layer => matches!(other, Core | Http | Idea | Engine),
            Adapter => matches!(other, Core | Http | Idea | Engine | Layer),
            Facade => matches!(other, Core | Http | Idea | Engine | Layer | Adapter),
            User => matches!(other, Facade | User),
        }
    }

    /// Whether a crate of this role may depend on somebody else's crate.
    fn may_use(self, outside: &str) -> bool {
        match (self, outside) {
            // The vocabulary and the ideas stay small enough to trust at sight: no tokio, no http, no serde.
            (Core, outside) => matches!(outside, "fastrand" | "pin-project-lite"),
            (Idea, _) => false,
            // An engine is called from anywhere, also where nothing is async.
            (Engine, outside) => {
                !matches!(outside, "tokio" | "tower-layer" | "tower-service" | "tower" | "hyper")
            }
            (role, "tokio") => role != Http,
            (role, "axum" | "hyper-util") => role == User,
            (role, "hyper") => matches!(role, Adapter | User),
            (role, "reqwest") => matches!(role, Adapter | Facade | User),
            _ => true,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Idea => "a pure idea",
            Core => "the core",
            Http => "the core in HTTP",
            Engine => "an engine",
            Layer => "a layer",
            Adapter => "an adapter",
            Facade => "the facade",
            Testkit => "for tests only",
            User => "a user of Buttress",
            Tool => "a tool",
        })
    }
}

/// The role of a workspace crate.
pub(crate) fn role(name: &str) -> Option<Role> {
    CRATES.iter().find(|(listed, _)| *listed == name).map(|(_, role)| *role)
}

/// The crates of one role.
pub(crate) fn crates_of(role: Role) -> impl Iterator<Item = &'static str> {
    CRATES.iter().filter(move |(_, is)| *is == role).map(|(name, _)| *name)
}

/// That one crate depends on another.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arrow {
    pub(crate) from: String,
    pub(crate) to: String,
    /// Whether users get the dependency too, and not only those who run the tests.
    pub(crate) shipped: bool,
}

/// The dependencies that the manifests of the workspace declare.
pub(crate) fn arrows(metadata: &Value) -> Vec<Arrow> {
    let of = |package: &Value| -> Vec<Arrow> {
        let from = text(&package["name"]);
        each(&package["dependencies"]).map(|dependency| arrow(&from, dependency)).collect()
    };
    each(&metadata["packages"]).flat_map(of).collect()
}

fn arrow(from: &str, dependency: &Value) -> Arrow {
    let for_tests = dependency["kind"] == "dev" || dependency["target"] == "cfg(buttress_loom)";
    Arrow { from: from.to_owned(), to: text(&dependency["name"]), shipped: !for_tests }
}

/// Everything wrong with the arrows of a workspace, in words that say what to do.
fn complaints(metadata: &Value) -> Vec<String> {
    let names: Vec<String> = each(&metadata["packages"]).map(|package| text(&package["name"])).collect();
    let unknown = names.iter().filter(|name| role(name).is_none()).map(|name| {
        format!(
            "`{name}` is not listed: say what it is in `CRATES` of xtask/src/arrows.rs, and if it is a layer \
             or an adapter, say who may depend on it in `[bans]` of deny.toml"
        )
    });
    let gone = CRATES.iter().filter(|(name, _)| !names.iter().any(|is| is == name)).map(|(name, _)| {
        format!("`{name}` is listed in xtask/src/arrows.rs and is not in the workspace: take it off the list")
    });
    let shipped = arrows(metadata).into_iter().filter(|arrow| arrow.shipped);
    unknown.chain(gone).chain(shipped.filter_map(|arrow| complaint(&arrow))).collect()
}

fn complaint(arrow: &Arrow) -> Option<String> {
    let Arrow { from, to, .. } = arrow;
    let knower = role(from)?;
    let Some(known) = role(to) else {
        let wrong = !knower.may_use(to);
        return wrong.then(|| format!("`{from}` is {knower} and must not depend on `{to}`"));
    };
    let wrong = !knower.may_know(known);
    wrong.then(|| format!("`{from}` is {knower} and must not depend on `{to}`, which is {known}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_crate_knows_only_whom_it_may_know() {
        let complaints = complaints(&metadata().unwrap());
        assert!(
            complaints.is_empty(),
            "see docs/architecture.md for the reasons:\n{}",
            complaints.join("\n")
        );
    }

    #[test]
    fn the_facade_knows_every_layer() {
        let arrows = arrows(&metadata().unwrap());
        for layer in crates_of(Layer) {
            let known =
                arrows.iter().any(|arrow| arrow.from == "buttress" && arrow.to == layer && arrow.shipped);
            assert!(known, "the facade crates/buttress does not offer {layer}: add a feature of its name");
        }
    }

    /// The present workspace, with one dependency added.
    fn with(from: &str, to: &str, kind: &Value) -> Value {
        let dependency = json!({ "name": to, "kind": kind });
        let package = |(name, _): &(&str, Role)| {
            let dependencies = if *name == from { json!([dependency]) } else { json!([]) };
            json!({ "name": name, "dependencies": dependencies })
        };
        json!({ "packages": CRATES.iter().map(package).collect::<Vec<_>>() })
    }

    #[test]
    fn a_forbidden_arrow_is_reported() {
        for (from, to) in [
            ("buttress-retry", "buttress-timeout"),
            ("buttress-retry", "buttress-reqwest"),
            ("buttress-retry", "buttress"),
            ("buttress-core", "buttress-window"),
            ("buttress-core", "tokio"),
            ("buttress-core", "http"),
            ("buttress-core", "serde"),
            ("buttress-window", "buttress-core"),
            ("buttress-backoff", "fastrand"),
            ("buttress-http", "buttress-backoff"),
            ("buttress-http", "tokio"),
            ("buttress-http", "buttress-testkit"),
            ("buttress-redact", "buttress-http"),
            ("buttress-redact", "buttress-retry"),
            ("buttress-redact", "tokio"),
            ("buttress-redact", "tower-service"),
            ("buttress-window", "buttress-redact"),
            ("buttress-http", "buttress-redact"),
            ("buttress-reqwest", "buttress"),
            ("buttress-testkit", "buttress-retry"),
            ("buttress-timeout", "axum"),
            ("buttress-timeout", "reqwest"),
            ("control-plane", "buttress-retry"),
            ("control-plane", "buttress-testkit"),
            ("xtask", "buttress-core"),
        ] {
            for kind in [Value::Null, "build".into()] {
                let said = complaints(&with(from, to, &kind));
                assert_eq!(said.len(), 1, "{from} -> {to}: {said:?}");
                assert!(said[0].contains(from) && said[0].contains(to), "{said:?}");
            }
        }
    }

    #[test]
    fn an_allowed_arrow_and_a_dependency_of_tests_are_not_reported() {
        for (from, to, kind) in [
            ("buttress-retry", "buttress-backoff", Value::Null),
            ("buttress-retry", "tokio", Value::Null),
            ("buttress-http", "buttress-core", Value::Null),
            ("buttress-reqwest", "buttress-circuit-breaker", Value::Null),
            ("buttress-redact", "buttress-core", Value::Null),
            ("buttress-redact", "serde", Value::Null),
            ("buttress-reqwest", "buttress-redact", Value::Null),
            ("buttress-retry", "buttress-redact", Value::Null),
            ("buttress", "buttress-reqwest", Value::Null),
            ("control-plane", "fleet-sim", Value::Null),
            ("buttress-retry", "buttress-testkit", "dev".into()),
            ("buttress-retry", "axum", "dev".into()),
        ] {
            assert_eq!(complaints(&with(from, to, &kind)), [""; 0], "{from} -> {to}");
        }
    }

    #[test]
    fn an_unlisted_crate_is_told_what_to_do() {
        let mut workspace = with("xtask", "serde_json", &Value::Null);
        let new = json!({ "name": "buttress-hedge", "dependencies": [] });
        workspace["packages"].as_array_mut().unwrap().push(new);
        let said = complaints(&workspace);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(
            said[0].starts_with("`buttress-hedge` is not listed: say what it is in `CRATES`"),
            "{said:?}"
        );
    }

    #[test]
    fn a_listed_crate_that_is_gone_is_reported() {
        let mut workspace = with("xtask", "serde_json", &Value::Null);
        workspace["packages"].as_array_mut().unwrap().retain(|package| package["name"] != "fleet-sim");
        assert!(complaints(&workspace)[0].starts_with("`fleet-sim` is listed in"));
    }
}
