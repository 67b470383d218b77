//! Who the client is, behind proxies that are known by address and beside those that are not.

mod addr;
mod builder;
mod canonical;
mod forwarded;
mod header;
mod node;
mod resolved;
mod resolver;
mod rules;
mod trusted;

pub use addr::{ClientAddr, PeerAddr};
pub use builder::ClientAddrResolverBuilder;
pub use header::ForwardedBy;
pub use resolved::{How, Resolved};
pub use resolver::ClientAddrResolver;
