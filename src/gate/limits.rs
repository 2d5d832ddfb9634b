//! What holds card testers back before Stripe is called: who counts as one address, and how many calls an isolate makes.
//!
//! Kept true here: an address that can be changed at will (the lower half of IPv6) does not count as another one; the
//! bucket bounds what one isolate asks of the operator's Stripe account, whoever asks.

use crate::ledger::Millis;

/// How many calls a second one isolate starts towards Stripe for payers, and how many at once.
pub const CALLS_PER_SECOND: u32 = 8;

/// The key under which a client is limited: its IPv4 address, the /64 of its IPv6 address, or, for a request that
/// another Worker makes, that Worker's zone. Only Cloudflare's own addresses are believed to be a Worker's: the zone stands
/// in a header, and whoever could write it would be somebody else each time.
pub fn client_key(address: Option<&str>, worker_zone: Option<&str>) -> String {
    let address = address.map(str::parse::<std::net::IpAddr>);
    if let Some(Ok(std::net::IpAddr::V6(address))) = address
        && is_cloudflares(address)
        && let Some(zone) = worker_zone.filter(|zone| !zone.is_empty())
    {
        return format!("zone {}", zone.to_ascii_lowercase());
    }
    match address {
        Some(Ok(std::net::IpAddr::V4(address))) => address.to_string(),
        Some(Ok(std::net::IpAddr::V6(address))) => {
            let [a, b, c, d, ..] = address.segments();
            let mapped = address.to_ipv4_mapped().map(|address| address.to_string());
            mapped.unwrap_or_else(|| format!("{a:x}:{b:x}:{c:x}:{d:x}::/64"))
        }
        Some(Err(_)) | None => "unknown".to_owned(),
    }
}

/// 2a06:98c0::/29, one of <https://www.cloudflare.com/ips/>: all Workers share an address of it.
const fn is_cloudflares(address: std::net::Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    first == 0x2a06 && second & 0xfff8 == 0x98c0
}

/// A token bucket: `rate` tokens a second, at most `rate` at once.
#[derive(Debug, Clone)]
pub struct Bucket {
    rate: u32,
    /// In thousandths of a token.
    level: u64,
    at: Option<Millis>,
}

impl Bucket {
    /// A full bucket.
    pub const fn new(rate: u32) -> Self {
        Self { rate, level: 0, at: None }
    }

    /// Takes a token. False: there is none.
    pub fn take(&mut self, now: Millis) -> bool {
        let full = u64::from(self.rate).saturating_mul(1_000);
        let gained = match self.at {
            None => full,
            Some(at) => u64::try_from(now.since(at)).unwrap_or(0).saturating_mul(u64::from(self.rate)),
        };
        self.at = self.at.max(Some(now));
        self.level = self.level.saturating_add(gained).min(full);
        match self.level.checked_sub(1_000) {
            Some(left) => {
                self.level = left;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_can_be_changed_at_will_is_no_other_one() {
        let rows = [
            (Some("192.0.2.7"), None, "192.0.2.7"),
            (Some("2001:db8:1:2:3:4:5:6"), None, "2001:db8:1:2::/64"),
            (Some("2001:db8:1:2:ffff::1"), None, "2001:db8:1:2::/64"),
            (Some("::ffff:192.0.2.7"), None, "192.0.2.7"),
            (Some("2a06:98c0:3600::103"), Some("Other.example"), "zone other.example"),
            (Some("2a06:98c0:3600::103"), None, "2a06:98c0:3600:0::/64"),
            (Some("192.0.2.7"), Some("Other.example"), "192.0.2.7"),
            (Some("2a06:98c8::1"), Some("Other.example"), "2a06:98c8:0:0::/64"),
            (None, Some("Other.example"), "unknown"),
            (Some("nonsense"), None, "unknown"),
            (None, None, "unknown"),
            (None, Some(""), "unknown"),
        ];
        for (address, zone, key) in rows {
            assert_eq!(client_key(address, zone), key, "{address:?} {zone:?}");
        }
    }

    #[test]
    fn a_bucket_gives_its_rate_and_no_more() {
        let mut bucket = Bucket::new(8);
        let taken = |bucket: &mut Bucket, at| (0..100).filter(|_| bucket.take(Millis(at))).count();
        assert_eq!(taken(&mut bucket, 0), 8);
        assert_eq!(taken(&mut bucket, 124), 0);
        assert_eq!(taken(&mut bucket, 125), 1);
        assert_eq!(taken(&mut bucket, 625), 4);
        assert_eq!(taken(&mut bucket, 60_000), 8, "it does not fill beyond its rate");
        assert_eq!(taken(&mut bucket, 59_000), 0, "a clock that goes back gives nothing");
    }
}
