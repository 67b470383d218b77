use buttress_http::host_of;

use super::{Key, KeyWriter, Presence};
use crate::Head;

/// The host that is asked; made by [`host`].
#[derive(Clone, Copy, Debug, Default)]
pub struct ByHost;

/// Counts each [host](host_of) that is asked for itself, with its port unless that is the scheme's own.
///
/// For clients: a server is asked for whatever host a stranger writes.
pub fn host() -> ByHost {
    ByHost
}

impl Key for ByHost {
    fn write(&self, head: &Head<'_>, into: &mut KeyWriter<'_>) -> Presence {
        let Some(host) = host_of(head.uri(), head.headers()) else { return Presence::Missing };
        into.part(host.as_bytes());
        Presence::Present
    }
}
