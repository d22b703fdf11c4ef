//! How many times a second this disk makes 4 KiB durable: what every figure must be read against.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use crate::clock::Clock;

/// How long one measurement takes.
const FOR: Duration = Duration::from_millis(700);

/// Appends 4 KiB and makes it durable, again and again, and says how many times a second.
pub(super) fn per_second(folder: &Path, clock: &Clock) -> io::Result<f64> {
    let path = folder.join("fdatasync");
    let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
    let block = [0x5A; 4096];
    let began = clock.instant();
    let mut syncs = 0_u32;
    while syncs < 10 || began.elapsed() < FOR {
        file.write_all(&block)?;
        file.sync_data()?;
        syncs += 1;
    }
    let rate = f64::from(syncs) / began.elapsed().as_secs_f64();
    std::fs::remove_file(&path)?;
    Ok(rate)
}
