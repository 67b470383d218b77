use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionInfo, FromRedisValue, IntoConnectionInfo, RedisError,
};

/// The connection: one that many calls share, and that is made anew when it is lost.
pub(crate) enum Link {
    One(ConnectionManager),
    Cluster(ClusterConnection),
}

/// Calls that may wait for the connection to take them; more wait for those.
const QUEUE: usize = 512;
/// How long bytes may go unacknowledged until the connection counts as lost: the host has vanished without a word.
const VANISHED_AFTER: Duration = Duration::from_secs(5);
/// Between two attempts to connect again; then the next call asks for it anew.
const RECONNECT_EVERY: Duration = Duration::from_millis(500);
const RECONNECT_TIMES: usize = 10;

impl Link {
    /// Connects and looks what answers.
    pub(crate) async fn open(urls: &[String], patience: Duration) -> Result<Self, RedisError> {
        let servers: Result<Vec<ConnectionInfo>, RedisError> = urls.iter().map(|url| address(url)).collect();
        let servers = servers?;
        let mut last = RedisError::from((redis::ErrorKind::InvalidClientConfig, "no address"));
        for server in &servers {
            match is_in_a_cluster(server, patience).await {
                Ok(true) => return Self::open_cluster(servers, patience).await,
                Ok(false) => return Self::open_one(server.clone(), patience),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// A single server, which is connected to by the first call.
    pub(crate) fn open_one(server: ConnectionInfo, patience: Duration) -> Result<Self, RedisError> {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(patience))
            .set_response_timeout(Some(patience))
            .set_pipeline_buffer_size(QUEUE)
            .set_max_delay(RECONNECT_EVERY)
            .set_number_of_retries(RECONNECT_TIMES);
        ConnectionManager::new_lazy_with_config(Client::open(server)?, config).map(Self::One)
    }

    async fn open_cluster(servers: Vec<ConnectionInfo>, patience: Duration) -> Result<Self, RedisError> {
        // Never a replica: it would answer with the past, and the limits would wobble.
        let client = ClusterClient::builder(servers)
            .connection_timeout(patience)
            .response_timeout(patience)
            .tcp_settings(tcp())
            .build()?;
        client.get_async_connection().await.map(Self::Cluster)
    }

    pub(crate) fn is_cluster(&self) -> bool {
        matches!(self, Self::Cluster(_))
    }

    pub(crate) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, RedisError> {
        match self {
            Self::One(connection) => command.query_async(&mut connection.clone()).await,
            Self::Cluster(connection) => command.query_async(&mut connection.clone()).await,
        }
    }
}

pub(crate) fn address(url: &str) -> Result<ConnectionInfo, RedisError> {
    url.into_connection_info().map(|server| server.set_tcp_settings(tcp()))
}

fn tcp() -> TcpSettings {
    let settings = TcpSettings::default().set_nodelay(true);
    #[cfg(target_os = "linux")]
    let settings = settings.set_user_timeout(VANISHED_AFTER);
    settings
}

/// Asks a server whether it shares its keys with others.
async fn is_in_a_cluster(server: &ConnectionInfo, patience: Duration) -> Result<bool, RedisError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(patience))
        .set_response_timeout(Some(patience));
    let client = Client::open(server.clone())?;
    let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
    let info: Result<String, RedisError> =
        redis::cmd("INFO").arg("cluster").query_async(&mut connection).await;
    match info {
        Ok(info) => Ok(info.contains("cluster_enabled:1")),
        // It answers, and this user may not ask it that.
        Err(error) if error.code() == Some("NOPERM") => Ok(false),
        Err(error) => Err(error),
    }
}
