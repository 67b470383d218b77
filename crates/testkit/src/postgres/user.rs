use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// Whom a server runs as, where that is not whom the test runs as.
#[derive(Clone, Copy, Debug)]
pub(super) struct User {
    pub(super) id: u32,
    pub(super) group: u32,
}

/// PostgreSQL refuses to run as root, so root needs somebody else, and without a new account.
pub(super) fn other_user() -> Option<User> {
    let is_root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    if !is_root {
        return None;
    }
    let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let found = ["postgres", "nobody"].iter().find_map(|name| account(&accounts, name));
    Some(found.unwrap_or_else(|| {
        panic!("root cannot run PostgreSQL, and there is neither `postgres` nor `nobody`")
    }))
}

fn account(accounts: &str, name: &str) -> Option<User> {
    let mut fields = accounts.lines().map(|line| line.split(':')).find_map(|mut fields| {
        let is_it = fields.next() == Some(name);
        is_it.then_some(fields)
    })?;
    let (id, group) = (fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(User { id, group })
}

/// A command that runs as whom PostgreSQL can run as.
pub(super) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    if let Some(user) = other_user() {
        command.uid(user.id).gid(user.group);
    }
    // The folder of the test need not be open to that user.
    command.current_dir("/");
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let accounts =
            "root:x:0:0::/root:/bin/sh\npostgres2:x:7:8::/:/bin/sh\npostgres:x:101:104::/:/bin/sh\n";
        let found = account(accounts, "postgres").map(|user| (user.id, user.group));
        assert_eq!(found, Some((101, 104)));
        assert!(account(accounts, "nobody").is_none());
    }
}
