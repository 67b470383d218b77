use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::canonical::canonical;

pub(super) const IPV4_PREFIX: u8 = 32;
pub(super) const IPV6_PREFIX: u8 = 64;

/// The other end of the connection, as a server knows it from its socket.
///
/// A request extension. The server puts it there; one that reads the PROXY protocol puts the address from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PeerAddr(pub SocketAddr);

/// The address of the client, and the network that counts as one client.
///
/// A request extension, written by [`ClientAddrResolver::insert_into`] and read by whoever needs an address. It is
/// canonical: an IPv4 address that came as `::ffff:192.0.2.1` or, through NAT64, as `64:ff9b::c000:201` is `192.0.2.1`.
///
/// ```
/// use buttress_http::ClientAddr;
///
/// let client = ClientAddr::new("2001:db8:1:2:3:4:5:6".parse()?).ok_or("unspecified")?;
/// let neighbour = ClientAddr::new("2001:db8:1:2::1".parse()?).ok_or("unspecified")?;
/// assert_ne!(client.addr(), neighbour.addr());
/// assert_eq!(client.key(), neighbour.key());
/// assert_eq!(client.network().to_string(), "2001:db8:1:2::");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [`ClientAddrResolver::insert_into`]: super::ClientAddrResolver::insert_into
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientAddr {
    addr: IpAddr,
    prefix: u8,
}

impl ClientAddr {
    /// A client of its own for each IPv4 address and for each IPv6 network of 64 bits.
    ///
    /// None for `0.0.0.0` and `::`, which are nobody's address.
    pub fn new(addr: IpAddr) -> Option<Self> {
        canonical(addr).map(|addr| Self::of(addr, IPV4_PREFIX, IPV6_PREFIX))
    }

    /// By prefixes that are not longer than the addresses.
    #[inline]
    pub(super) fn of(canonical: IpAddr, ipv4_prefix: u8, ipv6_prefix: u8) -> Self {
        let prefix = match canonical {
            IpAddr::V4(_) => ipv4_prefix,
            IpAddr::V6(_) => ipv6_prefix,
        };
        Self { addr: canonical, prefix }
    }

    /// The same address in networks of other lengths, in bits: a prefix longer than the address is the whole address.
    ///
    /// Somebody who holds an IPv6 /48 has 65,536 networks of 64 bits; a second limit on `with_prefixes(32, 48)` meets
    /// all of them at once.
    #[must_use]
    pub fn with_prefixes(self, ipv4_prefix: u8, ipv6_prefix: u8) -> Self {
        Self::of(self.addr, ipv4_prefix.min(32), ipv6_prefix.min(128))
    }

    /// The whole address.
    #[inline]
    pub fn addr(&self) -> IpAddr {
        self.addr
    }

    /// The first address of the network that counts as this client.
    #[inline]
    pub fn network(&self) -> IpAddr {
        match self.addr {
            IpAddr::V4(addr) => {
                // In a word that is long enough to be shifted by all 32 bits.
                let mask = u64::from(u32::MAX) << (32 - self.prefix);
                let [.., a, b, c, d] = (u64::from(addr.to_bits()) & mask).to_be_bytes();
                Ipv4Addr::new(a, b, c, d).into()
            }
            IpAddr::V6(addr) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0);
                Ipv6Addr::from_bits(addr.to_bits() & mask).into()
            }
        }
    }

    /// How many bits of the address name the network.
    pub fn prefix(&self) -> u8 {
        self.prefix
    }

    /// The network as bytes, equal exactly for those who count as one client; IPv4 in its mapped form.
    ///
    /// Keys of different prefixes are not told apart: what counts per /48 and what counts per /64 need separate tables.
    #[inline]
    pub fn key(&self) -> [u8; 16] {
        match self.network() {
            IpAddr::V4(network) => network.to_ipv6_mapped().octets(),
            IpAddr::V6(network) => network.octets(),
        }
    }
}

impl fmt::Display for ClientAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.addr, f)
    }
}

impl fmt::Debug for ClientAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientAddr({}/{})", self.addr, self.prefix)
    }
}
