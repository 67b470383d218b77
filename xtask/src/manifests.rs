//! What the manifests and `deny.toml` must say, held by tests because no tool asks for it.

use std::fs;

use crate::arrows::{self, Role, arrows, crates_of};
use crate::child::root;
use crate::workspace::{metadata, packages};

/// One line of `[bans]` in `deny.toml` that says who may depend on a crate.
#[derive(Debug, PartialEq, Eq)]
struct Kept {
    name: String,
    wrappers: Vec<String>,
}

/// Reads the lines with `wrappers`, which stand on one line each: `{ crate = "a", wrappers = ["b", "c"], ... }`.
fn kept(deny: &str) -> Vec<Kept> {
    deny.lines().map(str::trim).filter(|line| !line.starts_with('#')).filter_map(kept_line).collect()
}

fn kept_line(line: &str) -> Option<Kept> {
    let (before, after) = line.split_once("wrappers = [")?;
    let (list, _reason) = after.split_once(']')?;
    let name = before.split_once("crate = ")?.1;
    Some(Kept { name: quoted(name).next()?, wrappers: quoted(list).collect() })
}

/// What stands between quotation marks.
fn quoted(text: &str) -> impl Iterator<Item = String> {
    text.split('"').skip(1).step_by(2).map(str::to_owned)
}

fn deny() -> Vec<Kept> {
    kept(&fs::read_to_string(root().join("deny.toml")).unwrap())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_crate_takes_its_lints_from_the_workspace() {
        for package in packages().unwrap() {
            let manifest = fs::read_to_string(&package.manifest).unwrap();
            let lines: Vec<_> = manifest.lines().map(str::trim).collect();
            let taken = lines.windows(2).any(|pair| pair == ["[lints]", "workspace = true"]);
            assert!(taken, "{}: add `[lints]` with `workspace = true`", package.manifest.display());
        }
    }

    #[test]
    fn deny_toml_says_who_may_depend_on_each_engine_layer_adapter_and_the_facade() {
        let listed: Vec<_> = deny().into_iter().map(|kept| kept.name).collect();
        for name in [Role::Engine, Role::Layer, Role::Adapter, Role::Facade].into_iter().flat_map(crates_of) {
            assert!(
                listed.iter().any(|is| is == name),
                "deny.toml has no line for {name}: add it to `[bans]` with `wrappers` on one line"
            );
        }
    }

    #[test]
    fn deny_toml_lets_nobody_in_whom_the_arrows_keep_out() {
        for Kept { name, wrappers } in deny() {
            for user in &wrappers {
                let knower = arrows::role(user).unwrap_or_else(|| panic!("deny.toml: who is `{user}`?"));
                let allowed = arrows::role(&name).is_none_or(|known| knower.may_know(known));
                assert!(allowed, "deny.toml lets `{user}`, which is {knower}, depend on `{name}`");
            }
        }
    }

    #[test]
    fn deny_toml_names_exactly_the_crates_that_depend_on_a_kept_one() {
        let arrows = arrows(&metadata().unwrap());
        for Kept { name, mut wrappers } in deny() {
            let users = arrows.iter().filter(|arrow| arrow.to == name);
            let mut users: Vec<_> = users.map(|arrow| arrow.from.clone()).collect();
            users.sort();
            users.dedup();
            wrappers.sort();
            assert_eq!(
                wrappers, users,
                "left: `wrappers` of `{name}` in deny.toml, right: who depends on it"
            );
        }
    }

    #[test]
    fn a_line_of_deny_toml_is_read_and_a_comment_is_not() {
        let read = kept(
            r#"
            { crate = "openssl", reason = "rustls is enough" },
            # { crate = "old", wrappers = ["nobody"] },
            { crate = "axum", wrappers = ["control-plane", "fleet-sim"], reason = "a \"router\"" },
            "#,
        );
        let wrappers = vec!["control-plane".to_owned(), "fleet-sim".to_owned()];
        assert_eq!(read, [Kept { name: "axum".to_owned(), wrappers }]);
    }
}
