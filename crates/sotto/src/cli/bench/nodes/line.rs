//! A node's own line to PostgreSQL, which can be cut.
//!
//! Cut, it is like a cable pulled out somewhere between the two: nothing arrives, nobody is told, and
//! each side believes its connections to be whole. What was sent meanwhile arrives when the line is
//! mended, as TCP would send it again.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use anyhow::{Context as _, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// The port of a URL that names none.
const POSTGRES: u16 = 5432;

/// The line of one node.
#[derive(Clone)]
pub(super) struct Line {
    /// The database's URL with the line's own ends in place of the servers.
    pub(super) url: String,
    whole: watch::Sender<bool>,
}

impl Line {
    /// A line to each server of a database; none where one is on another machine, whose certificate
    /// is for its own name, or is not reached by TCP.
    pub(super) async fn lay(url: &str) -> Result<Option<Self>> {
        let Some((head, servers, tail)) = servers(url) else { return Ok(None) };
        let (whole, state) = watch::channel(true);
        let mut ends = Vec::new();
        for server in servers {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
            let listener = listener.context("a line to the database finds no port")?;
            ends.push(listener.local_addr()?.to_string());
            tokio::spawn(listen(listener, server, state.clone()));
        }
        Ok(Some(Self { url: format!("{head}{}{tail}", ends.join(",")), whole }))
    }

    pub(super) fn cut(&self) {
        self.whole.send_replace(false);
    }

    pub(super) fn mend(&self) {
        self.whole.send_replace(true);
    }
}

async fn listen(listener: TcpListener, server: SocketAddr, whole: watch::Receiver<bool>) {
    while let Ok((node, _)) = listener.accept().await {
        tokio::spawn(carry(node, server, whole.clone()));
    }
}

/// Carries one connection both ways until both sides have ended it. One that is asked for while the
/// line is cut waits.
async fn carry(node: TcpStream, server: SocketAddr, mut whole: watch::Receiver<bool>) {
    if whole.wait_for(|whole| *whole).await.is_err() {
        return;
    }
    let Ok(server) = TcpStream::connect(server).await else { return };
    let _ = (node.set_nodelay(true), server.set_nodelay(true));
    let ((from_node, to_node), (from_server, to_server)) = (node.into_split(), server.into_split());
    tokio::join!(
        one_way(from_node, to_server, whole.clone()),
        one_way(from_server, to_node, whole.clone())
    );
}

async fn one_way(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut whole: watch::Receiver<bool>,
) {
    let mut room = vec![0; 1 << 14];
    loop {
        let read = from.read(&mut room).await.unwrap_or(0);
        // Also the end of the other side is not heard of before the line is mended.
        if whole.wait_for(|whole| *whole).await.is_err() {
            return;
        }
        let some = room.get(..read).unwrap_or_default();
        if some.is_empty() || to.write_all(some).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}

/// The servers of a URL, if all are on this machine, and what stands before and behind them.
fn servers(url: &str) -> Option<(&str, Vec<SocketAddr>, &str)> {
    let begin = url.find("://")?.checked_add(3)?;
    let (_, rest) = url.split_at_checked(begin)?;
    let end = begin.checked_add(rest.find(['/', '?']).unwrap_or(rest.len()))?;
    let (authority, tail) = url.split_at_checked(end)?;
    let hosts = authority.rfind('@').map_or(begin, |at| at.saturating_add(1));
    let (head, hosts) = authority.split_at_checked(hosts)?;
    let server = |host: &str| {
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) => (name, port.parse().ok()?),
            None => (host, POSTGRES),
        };
        let address = if name == "localhost" { Ipv4Addr::LOCALHOST } else { name.parse().ok()? };
        address.is_loopback().then(|| SocketAddrV4::new(address, port).into())
    };
    Some((head, hosts.split(',').map(server).collect::<Option<_>>()?, tail))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_servers_on_this_machine_get_a_line() {
        for (url, wanted) in [
            ("postgres://a:b@127.0.0.1:5433/c", Some(("postgres://a:b@", vec![5433], "/c"))),
            ("postgres://a@localhost/c?x=y", Some(("postgres://a@", vec![5432], "/c?x=y"))),
            (
                "postgresql://a@127.0.0.1:1,127.0.0.1:2/c?target_session_attrs=read-write",
                Some(("postgresql://a@", vec![1, 2], "/c?target_session_attrs=read-write")),
            ),
            ("postgres://127.0.0.1:7", Some(("postgres://", vec![7], ""))),
            ("postgres://a@127.0.0.1:1,db.example.com:2/c", None),
            ("postgres://a@192.0.2.1/c", None),
            ("postgres:///c?host=/tmp", None),
            ("postgres://a@127.0.0.1:port/c", None),
            ("sqlite:x.db", None),
        ] {
            let found = servers(url);
            let ports = |servers: &[SocketAddr]| servers.iter().map(SocketAddr::port).collect();
            let found = found.as_ref().map(|(head, all, tail)| (*head, ports(all), *tail));
            assert_eq!(found, wanted, "{url}");
        }
    }

    /// A server that says everything again.
    async fn echo() -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut peer, _)) = listener.accept().await {
                let (mut from, mut to) = peer.split();
                let _ = tokio::io::copy(&mut from, &mut to).await;
            }
        });
        address
    }

    #[tokio::test]
    async fn what_is_sent_while_the_line_is_cut_arrives_when_it_is_mended() {
        let line = Line::lay(&format!("postgres://a@{}/c", echo().await)).await.unwrap().unwrap();
        let end = line.url.strip_prefix("postgres://a@").unwrap().strip_suffix("/c").unwrap();
        let mut node = TcpStream::connect(end).await.unwrap();
        let mut heard = [0; 3];
        node.write_all(b"one").await.unwrap();
        node.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"one");
        line.cut();
        node.write_all(b"two").await.unwrap();
        let silent = tokio::time::timeout(Duration::from_millis(100), node.read_exact(&mut heard));
        assert!(silent.await.is_err(), "{heard:?}");
        line.mend();
        node.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"two");
        // And the end of one side is the other's.
        node.shutdown().await.unwrap();
        assert_eq!(node.read(&mut heard).await.unwrap(), 0);
    }
}
