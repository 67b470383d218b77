use super::server::RedisServer;
use crate::server::wait_until;

const SLOTS: u16 = 16_384;

/// Three masters that share the slots of a Redis Cluster among them; no replicas.
#[derive(Debug)]
pub struct RedisCluster {
    nodes: [RedisServer; 3],
}

impl RedisCluster {
    /// Starts the servers, joins them, and waits until each of them says that the cluster is complete.
    ///
    /// # Panics
    ///
    /// If `redis-server` is missing or too old (7.0 is enough), or the cluster does not come up.
    pub fn start() -> Self {
        let nodes = [(); 3].map(|()| RedisServer::start_node());
        for (place, (node, first)) in (0..).zip(nodes.iter().zip([0, 5_461, 10_923])) {
            let next = [5_461, 10_923, SLOTS][place];
            let (from, to) = (first.to_string(), (next - 1).to_string());
            assert_eq!(node.ask(&["CLUSTER", "ADDSLOTSRANGE", &from, &to]), "OK");
            assert_eq!(node.ask(&["CONFIG", "SET", "cluster-announce-ip", "127.0.0.1"]), "OK");
        }
        for node in &nodes[1..] {
            let (port, bus) = (node.port().to_string(), bus_port(node));
            assert_eq!(nodes[0].ask(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]), "OK");
        }
        let cluster = Self { nodes };
        wait_until("the cluster is not complete", || cluster.nodes.iter().all(is_complete));
        cluster
    }

    /// The addresses of all servers, as clients want them.
    pub fn urls(&self) -> [String; 3] {
        self.nodes.each_ref().map(RedisServer::url)
    }

    /// The servers.
    pub fn nodes(&mut self) -> &mut [RedisServer; 3] {
        &mut self.nodes
    }
}

fn bus_port(node: &RedisServer) -> String {
    let answer = node.ask(&["CONFIG", "GET", "cluster-port"]);
    answer.lines().last().unwrap_or_default().to_owned()
}

/// All slots have a server, and this one knows the two others.
fn is_complete(node: &RedisServer) -> bool {
    let info = node.ask(&["CLUSTER", "INFO"]);
    ["cluster_state:ok", "cluster_known_nodes:3", "cluster_slots_assigned:16384"]
        .iter()
        .all(|fact| info.contains(fact))
}
