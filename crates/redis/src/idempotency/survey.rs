use std::collections::BTreeMap;

use buttress_core::Entropy;
use buttress_idempotency::StoreError;
use redis::RedisError;

use super::failure::failure;
use super::health::Eviction;
use super::names::Names;
use crate::link::Link;

/// What was seen of all servers at one time.
#[derive(Clone, Debug)]
pub(super) struct Survey {
    /// By the names that the servers give themselves when they start.
    pub(super) servers: BTreeMap<String, Server>,
    /// What stood under each mark at first.
    pub(super) marks: BTreeMap<String, String>,
    /// What stands there now that missing ones were written.
    pub(super) marks_now: BTreeMap<String, String>,
}

/// What a server says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) eviction: Eviction,
    pub(super) append_only: Option<bool>,
}

/// Looks at all servers; writes marks where there are none.
pub(super) async fn survey(link: &Link, names: &Names) -> Result<Survey, StoreError> {
    let servers = servers(link).await?;
    let names = names.marks(link.is_cluster());
    let marks = marks(link, &names).await?;
    let missing: Vec<&String> = names.iter().filter(|name| !marks.contains_key(*name)).collect();
    if missing.is_empty() {
        return Ok(Survey { servers, marks_now: marks.clone(), marks });
    }
    for name in missing {
        mark(link, name).await;
    }
    Ok(Survey { servers, marks, marks_now: self::marks(link, &names).await? })
}

async fn servers(link: &Link) -> Result<BTreeMap<String, Server>, StoreError> {
    let infos: Result<BTreeMap<String, String>, RedisError> = link.query_all(redis::cmd("INFO")).await;
    match infos {
        Ok(infos) => Ok(infos.values().map(|info| read(info)).collect()),
        // It answers, and this user may not ask it that.
        Err(error) if matches!(error.code(), Some("NOPERM" | "ERR")) => Ok(BTreeMap::new()),
        Err(error) => Err(failure(error)),
    }
}

async fn marks(link: &Link, names: &[String]) -> Result<BTreeMap<String, String>, StoreError> {
    let found: Result<Vec<Option<String>>, RedisError> = link.query(redis::cmd("MGET").arg(names)).await;
    let found = match found {
        Err(error) if error.code() == Some("NOPERM") => return Ok(BTreeMap::new()),
        found => found.map_err(failure)?,
    };
    let marks = names.iter().zip(found);
    Ok(marks.filter_map(|(name, mark)| Some((name.clone(), mark?))).collect())
}

/// Without an expiry, and never over another's. Where it cannot be written, nothing is noticed, and nothing is hindered.
async fn mark(link: &Link, name: &str) {
    let generation = format!("{:016x}", Entropy::system().draw());
    let mut command = redis::cmd("SET");
    command.arg(name).arg(generation).arg("NX");
    let written: Result<Option<String>, RedisError> = link.query(&command).await;
    if let Err(error) = written {
        tracing::debug!(%error, name, "a mark by which lost data would be noticed cannot be written");
    }
}

fn read(info: &str) -> (String, Server) {
    let field = |name: &str| {
        let mut lines = info.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(field, _)| *field == name).map(|(_, value)| value.trim())
    };
    let eviction = match field("maxmemory_policy") {
        None => Eviction::Unknown,
        Some("noeviction") => Eviction::Never,
        Some(policy) => Eviction::Policy(policy.to_owned()),
    };
    let append_only = field("aof_enabled").map(|enabled| enabled == "1");
    (field("run_id").unwrap_or_default().to_owned(), Server { eviction, append_only })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_read_from_what_it_says_and_only_from_that() {
        let info =
            "# Server\r\nrun_id:abc\r\n\r\n# Memory\r\nmaxmemory_policy:volatile-lru\r\naof_enabled:1\r\n";
        let server =
            Server { eviction: Eviction::Policy("volatile-lru".to_owned()), append_only: Some(true) };
        assert_eq!(read(info), ("abc".to_owned(), server));
        let server = Server { eviction: Eviction::Never, append_only: Some(false) };
        assert_eq!(read("maxmemory_policy:noeviction\naof_enabled:0").1, server);
        let server = Server { eviction: Eviction::Unknown, append_only: None };
        assert_eq!(read("nonsense"), (String::new(), server));
    }
}
