use std::sync::OnceLock;

use redis::{Cmd, ErrorKind, FromRedisValue, RedisError, ServerErrorKind};

use crate::link::Link;

/// A script, which a server that has run it before knows by its hash.
pub(crate) struct Script {
    source: &'static str,
    hash: OnceLock<String>,
}

impl Script {
    pub(crate) const fn new(source: &'static str) -> Self {
        Self { source, hash: OnceLock::new() }
    }

    /// Runs it with what `fill` adds: the number of keys, the keys, and the rest.
    pub(crate) async fn run<T: FromRedisValue>(
        &self,
        link: &Link,
        fill: impl Fn(&mut Cmd),
    ) -> Result<T, RedisError> {
        let command = |verb, script: &str| {
            let mut command = redis::cmd(verb);
            fill(command.arg(script));
            command
        };
        match link.query(&command("EVALSHA", self.hash())).await {
            // After a restart, a failover, or `SCRIPT FLUSH`; nothing has been run yet.
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                link.query(&command("EVAL", self.source)).await
            }
            known => known,
        }
    }

    fn hash(&self) -> &str {
        self.hash.get_or_init(|| redis::Script::new(self.source).get_hash().to_owned())
    }
}
