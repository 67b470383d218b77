use arrayvec::ArrayVec;
use http::header::HOST;

use super::{Key, KeyWriter, Presence};
use crate::Head;

/// The host that is asked; made by [`host`].
#[derive(Clone, Copy, Debug, Default)]
pub struct ByHost;

/// Counts each host that is asked for itself, with its port if one is given, in whatever case it is written.
///
/// For clients: a server is asked for whatever host a stranger writes.
pub fn host() -> ByHost {
    ByHost
}

/// The longest name that DNS knows has 253 characters; with a port of 5 and a colon that makes 259.
const LONGEST: usize = 264;

impl Key for ByHost {
    fn write(&self, head: &Head<'_>, into: &mut KeyWriter<'_>) -> Presence {
        let of_uri = head.uri().authority().map(|authority| {
            // What precedes the @ is a credential.
            authority.as_str().rsplit('@').next().unwrap_or_default()
        });
        let of_header = || head.headers().get(HOST)?.to_str().ok();
        let Some(host) = of_uri.or_else(of_header).filter(|host| (1..=LONGEST).contains(&host.len())) else {
            return Presence::Missing;
        };
        let lower: ArrayVec<u8, LONGEST> = host.bytes().map(|byte| byte.to_ascii_lowercase()).collect();
        into.part(&lower);
        Presence::Present
    }
}
