//! How a server ends: it says that it takes nothing more, finishes what is on its way, and is gone
//! within a bound. Everything it took is on disk before, so a bound that is too short, a second
//! signal or a kill loses nothing: what was on the wire is settled at the next start.

use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The longest an orderly end may take. Longer than a message waits for its carrier's line and
/// answer; shorter than `TimeoutStopSec` in packaging/sotto.service.
pub(super) const BOUND: Duration = Duration::from_secs(30);

/// How long requests under way may take of it. The caller of one that is cut off asks again with
/// the same Idempotency-Key.
pub(super) const REQUESTS: Duration = Duration::from_secs(5);

/// SIGTERM, Ctrl-C and SIGHUP, heard from the moment this is made: none is missed between two waits.
pub(in crate::cli) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    /// Listens.
    pub(in crate::cli) fn listen() -> Result<Self> {
        let listen = |kind| signal(kind).context("signals cannot be listened for");
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hang_up: listen(SignalKind::hangup())?,
        })
    }

    /// Returns when somebody asks the program to read its settings again: false; or to stop: true.
    pub(super) async fn reload_or_stop(&mut self) -> bool {
        tokio::select! {
            _ = self.hang_up.recv() => false,
            _ = self.terminate.recv() => true,
            _ = self.interrupt.recv() => true,
        }
    }

    /// Returns when somebody asks the program to stop.
    pub(in crate::cli) async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Waits for the orderly end, the bound, or a second signal, whichever is first. Only the first
/// returns; the others end the process here, since a database that hangs must not hold it.
pub(super) async fn in_order(rest: impl Future<Output = ()>, signals: &mut Signals) {
    tokio::select! {
        () = rest => {}
        () = bound() => {
            tracing::warn!(bound_s = BOUND.as_secs(), "serve.drain_cut_off");
            eprintln!("sotto: not everything was finished in time; the next start settles the rest");
            std::process::exit(0);
        }
        () = signals.stop() => {
            eprintln!("sotto: asked twice: ended at once; the next start settles the rest");
            std::process::exit(1);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a limit of life, which no simulation stretches")]
async fn bound() {
    tokio::time::sleep(BOUND).await;
}
