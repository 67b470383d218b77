//! The crates of this workspace, as `cargo metadata` tells them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use crate::Failure;
use crate::child::{cargo, output};

/// One crate of the workspace, reduced to what the steps ask about.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) manifest: PathBuf,
    /// Each feature with what it turns on.
    pub(crate) features: BTreeMap<String, Vec<String>>,
    /// Names of its integration tests: files and folders of `tests/`.
    tests: Vec<String>,
}

impl Package {
    /// Whether the crate has an integration test of this name.
    pub(crate) fn has_test(&self, name: &str) -> bool {
        self.tests.iter().any(|test| test == name)
    }

    /// Whether the crate is a part of Buttress, and not an example, a test or a tool.
    pub(crate) fn is_library(&self) -> bool {
        self.manifest
            .parent()
            .and_then(|folder| folder.parent())
            .is_some_and(|rooms| rooms.ends_with("crates"))
    }
}

/// Every crate of the workspace, sorted by name.
pub(crate) fn packages() -> Result<Vec<Package>, Failure> {
    let mut packages: Vec<_> = each(&metadata()?["packages"]).map(package).collect();
    packages.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(packages)
}

/// The answer of `cargo metadata` about the crates of the workspace only; it needs neither network nor lock.
pub(crate) fn metadata() -> Result<Value, Failure> {
    let said = output(&mut cargo(["metadata", "--format-version", "1", "--no-deps"]))?;
    Ok(serde_json::from_str(&said)?)
}

/// The elements of a list; nothing for anything else.
pub(crate) fn each(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

/// A text; empty for anything else.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub(crate) fn package(value: &Value) -> Package {
    let features = value["features"].as_object().into_iter().flatten();
    let is_test = |target: &&Value| each(&target["kind"]).any(|kind| kind == "test");
    Package {
        name: text(&value["name"]),
        manifest: text(&value["manifest_path"]).into(),
        features: features
            .map(|(name, turns_on)| (name.clone(), each(turns_on).map(text).collect()))
            .collect(),
        tests: each(&value["targets"]).filter(is_test).map(|target| text(&target["name"])).collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_package_is_read_with_its_features_and_integration_tests() {
        let read = package(&json!({
            "name": "buttress-retry",
            "manifest_path": "/repo/crates/retry/Cargo.toml",
            "features": { "default": ["http"], "http": ["dep:http"] },
            "targets": [
                { "name": "buttress_retry", "kind": ["lib"] },
                { "name": "loom", "kind": ["test"] },
            ],
        }));
        assert_eq!(read.name, "buttress-retry");
        assert!(read.is_library());
        assert!(read.has_test("loom") && !read.has_test("buttress_retry"));
        assert_eq!(read.features["default"], ["http"]);
    }

    #[test]
    fn a_tool_is_not_a_library() {
        let read = package(&json!({ "name": "xtask", "manifest_path": "/repo/xtask/Cargo.toml" }));
        assert!(!read.is_library());
    }

    #[test]
    fn this_workspace_is_read() {
        let packages = packages().unwrap();
        let names: Vec<_> = packages.iter().map(|package| package.name.as_str()).collect();
        assert!(names.contains(&"buttress-core") && names.contains(&"xtask"), "{names:?}");
        assert!(names.is_sorted());
    }
}
