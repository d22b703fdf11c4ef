//! What the kernel says of this process (proc(5)).

/// The kernel counts CPU in these, on every Linux there is (`getconf CLK_TCK`).
const TICKS_PER_SECOND: f64 = 100.0;

/// Memory, CPU time and open files of this process.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Process {
    /// Memory held, in bytes.
    pub resident_bytes: u64,
    /// CPU time taken until now, in user and kernel, in seconds.
    pub cpu_seconds: f64,
    /// Open files and sockets.
    pub open_files: usize,
}

impl Process {
    /// This process now. None where there is no `/proc`.
    #[must_use]
    pub fn now() -> Option<Self> {
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
        let open_files = std::fs::read_dir("/proc/self/fd").ok()?.count();
        Some(Self { resident_bytes: resident(&status)?, cpu_seconds: cpu(&stat)?, open_files })
    }
}

fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// Fields 14 and 15; the second field may hold spaces, so they are counted from its closing
/// bracket.
fn cpu(stat: &str) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let kernel: f64 = fields.next()?.parse().ok()?;
    Some((user + kernel) / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_is_read_as_it_is_written() {
        let stat = "42 (a) b (c) S 1 42 42 0 -1 4194560 100 0 0 0 150 25 0 0 20 0 9 0 100 1 1";
        assert_eq!(cpu(stat), Some(1.75));
        assert_eq!(resident("Name:\ta\nVmRSS:\t    2048 kB\n"), Some(2 << 20));
        assert!(Process::now().unwrap().resident_bytes > 1 << 20);
    }
}
