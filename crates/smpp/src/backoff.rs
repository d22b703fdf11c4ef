//! How long to wait before connecting again.

use std::time::Duration;

/// Bounds of the wait between two attempts to connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The longest wait before the first attempt.
    pub first: Duration,
    /// The longest wait ever.
    pub most: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_millis(500), most: Duration::from_secs(60) }
    }
}

impl Backoff {
    /// The wait before attempt `attempt` (0 is the first after a loss).
    ///
    /// The bound doubles each time; `jitter` (0 to 1, anything else is clamped) picks a point in
    /// its upper half, so that many clients of one carrier do not come back in step.
    pub fn wait(&self, attempt: u32, jitter: f64) -> Duration {
        let factor = 1u32.checked_shl(attempt.min(20)).unwrap_or(u32::MAX);
        let bound = self.first.saturating_mul(factor).min(self.most);
        let jitter = if jitter.is_finite() { jitter.clamp(0.0, 1.0) } else { 1.0 };
        bound.mul_f64(0.5 + jitter / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_to_its_bound_and_jitters_in_the_upper_half() {
        let backoff = Backoff::default();
        for (attempt, jitter, milliseconds) in [
            (0, 0.0, 250),
            (0, 1.0, 500),
            (1, 1.0, 1_000),
            (3, 0.5, 3_000),
            (7, 1.0, 60_000),
            (40, 0.0, 30_000),
            (u32::MAX, f64::NAN, 60_000),
            (0, -3.0, 250),
        ] {
            assert_eq!(backoff.wait(attempt, jitter).as_millis(), milliseconds, "{attempt}");
        }
    }
}
