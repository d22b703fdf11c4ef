//! The twin's SMSC alone, for a client that nobody here wrote: `web/tests/strangers` binds PyPI
//! `smpplib` to it. It prints its port, ends with its standard input, and then prints what it got.
//!
//! ```sh
//! cargo run -p twin --example smsc
//! ```

use std::io::Read as _;
use std::process::ExitCode;

use twin::{Behaviour, Persona, SmppConfig, Twin, TwinConfig, WorldClock};

#[tokio::main]
async fn main() -> ExitCode {
    let answer = Behaviour::Says(vec!["C, allí estaré €".to_owned()]);
    let config = TwinConfig {
        clock: WorldClock::scaled(None, 600.0),
        smpp: Some(SmppConfig {
            accounts: vec![("stranger".to_owned(), "secret".to_owned())],
            ..SmppConfig::default()
        }),
        patients: vec![Persona::mobile("+12025550101", answer)],
        ..TwinConfig::default()
    };
    let twin = match Twin::start(config).await {
        Ok(twin) => twin,
        Err(error) => {
            eprintln!("smsc: {error}");
            return ExitCode::FAILURE;
        }
    };
    println!("{}", twin.smpp_address().map_or(0, |address| address.port()));
    let closed = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    let _ = closed.await;
    println!("{}", serde_json::json!({ "texts": twin.record().texts }));
    twin.shutdown().await;
    ExitCode::SUCCESS
}
