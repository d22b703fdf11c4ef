//! Fuzz targets for the doors in [`doors`]. `cargo +nightly fuzz run NAME`, from the folder above.

pub mod doors;

use doors::{Door, FAMILIES};

/// A target: opens the door of this name with whatever the fuzzer makes, from valid inputs on.
#[macro_export]
macro_rules! target {
    ($name:literal) => {
        libfuzzer_sys::fuzz_target!(init: $crate::plant($name), |octets: &[u8]| {
            $crate::open($name, octets);
        });
    };
}

/// Opens the door of this name.
pub fn open(name: &str, octets: &[u8]) -> bool {
    (door(name).open)(octets)
}

/// Writes the door's valid inputs to the corpus, before the fuzzer reads it, and opens the door
/// once with each: what is built at the first call is not the first input's time.
pub fn plant(name: &str) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    std::fs::create_dir_all(&folder).expect("the corpus folder can be made");
    for (number, seed) in (door(name).seeds)().iter().enumerate() {
        std::fs::write(folder.join(format!("seed-{number}")), seed).expect("a seed can be written");
        assert!(open(name, seed), "{name} does not take its own example");
    }
}

fn door(name: &str) -> &'static Door {
    let mut all = FAMILIES.iter().flat_map(|(_, doors)| doors.iter());
    all.find(|door| door.name == name).expect("a door of this name")
}
