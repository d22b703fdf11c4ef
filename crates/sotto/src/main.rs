//! sotto: parse the command line, run a role.

use std::process::ExitCode;

use clap::Parser;
use sotto::cli::Cli;

fn main() -> ExitCode {
    match Cli::parse().command.run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("sotto: {error:#}");
            ExitCode::from(2)
        }
    }
}
