use buttress_idempotency::{Invalidated, RecordId, StoreError, StoreErrorKind};
use futures_util::future::join_all;
use redis::RedisError;

use super::failure::failure;
use super::names::Names;
use super::scripts;
use crate::link::Link;

/// About so many keys are looked at, and then forgotten at once, before the server serves others.
const AT_ONCE: u32 = 256;

/// Goes through the names of all records, server by server, a few at a time.
struct Walk<'a> {
    link: &'a Link,
    names: &'a Names,
    servers: Vec<String>,
    cursor: u64,
}

impl<'a> Walk<'a> {
    async fn begin(link: &'a Link, names: &'a Names) -> Result<Self, StoreError> {
        let pongs = link.query_all::<String>(redis::cmd("PING")).await.map_err(failure)?;
        Ok(Self { link, names, servers: pongs.into_keys().collect(), cursor: 0 })
    }

    /// The next few, perhaps none; nothing at the end. Some may come twice.
    async fn next(&mut self) -> Result<Option<Vec<RecordId>>, StoreError> {
        let Some(server) = self.servers.last() else { return Ok(None) };
        let mut scan = redis::cmd("SCAN");
        scan.arg(self.cursor).arg("MATCH").arg(self.names.pattern()).arg("COUNT").arg(AT_ONCE);
        let scanned: Result<(u64, Vec<Vec<u8>>), RedisError> = self.link.query_at(server, scan).await;
        let (cursor, keys) = scanned.map_err(failure)?;
        self.cursor = cursor;
        if cursor == 0 {
            self.servers.pop();
        }
        Ok(Some(keys.iter().filter_map(|key| self.names.id(key)).collect()))
    }
}

/// How many keys of records there are.
pub(super) async fn count(link: &Link, names: &Names) -> Result<u64, StoreError> {
    let mut walk = Walk::begin(link, names).await?;
    let mut count = 0;
    while let Some(ids) = walk.next().await? {
        count += ids.len() as u64;
    }
    Ok(count)
}

/// Forgets all records but those whose owner runs, and says how many. One that cannot be read stays, is stepped over,
/// and is told in the end.
pub(super) async fn clear(link: &Link, names: &Names) -> Result<u64, StoreError> {
    let mut walk = Walk::begin(link, names).await?;
    let (mut removed, mut spoilt) = (0, None);
    while let Some(ids) = walk.next().await? {
        for answer in join_all(ids.into_iter().map(|id| scripts::invalidate(link, names, id))).await {
            match answer {
                Ok(Invalidated::Removed) => removed += 1,
                Ok(_) => {}
                Err(error) if error.kind() == StoreErrorKind::Corrupt => spoilt = Some(error),
                Err(error) => return Err(error),
            }
        }
    }
    spoilt.map_or(Ok(removed), Err)
}
