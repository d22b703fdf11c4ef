//! `sotto ready`: asks a running server whether it takes messages, for scripts and containers.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;

use crate::config::Config;

/// Longer than the server itself waits for its database.
const PATIENCE: Duration = Duration::from_secs(15);

/// Ask a running server whether it takes messages: exit code 0, or 1 and the reason.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  sotto ready --config /etc/sotto/sotto.toml\n  \
    sotto ready --address 127.0.0.1:8080")]
pub struct Args {
    /// The server with these settings.
    #[arg(long, value_name = "FILE", env = "SOTTO_CONFIG", required_unless_present = "address")]
    config: Option<PathBuf>,
    /// The server at this address.
    #[arg(long, value_name = "ADDRESS", conflicts_with = "config")]
    address: Option<SocketAddr>,
}

/// Runs the verb.
///
/// # Errors
/// What went wrong, in one line for the person at the terminal.
pub fn run(args: &Args) -> Result<ExitCode> {
    let address = match (&args.config, args.address) {
        (_, Some(address)) => address,
        (Some(file), None) => reachable(Config::load(file)?.http.listen),
        (None, None) => anyhow::bail!("give --config or --address"),
    };
    match ask(address) {
        Ok((200, _)) => {
            println!("ready");
            Ok(ExitCode::SUCCESS)
        }
        Ok((_, body)) => {
            let problem: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
            let because = problem.get("detail").and_then(|word| word.as_str());
            eprintln!("sotto: not ready: {}", because.unwrap_or("an answer that is none of ours"));
            Ok(ExitCode::FAILURE)
        }
        Err(error) => {
            eprintln!("sotto: nobody answers at {address} ({})", error.kind());
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Where to ask a server that listens everywhere.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, listen.port())
}

fn ask(address: SocketAddr) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let request = format!("GET /readyz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.take(64 * 1024).read_to_string(&mut answer)?;
    let status = answer.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Ok((status, body.to_owned()))
}
