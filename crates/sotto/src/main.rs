//! sotto: parse the command line, run a role.

use std::process::ExitCode;

use clap::Parser;
use sotto::cli::Cli;
use sotto::observe::discretion;

/// A message makes some thousand small allocations, on threads that hand them to each other.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    discretion::keep_panics_brief();
    if let Err(error) = discretion::keep_memory_private() {
        eprintln!("sotto: core dumps cannot be switched off ({error}); nothing was opened");
        return ExitCode::from(2);
    }
    match Cli::parse().command.run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("sotto: {error:#}");
            ExitCode::from(2)
        }
    }
}
