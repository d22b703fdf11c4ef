//! What else happens to a server: its disk, its database and its carrier fail under load, and come
//! back. It must refuse what it cannot keep, lose nothing, and go on by itself.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use clap::ValueEnum;
use serde_json::json;
use twin::{Channel, Fault, When};

use super::{Bench, House, Report};
use crate::cli::bench::server::{Mortal, command};

/// How long a server works before it is struck.
const BEFORE: Duration = Duration::from_secs(2);

/// How long it lasts.
const LASTS: Duration = Duration::from_secs(4);

/// Room for a practice and its run, and soon full.
const DISK: u64 = 64 << 20;

/// Something that happens to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Disaster {
    /// The disk is full for a while.
    FullDisk,
    /// The file system gives up and turns read-only; it is mounted anew and the server restarted.
    ReadOnlyDisk,
    /// PostgreSQL is restarted.
    PostgresRestart,
    /// The carrier takes texts and never answers.
    CarrierSilent,
    /// The connection to the carrier stays open and dead.
    HalfOpen,
    /// Every receipt comes three times, or the last first.
    ReceiptsReorderedAndDoubled,
    /// The machine's clock is set forward and back.
    ClockJump,
    /// All of them.
    All,
}

impl Disaster {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::FullDisk => "full-disk",
            Self::ReadOnlyDisk => "read-only-disk",
            Self::PostgresRestart => "postgres-restart",
            Self::CarrierSilent => "carrier-silent",
            Self::HalfOpen => "half-open",
            Self::ReceiptsReorderedAndDoubled => "receipts-reordered-and-doubled",
            Self::ClockJump => "clock-jump",
            Self::All => "all",
        }
    }
}

/// A name on the command line.
pub(super) fn parse(name: &str) -> Result<Disaster, String> {
    Disaster::from_str(name, false).map_err(|_| {
        let names: Vec<_> = Disaster::value_variants().iter().map(|one| one.name()).collect();
        format!("it is one of {}", names.join(", "))
    })
}

/// One run with one disaster.
pub(super) fn struck(bench: &Bench<'_>, disaster: Disaster, folder: &Path) -> Result<Report> {
    std::fs::create_dir(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let name = disaster.name();
    let on_postgres = bench.args.database.is_some();
    match disaster {
        Disaster::FullDisk | Disaster::ReadOnlyDisk if on_postgres => {
            Ok(Report::skipped(name, "the disk is PostgreSQL's; run it without --database"))
        }
        Disaster::FullDisk => full_disk(bench, folder),
        Disaster::ReadOnlyDisk => read_only_disk(bench, folder),
        Disaster::PostgresRestart => match (&bench.args.restart, on_postgres) {
            (Some(restart), true) => postgres_restart(bench, folder, restart),
            _ => Ok(Report::skipped(name, "it needs --database and --restart")),
        },
        Disaster::CarrierSilent => {
            carrier(bench, folder, name, &[(0.3, Fault::AcceptAndNeverAnswer)])
        }
        Disaster::HalfOpen => carrier(bench, folder, name, &[(0.01, Fault::HalfOpen)]),
        Disaster::ReceiptsReorderedAndDoubled => {
            let doubled = Fault::DuplicateReceipts { extra: 2 };
            carrier(bench, folder, name, &[(0.5, doubled), (1.0, Fault::ReorderedReceipts)])
        }
        Disaster::ClockJump => clock_jump(bench, folder),
        Disaster::All => Ok(Report::skipped(name, "it is not one of them")),
    }
}

/// A server at work in a new practice in `place`.
fn at_work<'a>(bench: &'a Bench<'a>, folder: &Path, place: &Path) -> Result<(House<'a>, Mortal)> {
    set_to_work(bench, House::new(bench, folder, place)?)
}

fn set_to_work<'a>(bench: &'a Bench<'a>, mut house: House<'a>) -> Result<(House<'a>, Mortal)> {
    // Settings and keys were made this instant, and the disk may be taken away.
    command("sync", &[])?;
    let server = house.spawn()?;
    house.answers(&server)?;
    // Everything has happened once.
    let warm = house.twin.until(|record| record.counts.replies_acked > 0);
    bench.runtime.block_on(async { tokio::time::timeout(super::PATIENCE, warm).await })?;
    bench.sleep(BEFORE);
    Ok((house, server))
}

/// What callers were answered while it lasted, and how soon they were accepted again.
struct During {
    unavailable: u64,
    otherwise: u64,
    again_ms: f64,
}

impl During {
    /// Strikes, waits, heals, and waits until somebody is accepted.
    fn measure(
        bench: &Bench<'_>,
        house: &mut House<'_>,
        strike: impl FnOnce(&mut House<'_>) -> Result<()>,
        heal: impl FnOnce(&mut House<'_>) -> Result<()>,
    ) -> Result<Self> {
        let count = |house: &House<'_>| house.callers.answers().statuses;
        let before = count(house);
        strike(house)?;
        bench.sleep(LASTS);
        let after = count(house);
        heal(house)?;
        let (healed, accepted) = (bench.clock.instant(), count(house).get(&202).copied());
        while count(house).get(&202).copied() == accepted {
            ensure!(healed.elapsed() < super::PATIENCE, house.about("nobody is accepted again"));
            bench.sleep(Duration::from_millis(5));
        }
        let again_ms = (healed.elapsed().as_secs_f64() * 1e4).round() / 10.0;
        let more = |status: &u16| {
            let of = |all: &std::collections::BTreeMap<u16, u64>| all.get(status).copied();
            of(&after).unwrap_or(0) - of(&before).unwrap_or(0)
        };
        let unavailable = more(&503);
        let refused = |status: &&u16| !matches!(**status, 202 | 422 | 503);
        let otherwise = after.keys().filter(refused).map(more).sum();
        Ok(Self { unavailable, otherwise, again_ms })
    }

    /// Adds itself to the report; `refuses` where callers must have been told to come back.
    fn into(self, mut report: Report, refuses: bool) -> Report {
        report.more.extend([
            ("answered_503", json!(self.unavailable)),
            ("answered_otherwise", json!(self.otherwise)),
            ("accepted_again_ms", json!(self.again_ms)),
        ]);
        if refuses && self.unavailable == 0 {
            report.missing.push("nobody was told 503 while nothing could be kept".to_owned());
        }
        if self.otherwise > 0 {
            report.missing.push(format!("{} answers were neither 202 nor 503", self.otherwise));
        }
        report
    }
}

/// A mounted file system, unmounted at the end.
struct Mounted {
    at: PathBuf,
    /// The file it lies in, where it is one.
    image: Option<PathBuf>,
}

impl Mounted {
    fn tmpfs(at: PathBuf) -> Result<Self> {
        std::fs::create_dir(&at)?;
        let size = format!("size={DISK},mode=700");
        command("mount", &["-t", "tmpfs", "-o", &size, "tmpfs", &at.display().to_string()])?;
        Ok(Self { at, image: None })
    }

    fn ext4(at: PathBuf, image: PathBuf) -> Result<Self> {
        std::fs::create_dir(&at)?;
        File::create(&image)?.set_len(DISK)?;
        command("mkfs.ext4", &["-q", &image.display().to_string()])?;
        let mounted = Self { at, image: Some(image) };
        mounted.mount()?;
        Ok(mounted)
    }

    fn mount(&self) -> Result<()> {
        let Some(image) = &self.image else { return Ok(()) };
        let (image, at) = (image.display().to_string(), self.at.display().to_string());
        command("mount", &["-o", "loop", &image, &at])
    }

    fn unmount(&self) -> Result<()> {
        command("umount", &[&self.at.display().to_string()])
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        if let Err(error) = self.unmount() {
            eprintln!("sotto: {} is still mounted: {error:#}", self.at.display());
        }
    }
}

/// Whether the server said this.
fn said(house: &House<'_>, what: &str) -> Result<bool> {
    Ok(std::fs::read_to_string(house.log())?.contains(what))
}

fn full_disk(bench: &Bench<'_>, folder: &Path) -> Result<Report> {
    let name = Disaster::FullDisk.name();
    let disk = match Mounted::tmpfs(folder.join("disk")) {
        Ok(disk) => disk,
        Err(error) => return Ok(Report::skipped(name, format!("{error:#}"))),
    };
    let (mut house, server) = at_work(bench, folder, &disk.at.join("practice"))?;
    let ballast = disk.at.join("ballast");
    let fill = |_: &mut House<'_>| {
        let mut file = OpenOptions::new().create(true).append(true).open(&ballast)?;
        // Down to the last byte, which is where it ends with an error.
        for size in [1 << 20, 4096, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
        Ok(())
    };
    let clear = |_: &mut House<'_>| Ok(std::fs::remove_file(&ballast)?);
    let during = During::measure(bench, &mut house, fill, clear)?;
    let clear_word = said(&house, "cannot be written just now")?;
    let mut report = during.into(house.settle(server, name)?, true);
    if !clear_word {
        report.missing.push("the log does not say that the disk is full".to_owned());
    }
    Ok(report)
}

fn read_only_disk(bench: &Bench<'_>, folder: &Path) -> Result<Report> {
    let name = Disaster::ReadOnlyDisk.name();
    let disk = match Mounted::ext4(folder.join("disk"), folder.join("image")) {
        Ok(disk) => disk,
        Err(error) => return Ok(Report::skipped(name, format!("{error:#}"))),
    };
    let (mut house, server) = at_work(bench, folder, &disk.at.join("practice"))?;
    let at = disk.at.display().to_string();
    // What ext4 does by itself when its journal fails.
    let abort = |_: &mut House<'_>| command("mount", &["-o", "remount,abort", &at]);
    let mut servers = vec![server];
    let restart = |house: &mut House<'_>| {
        if let Some(server) = servers.pop() {
            house.kill(server);
        }
        disk.unmount()?;
        disk.mount()?;
        let server = house.spawn()?;
        house.answers(&server)?;
        servers.push(server);
        Ok(())
    };
    let during = During::measure(bench, &mut house, abort, restart)?;
    let server = servers.pop().context("the server is gone")?;
    Ok(during.into(house.settle(server, name)?, true))
}

fn postgres_restart(bench: &Bench<'_>, folder: &Path, restart: &str) -> Result<Report> {
    let (mut house, server) = at_work(bench, folder, &folder.join("practice"))?;
    let again = |_: &mut House<'_>| command("sh", &["-c", restart]);
    let during = During::measure(bench, &mut house, again, |_| Ok(()))?;
    Ok(during.into(house.settle(server, Disaster::PostgresRestart.name())?, false))
}

/// The carrier misbehaves for a while.
fn carrier(
    bench: &Bench<'_>,
    folder: &Path,
    name: &'static str,
    faults: &[(f64, Fault)],
) -> Result<Report> {
    let (mut house, server) = at_work(bench, folder, &folder.join("practice"))?;
    let strike = |house: &mut House<'_>| {
        for (probability, fault) in faults {
            house.twin.faults().add(Channel::Sms, When::Chance(*probability), *fault);
        }
        Ok(())
    };
    let heal = |house: &mut House<'_>| {
        house.twin.faults().clear();
        Ok(())
    };
    let during = During::measure(bench, &mut house, strike, heal)?;
    Ok(during.into(house.settle(server, name)?, false))
}

/// Moves the wall clock of one server, by a library that is loaded before libc.
struct WallClock {
    library: PathBuf,
    ahead: PathBuf,
}

impl WallClock {
    fn build(folder: &Path) -> Result<Self> {
        let here = |name: &str| folder.join(name);
        let clock = Self { library: here("clock.so"), ahead: here("clock") };
        std::fs::write(here("clock.c"), include_str!("clock.c"))?;
        let (to, from) = (clock.library.display().to_string(), here("clock.c"));
        command("cc", &["-shared", "-fPIC", "-O2", "-o", &to, &from.display().to_string()])?;
        std::fs::write(&clock.ahead, 0_i64.to_ne_bytes())?;
        Ok(clock)
    }

    fn environment(&self) -> Vec<(&'static str, PathBuf)> {
        vec![("LD_PRELOAD", self.library.clone()), ("SOTTO_BENCH_CLOCK", self.ahead.clone())]
    }

    /// From now on it is so many seconds ahead. The file is mapped by the server, so it is written
    /// in place.
    fn set(&self, seconds: i64) -> Result<()> {
        let mut file = OpenOptions::new().write(true).open(&self.ahead)?;
        Ok(file.write_all(&seconds.to_ne_bytes())?)
    }
}

/// Ahead and set right, far behind and set right, and at last far ahead for good: behind its last
/// signature by more than seconds no audit log is signed (RULEBOOK §10), and the run would not end.
const JUMPS: [i64; 4] = [20, 0, -1200, 0];
const LAST_JUMP: i64 = 1200;

fn clock_jump(bench: &Bench<'_>, folder: &Path) -> Result<Report> {
    let name = Disaster::ClockJump.name();
    let clock = match WallClock::build(folder) {
        Ok(clock) => clock,
        Err(error) => return Ok(Report::skipped(name, format!("{error:#}"))),
    };
    let mut house = House::new(bench, folder, &folder.join("practice"))?;
    house.environment = clock.environment();
    let (mut house, server) = set_to_work(bench, house)?;
    let jump = |_: &mut House<'_>| {
        for seconds in JUMPS {
            clock.set(seconds)?;
            bench.sleep(LASTS);
        }
        Ok(())
    };
    let during = During::measure(bench, &mut house, jump, |_| clock.set(LAST_JUMP))?;
    Ok(during.into(house.settle(server, name)?, false))
}
