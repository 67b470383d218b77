/// What a [`RedisRecords`](crate::RedisRecords) knows of its server, or of all primaries of its Cluster.
///
/// As it was found by the latest look; see [`look`](crate::RedisRecords::look).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// Whether records can be thrown away to make room.
    pub eviction: Eviction,
    /// Whether all write what they change to a file (`appendonly`); `None` if they do not say.
    pub append_only: Option<bool>,
    /// How often data was found lost: a server came back empty, or somebody flushed it.
    pub losses: u64,
    /// How often there was a server that had not been there before: it was started again, promoted, or added. What it
    /// had not written or not been sent by then is lost with nothing to show for it.
    pub restarts: u64,
}

/// What a server does when its memory is used up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Eviction {
    /// It refuses what needs more.
    Never,
    /// It throws keys away, by this `maxmemory-policy`. All records have an expiry, so the `volatile` ones do it too.
    Policy(String),
    /// It does not say.
    #[default]
    Unknown,
}
