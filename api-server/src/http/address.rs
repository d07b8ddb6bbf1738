//! Where a request comes from. Behind proxies the peer is always a proxy: those that are named as ours
//! are believed what they say about whom they speak for, and nobody else is.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use axum::extract::{ConnectInfo, Request};
use axum::http::HeaderMap;

/// Addresses in one forwarding header that are looked at.
const FORWARDS_MAX: usize = 32;

/// Addresses that share their first bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: u128,
    bits: u32,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("is neither an address such as 10.0.0.1 nor a network such as 10.0.0.0/8")]
pub struct NotANetwork;

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u32>().map_err(|_| NotANetwork)?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NotANetwork)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        if bits > most {
            return Err(NotANetwork);
        }
        // All are counted as addresses of version 6, in which those of version 4 have a place.
        Ok(Self { address: number(address), bits: 128 - most + bits })
    }
}

impl Network {
    fn contains(self, address: IpAddr) -> bool {
        let differ = self.address ^ number(address);
        differ.leading_zeros() >= self.bits
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// What counts as one caller: an address of version 4, or the 64 bits of version 6 that one customer of
/// a provider gets, who can make up the rest.
pub(crate) fn household(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits() & !u128::from(u64::MAX),
    }
}

/// The address that a request comes from, as far as our proxies can tell.
pub(crate) fn of(request: &Request, proxies: &[Network]) -> Option<IpAddr> {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>()?.0.ip().to_canonical();
    Some(behind(peer, request.headers(), proxies))
}

/// Goes back from the peer as long as it is one of ours; whatever stands before that was written by
/// whoever sent the request.
fn behind(peer: IpAddr, headers: &HeaderMap, proxies: &[Network]) -> IpAddr {
    let ours = |address: IpAddr| proxies.iter().any(|network| network.contains(address));
    let mut seen = peer;
    let lines = headers.get_all("x-forwarded-for").iter().filter_map(|line| line.to_str().ok());
    let named: Vec<&str> = lines.flat_map(|line| line.split(',')).collect();
    for name in named.iter().rev().take(FORWARDS_MAX) {
        if !ours(seen) {
            break;
        }
        let Some(address) = parse(name.trim()) else { break };
        seen = address;
    }
    seen
}

/// Some proxies write the port too.
fn parse(text: &str) -> Option<IpAddr> {
    let bare = text.parse::<IpAddr>().ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    let in_brackets = || {
        let inner = text.strip_prefix('[')?.strip_suffix(']')?;
        inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
    };
    bare.or_else(with_port).or_else(in_brackets).map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn networks_hold_what_they_say() {
        let within =
            |network: &str, address| network.parse::<Network>().unwrap().contains(ip(address));
        assert!(within("10.0.0.0/8", "10.255.1.2"));
        assert!(!within("10.0.0.0/8", "11.0.0.1"));
        assert!(within("127.0.0.1", "::ffff:127.0.0.1"));
        assert!(within("fd00::/8", "fd12::1"));
        assert!(!within("0.0.0.0/0", "fd12::1"));
        assert!(within("::/0", "1.2.3.4"));
        for wrong in ["", "10.0.0.0/33", "10.0.0/8", "x", "10.0.0.0/x", "::1/129"] {
            assert_eq!(wrong.parse::<Network>(), Err(NotANetwork), "{wrong}");
        }
    }

    #[test]
    fn only_our_proxies_are_believed() {
        let proxies = ["10.0.0.0/8".parse().unwrap()];
        let seen = |peer, forwarded: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-forwarded-for", forwarded.parse().unwrap());
            behind(ip(peer), &headers, &proxies).to_string()
        };
        assert_eq!(seen("203.0.113.9", "198.51.100.1"), "203.0.113.9");
        assert_eq!(seen("10.0.0.1", "198.51.100.1"), "198.51.100.1");
        // The client wrote the first itself; our outer proxy saw the second.
        assert_eq!(seen("10.0.0.1", "192.0.2.7, 198.51.100.1, 10.0.0.2"), "198.51.100.1");
        assert_eq!(seen("10.0.0.1", "nonsense"), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", "198.51.100.1:4711"), "198.51.100.1");
        assert_eq!(seen("10.0.0.1", "[2001:db8::1]"), "2001:db8::1");
        assert_eq!(behind(ip("10.0.0.1"), &HeaderMap::new(), &proxies), ip("10.0.0.1"));
    }

    #[test]
    fn a_household_is_one_caller() {
        assert_eq!(household(ip("2001:db8::1")), household(ip("2001:db8::ffff:1")));
        assert_ne!(household(ip("2001:db8:0:1::1")), household(ip("2001:db8::1")));
        assert_ne!(household(ip("1.2.3.4")), household(ip("1.2.3.5")));
        assert_eq!(household(ip("::ffff:1.2.3.4")), household(ip("1.2.3.4")));
    }
}
