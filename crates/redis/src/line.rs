use std::time::Duration;

use parking_lot::Mutex;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, Cmd, ConnectionInfo, ErrorKind, FromRedisValue, RedisError, ServerErrorKind};

use crate::link::Patience;

/// Calls that may wait for the connection to take them; more wait for those.
const QUEUE: usize = 512;
/// Between two attempts to connect again; then the next call asks for it anew.
const RECONNECT_EVERY: Duration = Duration::from_millis(500);
const RECONNECT_TIMES: usize = 10;

/// The connection to a single server, which comes back by itself after it was lost.
///
/// A server that only reads answers and so is not lost. But it may have been the primary under an address that leads to
/// its successor by now, so it is left, and the next call connects anew.
pub(crate) struct Line {
    server: ConnectionInfo,
    patience: Patience,
    current: Mutex<Current>,
}

#[derive(Clone)]
struct Current {
    connection: ConnectionManager,
    /// Of those there have been, so that of many calls which it refused one replaces it.
    number: u64,
}

impl Line {
    /// Connects with the first call.
    pub(crate) fn open(server: ConnectionInfo, patience: Patience) -> Result<Self, RedisError> {
        let current = Current { connection: connection(&server, patience)?, number: 0 };
        Ok(Self { server, patience, current: Mutex::new(current) })
    }

    pub(crate) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, RedisError> {
        let Current { mut connection, number } = self.current.lock().clone();
        let answer = command.query_async(&mut connection).await;
        if answer.as_ref().is_err_and(only_reads) {
            self.leave(number);
        }
        answer
    }

    fn leave(&self, number: u64) {
        let mut current = self.current.lock();
        // It was made of the same settings before.
        if current.number == number
            && let Ok(connection) = connection(&self.server, self.patience)
        {
            *current = Current { connection, number: number + 1 };
        }
    }
}

/// Old servers put the place in the script in front of what went wrong there.
fn only_reads(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly)
        || error.detail().is_some_and(|detail| detail.contains("READONLY"))
}

fn connection(server: &ConnectionInfo, patience: Patience) -> Result<ConnectionManager, RedisError> {
    let config = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(patience.connect))
        .set_response_timeout(Some(patience.call))
        .set_pipeline_buffer_size(QUEUE)
        .set_max_delay(RECONNECT_EVERY)
        .set_number_of_retries(RECONNECT_TIMES);
    ConnectionManager::new_lazy_with_config(Client::open(server.clone())?, config)
}
