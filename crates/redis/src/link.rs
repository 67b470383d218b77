#[cfg(feature = "idempotency")]
use std::collections::BTreeMap;
use std::time::Duration;

use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
#[cfg(feature = "idempotency")]
use redis::cluster_routing::{MultipleNodeRoutingInfo, RoutingInfo, SingleNodeRoutingInfo};
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionInfo, FromRedisValue, IntoConnectionInfo, RedisError,
};

use crate::line::Line;

/// How long to wait for a server.
#[derive(Clone, Copy)]
pub(crate) struct Patience {
    /// To be connected.
    pub(crate) connect: Duration,
    /// To have an answer.
    pub(crate) call: Duration,
}

/// The connection: one that many calls share, and that is made anew when it is lost.
pub(crate) enum Link {
    One(Line),
    Cluster(ClusterConnection),
}

/// How long bytes may go unacknowledged until the connection counts as lost: the host has vanished without a word.
const VANISHED_AFTER: Duration = Duration::from_secs(5);

impl Link {
    /// Connects and looks what answers.
    pub(crate) async fn open(urls: &[String], patience: Patience) -> Result<Self, RedisError> {
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
    pub(crate) fn open_one(server: ConnectionInfo, patience: Patience) -> Result<Self, RedisError> {
        Line::open(server, patience).map(Self::One)
    }

    async fn open_cluster(servers: Vec<ConnectionInfo>, patience: Patience) -> Result<Self, RedisError> {
        // Never a replica: it would answer with the past, and the limits would wobble.
        let client = ClusterClient::builder(servers)
            .connection_timeout(patience.connect)
            .response_timeout(patience.call)
            .tcp_settings(tcp())
            .build()?;
        client.get_async_connection().await.map(Self::Cluster)
    }

    pub(crate) fn is_cluster(&self) -> bool {
        matches!(self, Self::Cluster(_))
    }

    /// Asks the server that has the key of the command.
    pub(crate) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, RedisError> {
        match self {
            Self::One(line) => line.query(command).await,
            Self::Cluster(connection) => command.query_async(&mut connection.clone()).await,
        }
    }

    /// Asks all servers that own keys, and says who answered what. A single server is called nothing.
    #[cfg(feature = "idempotency")]
    pub(crate) async fn query_all<T>(&self, command: Cmd) -> Result<BTreeMap<String, T>, RedisError>
    where
        T: FromRedisValue,
    {
        let Self::Cluster(connection) = self else {
            return Ok(BTreeMap::from([(String::new(), self.query(&command).await?)]));
        };
        let primaries = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
        let answers = connection.clone().route_command(command, primaries).await?;
        Ok(redis::from_redis_value(answers)?)
    }

    /// Asks one of those that [`query_all`](Self::query_all) named.
    #[cfg(feature = "idempotency")]
    pub(crate) async fn query_at<T>(&self, server: &str, command: Cmd) -> Result<T, RedisError>
    where
        T: FromRedisValue,
    {
        let (Self::Cluster(connection), Some((host, port))) = (self, server.rsplit_once(':')) else {
            return self.query(&command).await;
        };
        let (host, port) = (host.to_owned(), port.parse().unwrap_or_default());
        let server = RoutingInfo::SingleNode(SingleNodeRoutingInfo::ByAddress { host, port });
        let answer = connection.clone().route_command(command, server).await?;
        Ok(redis::from_redis_value(answer)?)
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
async fn is_in_a_cluster(server: &ConnectionInfo, patience: Patience) -> Result<bool, RedisError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(patience.connect))
        .set_response_timeout(Some(patience.connect));
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
