//! The names that a console answers to.

use std::net::SocketAddr;

/// The names this server answers to. A page of another site can make its own name resolve to this machine (DNS rebinding);
/// its requests then carry that name, and are turned away.
#[derive(Debug)]
pub(in crate::http) struct Hosts(Vec<String>);

impl Hosts {
    pub(in crate::http) fn of(address: SocketAddr, own_host: &str) -> Self {
        let port = address.port();
        let mut hosts = vec![
            own_host.to_owned(),
            address.to_string(),
            format!("127.0.0.1:{port}"),
            format!("localhost:{port}"),
            format!("[::1]:{port}"),
        ];
        if port == 80 {
            // Clients leave the default port out.
            hosts.extend(["127.0.0.1", "localhost", "[::1]"].map(str::to_owned));
            hosts.extend(own_host.strip_suffix(":80").map(str::to_owned));
        }
        Self(hosts)
    }

    pub(in crate::http) fn allow(&self, host: &str) -> bool {
        self.0
            .iter()
            .any(|allowed| allowed.eq_ignore_ascii_case(host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_own_loopback_names_with_the_own_port_are_answered_to() {
        let hosts = Hosts::of(
            SocketAddr::from(([127, 0, 0, 1], 7878)),
            "0123abcd.localhost:7878",
        );
        for host in [
            "0123abcd.localhost:7878",
            "127.0.0.1:7878",
            "localhost:7878",
            "LocalHost:7878",
            "[::1]:7878",
        ] {
            assert!(hosts.allow(host), "{host}");
        }
        for host in [
            "",
            "127.0.0.1",
            "localhost",
            "localhost:7879",
            "evil.example:7878",
            "localhost.evil.example:7878",
            "127.0.0.2:7878",
            "4567abcd.localhost:7878",
            "0123abcd.localhost:7879",
        ] {
            assert!(!hosts.allow(host), "{host}");
        }
        let default_port = Hosts::of(SocketAddr::from(([127, 0, 0, 2], 80)), "x.localhost:80");
        assert!(default_port.allow("localhost") && default_port.allow("x.localhost"));
    }
}
