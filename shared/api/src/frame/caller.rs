//! Who is calling, once let in.

use crate::error::ApiError;
use anyspend_domain::api_key::Permissions;
use anyspend_domain::{Mode, OrgId, Owned, Owner};
use std::net::IpAddr;

/// What a caller without a credential is called.
pub const ANONYMOUS: &str = "anonymous";

/// A caller that was let in.
#[derive(Debug, Clone)]
pub struct Caller {
    /// What it may see.
    pub owner: Owner,
    /// `api_key`, `session` or `anonymous`.
    pub actor_type: &'static str,
    /// The credential's public id.
    pub actor_id: String,
    /// What it may do.
    pub permissions: Permissions,
    /// The limit of the key it presented, where that has one of its own.
    pub key_rate_limit: Option<u32>,
}

impl Caller {
    /// Somebody without a credential, by the mark of the network the call came from.
    pub(crate) fn anonymous(mark: Option<String>) -> Self {
        Self {
            owner: Owner { org: OrgId::anonymous(), mode: Mode::Test },
            actor_type: ANONYMOUS,
            actor_id: mark.unwrap_or_else(|| "unknown".to_owned()),
            permissions: Permissions::admin(),
            key_rate_limit: None,
        }
    }

    /// Whether it presented no credential.
    pub fn is_anonymous(&self) -> bool {
        self.actor_type == ANONYMOUS
    }

    /// What was found, if it is the caller's; another's object is answered exactly like none.
    ///
    /// # Errors
    /// `resource_not_found`.
    pub fn own<T: Owned>(&self, found: Option<T>, id: &str) -> Result<T, ApiError> {
        found.filter(|object| *object.owner() == self.owner).ok_or_else(|| ApiError::not_found(T::OBJECT, id))
    }
}

/// The part of an IP address that one client holds: an IPv4 address, or an IPv6 /64.
pub fn client_network(ip: IpAddr) -> String {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_client_is_its_network_and_a_mapped_ipv4_is_itself() {
        assert_eq!(client_network("2001:db8:1:2:3:4:5:6".parse().unwrap()), "2001:db8:1:2::/64");
        assert_eq!(client_network("::ffff:192.0.2.7".parse().unwrap()), "192.0.2.7");
    }
}
