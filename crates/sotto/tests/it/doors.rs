//! Every door that strangers' bytes come in by takes what is valid, and stands what is not: cut
//! off anywhere, one octet turned over anywhere, doubled, and joined with other doors' inputs.
//!
//! The doors are those of the fuzz targets; each asserts its own promises.

use crate::fuzz_doors::{Door, FAMILIES};

/// How many places of one input are damaged, at most; spread evenly over it.
const PLACES: usize = 150;

fn stand(family: &str) {
    let (_, doors) = FAMILIES.iter().find(|(name, _)| *name == family).unwrap();
    for door in *doors {
        let seeds = (door.seeds)();
        assert!(!seeds.is_empty(), "{} has no valid input to begin from", door.name);
        for seed in &seeds {
            assert!((door.open)(seed), "{} does not take its own example", door.name);
            damage(door, seed);
        }
        (door.open)(&[]);
        for pair in seeds.windows(2) {
            (door.open)(&pair.concat());
        }
        strange(door);
    }
}

fn damage(door: &Door, seed: &[u8]) {
    (door.open)(&seed.repeat(2));
    let step = seed.len().div_ceil(PLACES).max(1);
    for at in (0..seed.len()).step_by(step) {
        (door.open)(&seed[..at]);
        (door.open)(&seed[at..]);
        for turn in [0x01, 0x20, 0x80, 0xFF] {
            let mut turned = seed.to_vec();
            turned[at] ^= turn;
            (door.open)(&turned);
        }
        for put in [&b"\""[..], b"\r\n", b"\0", "\u{202E}".as_bytes(), b"99999999999999999999"] {
            let mut longer = seed.to_vec();
            longer.splice(at..at, put.iter().copied());
            (door.open)(&longer);
        }
    }
}

/// What no door expects.
fn strange(door: &Door) {
    for text in [
        "\u{feff}".to_owned(),
        "[".repeat(20_000),
        "{\"a\":".repeat(5_000),
        "\"".repeat(2_001),
        "\r\n".repeat(2_000),
        "=".repeat(5_000),
        "a".repeat(70_000),
        "😀".repeat(3_000),
        "%".repeat(3_000),
    ] {
        (door.open)(text.as_bytes());
    }
    (door.open)(&[0xFF; 4_000]);
    (door.open)(&[0; 4_000]);
    (door.open)(b"\xff\xfeC\0\xd8\0");
}

#[test]
fn backups() {
    stand("backups");
}

#[test]
fn files() {
    stand("files");
}

#[test]
fn requests() {
    stand("http");
}

#[test]
fn proofs() {
    stand("proofs");
}

#[test]
fn texts() {
    stand("texts");
}

#[test]
fn wires() {
    stand("wires");
}

#[test]
fn every_door_has_its_fuzz_target() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/fuzz_targets");
    let mut targets: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    let mut doors: Vec<&str> =
        FAMILIES.iter().flat_map(|(_, doors)| *doors).map(|door| door.name).collect();
    targets.sort();
    doors.sort_unstable();
    assert_eq!(targets, doors);
    for name in doors {
        let text = std::fs::read_to_string(format!("{folder}/{name}.rs")).unwrap();
        assert_eq!(text, format!("#![no_main]\n\nsotto_fuzz::target!(\"{name}\");\n"));
    }
    let manifest = std::fs::read_to_string(format!("{folder}/../Cargo.toml")).unwrap();
    for name in targets {
        assert!(manifest.contains(&format!("\nname = \"{name}\"\n")), "{name}");
    }
}
