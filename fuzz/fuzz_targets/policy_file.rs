//! Any bytes as a policy file: an answer, never a panic; what parses is no looser than the
//! rulebook, and parses to the same again.
#![no_main]

use gate::{Category, Channel, Level, Policy, Verdict};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(policy) = Policy::from_toml(text) else { return };
    assert_eq!(Policy::from_toml(text).as_ref(), Ok(&policy));
    let rulebook = Policy::rulebook();
    for channel in Channel::ALL {
        for level in Level::ALL {
            for category in [Category::Diagnosis, Category::Billing, Category::Medication] {
                for ready in [false, true] {
                    let verdict = policy.verdict(channel, level, category, ready);
                    assert!(verdict >= rulebook.verdict(channel, level, category, ready));
                    assert!(level != Level::Never || verdict == Verdict::Block);
                }
            }
        }
    }
    let rules = policy.rules();
    assert!(rules.caps.per_day >= 1 && rules.caps.per_week >= rules.caps.per_day);
    let hours = rules.quiet_hours;
    assert!(hours.from.hour() >= 8 && hours.from < hours.until && hours.until.hour() <= 21);
});
