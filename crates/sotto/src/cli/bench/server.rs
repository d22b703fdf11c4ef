//! `sotto serve` as a child, and what the kernel says of it.

use std::cell::Cell;
use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

/// The kernel counts CPU in these, on every Linux there is (`getconf CLK_TCK`).
const TICKS_PER_SECOND: f64 = 100.0;

/// A running server; dropping it kills it.
pub(super) struct Server {
    child: Child,
    pub(super) address: SocketAddr,
}

impl Server {
    /// Starts it and returns when it listens.
    pub(super) fn start(settings: &Path) -> Result<Self> {
        Self::start_other(&std::env::current_exe()?, settings)
    }

    /// The same, of another version of this program.
    pub(super) fn start_other(binary: &Path, settings: &Path) -> Result<Self> {
        let mut child = Command::new(binary)
            .args(["serve", "--config"])
            .arg(settings)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("the server cannot be started")?;
        let said = child.stderr.take().context("the server's log cannot be read")?;
        match listening(BufReader::new(said)) {
            Ok(address) => Ok(Self { child, address }),
            Err(error) => {
                // It ends by itself after a failed start; then there is nothing to kill.
                let _ = child.kill();
                let _ = child.wait();
                Err(error)
            }
        }
    }

    /// The process's number.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// CPU seconds it took until now, in user and kernel.
    pub(super) fn cpu_seconds(&self) -> Result<f64> {
        let path = format!("/proc/{}/stat", self.child.id());
        let text = std::fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
        cpu_of(&text).with_context(|| format!("{path} is not as proc(5) says"))
    }

    /// The most memory it held at once, in MiB.
    pub(super) fn peak_rss_mb(&self) -> Result<f64> {
        let path = format!("/proc/{}/status", self.child.id());
        let text = std::fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
        peak_of(&text).with_context(|| format!("{path} is not as proc(5) says"))
    }

    /// Asks it to stop, as an operator does, and waits: what is on its way is finished first.
    pub(super) fn stop(mut self) -> Result<()> {
        // The standard library can only kill; every shell can ask.
        let ask = format!("kill -TERM {}", self.child.id());
        Command::new("sh").args(["-c", &ask]).status().context("the server cannot be stopped")?;
        let ended = self.child.wait()?;
        ensure!(ended.success(), "the server ended with {ended}");
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // After `stop` it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server that may be killed at any moment, also before it listens; dropping it kills it. What it
/// says goes to a file.
pub(super) struct Mortal {
    child: Child,
    listening: mpsc::Receiver<SocketAddr>,
    address: Cell<Option<SocketAddr>>,
}

impl Mortal {
    /// Starts it, with more in its environment; `log` is appended to.
    pub(super) fn spawn(
        settings: &Path,
        log: &Path,
        environment: &[(&'static str, PathBuf)],
    ) -> Result<Self> {
        let mut log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| format!("{} cannot be written", log.display()))?;
        let mut child = Command::new(std::env::current_exe()?)
            .args(["serve", "--config"])
            .arg(settings)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("the server cannot be started")?;
        let said = child.stderr.take().context("the server's log cannot be read")?;
        let (tell, listening) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(said).lines().map_while(Result::ok) {
                // The end of the run tells what is wrong; a line that is lost here changes nothing.
                let _ = writeln!(log, "{line}");
                let address = line.split_once("listening on http://").map(|(_, at)| at.parse());
                if let Some(Ok(address)) = address {
                    let _ = tell.send(address);
                }
            }
        });
        Ok(Self { child, listening, address: Cell::new(None) })
    }

    /// Where it listens, once it does; nothing after so long, or when it has ended.
    pub(super) fn listens_within(&self, patience: Duration) -> Option<SocketAddr> {
        if self.address.get().is_none() {
            self.address.set(self.listening.recv_timeout(patience).ok());
        }
        self.address.get()
    }
}

impl Drop for Mortal {
    /// SIGKILL: nothing is finished, nothing is said.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads the log until it says where it listens, then goes on reading and passes warnings on.
fn listening(mut log: BufReader<ChildStderr>) -> Result<SocketAddr> {
    let mut line = String::new();
    let mut last = String::new();
    while log.read_line(&mut line)? > 0 {
        if let Some((_, address)) = line.trim_end().split_once("listening on http://") {
            let address = address.parse()?;
            std::thread::spawn(move || {
                for line in log.lines() {
                    let Ok(line) = line else { return };
                    if line.contains("\"level\":\"WARN\"") || line.contains("\"level\":\"ERROR\"") {
                        eprintln!("{line}");
                    }
                }
            });
            return Ok(address);
        }
        last = std::mem::take(&mut line);
    }
    anyhow::bail!("the server did not start: {}", last.trim_end())
}

/// Fields 14 and 15 of proc(5) `stat`; the second field may hold spaces, so they are counted from
/// its closing bracket.
fn cpu_of(stat: &str) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let kernel: f64 = fields.next()?.parse().ok()?;
    Some((user + kernel) / TICKS_PER_SECOND)
}

/// Runs another program to its end.
pub(super) fn command(program: &str, words: &[&str]) -> Result<()> {
    let done = Command::new(program)
        .args(words)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("{program} cannot be run"))?;
    let said = String::from_utf8_lossy(&done.stderr);
    ensure!(done.status.success(), "{program}: {}", said.trim());
    Ok(())
}

/// Of `/proc/PID/status`, in MiB.
pub(super) fn peak_of(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::{cpu_of, peak_of};

    #[test]
    fn proc_is_read_as_it_is_written() {
        let stat = "42 (a) b (c) S 1 42 42 0 -1 4194560 100 0 0 0 150 25 0 0 20 0 9 0 100 1 1";
        assert_eq!(cpu_of(stat), Some(1.75));
        assert_eq!(cpu_of("42 (a"), None);
        assert_eq!(peak_of("Name:\ta\nVmHWM:\t    2048 kB\nVmRSS:\t 1 kB\n"), Some(2.0));
        assert_eq!(peak_of("Name:\ta\n"), None);
    }
}
