//! Files, permissions, disk and clock.

use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::clock::Clock;
use crate::doctor::{Finding, said};

/// A file that only its owner may read, who must be this user.
#[must_use]
pub fn secret_file(check: &str, path: &Path) -> Finding {
    private(check, path, false)
}

/// A folder that only its owner may enter, who must be this user.
#[must_use]
pub fn private_folder(check: &str, path: &Path) -> Finding {
    private(check, path, true)
}

fn private(check: &str, path: &Path, folder: bool) -> Finding {
    let shown = path.display();
    let found = match std::fs::metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Finding::fail(
                check,
                format!("{shown} is not there"),
                "see docs/operate/keys.md",
            );
        }
        Err(error) => {
            let says = format!("{shown} cannot be looked at: {}", error.kind());
            return Finding::fail(check, says, "run as the user of `sotto serve`");
        }
    };
    if found.is_dir() != folder {
        let what = if folder { "no folder" } else { "no file" };
        return Finding::fail(check, format!("{shown} is {what}"), "correct the setting");
    }
    let mode = found.mode() & 0o777;
    if mode & 0o077 != 0 {
        let says = format!("{shown} is open to others (mode {mode:o})");
        return Finding::fail(check, says, format!("chmod go-rwx {shown}"));
    }
    match own_user() {
        Ok(user) if user != found.uid() => {
            let says = format!("{shown} belongs to user {}, this is user {user}", found.uid());
            Finding::warn(check, says, "run as the user of `sotto serve`, or chown it")
        }
        _ => Finding::ok(check, format!("{shown}, mode {mode:o}")),
    }
}

/// Who this process is, as the kernel shows it.
fn own_user() -> io::Result<u32> {
    std::fs::metadata("/proc/self").map(|found| found.uid())
}

/// A file that others must not be able to change.
#[must_use]
pub fn settings_file(path: &Path) -> Finding {
    let check = "settings file";
    match std::fs::metadata(path).map(|found| found.mode() & 0o777) {
        Ok(mode) if mode & 0o022 != 0 => {
            let says = format!("{} can be changed by others (mode {mode:o})", path.display());
            Finding::fail(check, says, format!("chmod go-w {}", path.display()))
        }
        Ok(mode) => Finding::ok(check, format!("{}, mode {mode:o}", path.display())),
        Err(error) => Finding::fail(check, error.kind().to_string(), "look at its path"),
    }
}

/// How much room the disk of a folder has: free and in all, in bytes.
///
/// # Errors
/// The system's.
pub fn room(folder: &Path) -> io::Result<(u64, u64)> {
    let found = rustix::fs::statvfs(folder)?;
    Ok((found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize))
}

/// A disk that is full stops everything: a tenth free is well, a gigabyte is the least.
#[must_use]
pub fn disk_free(check: &str, room: io::Result<(u64, u64)>) -> Finding {
    const GIGABYTE: u64 = 1 << 30;
    let (free, all) = match room {
        Ok(room) => room,
        Err(error) => {
            return Finding::fail(check, error.kind().to_string(), "look at the folder's path");
        }
    };
    let says = format!(
        "{:.1} GB of {:.1} GB free",
        free as f64 / GIGABYTE as f64,
        all as f64 / GIGABYTE as f64
    );
    if free < GIGABYTE {
        Finding::fail(check, says, "make room now: nothing is accepted on a full disk")
    } else if free < all / 10 {
        Finding::warn(check, says, "make room: less than a tenth is free")
    } else {
        Finding::ok(check, says)
    }
}

/// How many times a second the disk of a folder makes 4 KiB durable.
///
/// # Errors
/// The system's.
pub fn syncs_per_second(folder: &Path, clock: &Clock) -> io::Result<f64> {
    let path = folder.join(format!(".sync-{}", std::process::id()));
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(&path)?;
    // Without a name it is gone with its handle.
    std::fs::remove_file(&path)?;
    let began = clock.instant();
    let mut syncs = 0_u32;
    while syncs < 10 || (syncs < 200 && began.elapsed() < Duration::from_millis(300)) {
        file.write_all(&[0x5A; 4096])?;
        file.sync_data()?;
        syncs += 1;
    }
    Ok(f64::from(syncs) / began.elapsed().as_secs_f64())
}

/// Each accepted batch waits for one sync.
#[must_use]
pub fn disk_speed(rate: io::Result<f64>) -> Finding {
    let check = "disk sync";
    match rate {
        Ok(rate) if rate < 20.0 => {
            let says = format!("{rate:.0} syncs a second");
            Finding::warn(check, says, "each accepted batch waits for one: use a faster disk")
        }
        Ok(rate) => Finding::ok(check, format!("{rate:.0} syncs a second")),
        Err(error) => Finding::fail(
            check,
            format!("the data folder cannot be written to: {}", error.kind()),
            "look at its permissions, and whether the disk is read-only",
        ),
    }
}

/// The log's time never goes back: behind it, no checkpoint is signed.
#[must_use]
pub fn clock_and_log(now: Timestamp, signed_at: Option<Timestamp>) -> Finding {
    let check = "clock and log";
    let Some(signed_at) = signed_at else {
        return Finding::ok(check, "nothing was signed yet");
    };
    let ahead = signed_at.duration_since(now);
    if ahead > SignedDuration::from_secs(5) {
        let says = format!("the clock is {} behind the last checkpoint", said(ahead));
        return Finding::fail(
            check,
            says,
            "set the clock right: no checkpoint is signed until then",
        );
    }
    let behind = said(now.duration_since(signed_at));
    Finding::ok(check, format!("the last checkpoint was signed {behind} ago"))
}

/// What the machine says about its clock: kept right, not kept right, or it cannot tell.
#[must_use]
pub fn clock_is_kept() -> Option<bool> {
    let answer = |program: &str, words: &[&str]| {
        let done = Command::new(program).args(words).output().ok()?;
        done.status.success().then(|| String::from_utf8_lossy(&done.stdout).into_owned())
    };
    if let Some(said) = answer("timedatectl", &["show", "--property=NTPSynchronized", "--value"]) {
        return Some(said.trim() == "yes");
    }
    let said = answer("chronyc", &["-n", "tracking"])?;
    Some(said.lines().any(|line| line.starts_with("Leap status") && line.ends_with("Normal")))
}

/// Quiet hours and consents are decided by the clock.
#[must_use]
pub fn clock_kept(kept: Option<bool>) -> Finding {
    let check = "clock kept right";
    match kept {
        Some(true) => Finding::ok(check, "by NTP"),
        Some(false) => Finding::fail(
            check,
            "the machine's clock is not kept by NTP",
            "timedatectl set-ntp true: quiet hours are decided by this clock",
        ),
        None => Finding::warn(
            check,
            "neither timedatectl nor chronyc answers here",
            "make sure by other means that the clock is kept by NTP",
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::doctor::Verdict::{Fail, Ok as Good, Warn};

    #[test]
    fn secrets_are_private_or_named() {
        let folder = std::env::temp_dir().join(format!("sotto-doctor-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("key");
        std::fs::write(&file, "x").unwrap();
        let mode = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        mode(&file, 0o600);
        mode(&folder, 0o700);
        assert_eq!(secret_file("k", &file).verdict, Good);
        assert_eq!(private_folder("k", &folder).verdict, Good);
        assert_eq!(settings_file(&file).verdict, Good);
        assert_eq!(secret_file("k", &folder).verdict, Fail);
        assert_eq!(private_folder("k", &file).verdict, Fail);
        mode(&file, 0o622);
        mode(&folder, 0o750);
        for open in [secret_file("k", &file), private_folder("k", &folder), settings_file(&file)] {
            assert_eq!(open.verdict, Fail);
            assert!(open.remedy.unwrap().starts_with("chmod"));
        }
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(secret_file("k", &file).verdict, Fail);
        assert_eq!(settings_file(&file).verdict, Fail);
    }

    #[test]
    fn room_speed_and_time_have_their_limits() {
        const G: u64 = 1 << 30;
        for (room, verdict) in [
            (Ok((50 * G, 100 * G)), Good),
            (Ok((5 * G, 100 * G)), Warn),
            (Ok((G - 1, 4 * G)), Fail),
            (Err(ErrorKind::NotFound.into()), Fail),
        ] {
            assert_eq!(disk_free("d", room).verdict, verdict);
        }
        assert!(room(Path::new("/")).is_ok_and(|(free, all)| free <= all && all > 0));
        for (rate, verdict) in
            [(Ok(2000.0), Good), (Ok(5.0), Warn), (Err(ErrorKind::PermissionDenied.into()), Fail)]
        {
            assert_eq!(disk_speed(rate).verdict, verdict);
        }
        assert!(syncs_per_second(&std::env::temp_dir(), &Clock::system()).unwrap() > 0.0);
        let now: Timestamp = "2027-03-01T14:00:00Z".parse().unwrap();
        let at = |seconds| now.checked_add(SignedDuration::from_secs(seconds)).ok();
        for (signed, verdict) in [(None, Good), (at(-60), Good), (at(4), Good), (at(60), Fail)] {
            assert_eq!(clock_and_log(now, signed).verdict, verdict);
        }
        for (kept, verdict) in [(Some(true), Good), (Some(false), Fail), (None, Warn)] {
            assert_eq!(clock_kept(kept).verdict, verdict);
        }
    }
}
