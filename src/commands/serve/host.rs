//! Whether a request is for vmrec itself.
//!
//! A page of another site can have its own name lead to this machine, and then ask vmrec under that
//! name. It cannot do so under an address, nor under a name that is not its own.

use std::net::IpAddr;

/// Returns whether a request's host is an address, `localhost`, or one of `names`.
pub(super) fn is_own(host: Option<&str>, names: &[String]) -> bool {
    let Some(name) = host.and_then(without_port) else { return false };
    let name = name.trim_end_matches('.');
    name.parse::<IpAddr>().is_ok()
        || name.eq_ignore_ascii_case("localhost")
        || names.iter().any(|own| name.eq_ignore_ascii_case(own))
}

/// Returns the host without its port; `None` if it is not written as one.
fn without_port(host: &str) -> Option<&str> {
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(rest) = host.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        return (port.is_empty() || port.strip_prefix(':').is_some_and(is_port)).then_some(address);
    }
    match host.split_once(':') {
        None => Some(host),
        Some((name, port)) => is_port(port).then_some(name),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_and_given_names_are_own_and_others_are_not() {
        let names = ["box.lan".to_owned()];
        for own in [
            "127.0.0.1:9190",
            "127.0.0.1",
            "[::1]:9190",
            "[::1]",
            "192.168.0.7:80",
            "localhost",
            "LocalHost:9190",
            "localhost.",
            "box.lan:9190",
            "BOX.lan",
        ] {
            assert!(is_own(Some(own), &names), "{own}");
        }
        for other in [
            "",
            "evil.example",
            "evil.example:9190",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "box.lan.evil.example",
            "[::1",
            "[::1]x",
            "localhost:9190:1",
            "localhost:x",
            "::1",
            "127.0.0.1@evil.example",
        ] {
            assert!(!is_own(Some(other), &names), "{other}");
        }
        assert!(!is_own(None, &names));
    }

    proptest! {
        #[test]
        fn no_name_with_a_dot_is_own_unless_given(name in "[a-z]{1,8}\\.[a-z]{2,8}(:[0-9]{1,5})?") {
            prop_assert!(!is_own(Some(&name), &[]));
        }
    }
}
