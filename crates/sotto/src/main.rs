//! sotto: parse the command line, run a role.

use std::process::ExitCode;

use clap::Parser;
use sotto::cli::Cli;

/// A message makes some thousand small allocations, on threads that hand them to each other.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match Cli::parse().command.run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("sotto: {error:#}");
            ExitCode::from(2)
        }
    }
}
