//! Checks that each crate builds alone: with no feature, with each feature alone, and with its defaults.
//!
//! A build of the whole workspace cannot show this, because there the features of all crates add up.

use crate::Failure;
use crate::child::{self, cargo};
use crate::steps::Done;
use crate::workspace::{self, Package};

/// Runs clippy, which checks all that `cargo check` does and fails on an import that a missing feature left
/// unused.
pub(crate) fn run() -> Result<Done, Failure> {
    for package in workspace::packages()?.iter().filter(|package| package.is_library()) {
        for set in sets(package) {
            let mut command = cargo(["clippy", "--quiet", "--package", &package.name]);
            child::run(command.args(set).args(["--", "-D", "warnings"]))?;
        }
    }
    Ok(Done::Ran)
}

/// The feature options to try on a crate.
fn sets(package: &Package) -> Vec<Vec<&str>> {
    const NONE: &str = "--no-default-features";
    let alone = package.features.keys().filter(|name| *name != "default");
    let mut sets = vec![vec![NONE]];
    sets.extend(alone.map(|feature| vec![NONE, "--features", feature]));
    // Defaults that are one feature are the same build as that feature alone, and no defaults as none.
    if package.features.get("default").is_some_and(|defaults| defaults.len() > 1) {
        sets.push(Vec::new());
    }
    sets
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::package;
    use serde_json::{Value, json};

    fn tried(features: &Value) -> Vec<String> {
        let package = package(&json!({ "name": "any", "features": features }));
        sets(&package).iter().map(|set| set.join(" ")).collect()
    }

    #[test]
    fn a_crate_without_features_is_built_once() {
        assert_eq!(tried(&json!({})), ["--no-default-features"]);
    }

    #[test]
    fn each_feature_is_built_alone_and_a_single_default_not_twice() {
        assert_eq!(
            tried(&json!({ "default": ["http"], "http": [], "axum": ["http"] })),
            [
                "--no-default-features",
                "--no-default-features --features axum",
                "--no-default-features --features http"
            ]
        );
    }

    #[test]
    fn several_defaults_are_built_together() {
        let tried = tried(&json!({ "default": ["a", "b"], "a": [], "b": [] }));
        assert_eq!(tried.last().unwrap(), "", "the plain build comes last: {tried:?}");
    }
}
