use super::*;
use crate::key_store::tests::{Scratch, scratch};
use proptest::prelude::*;
use std::fs;

const PLACE: Place<'_> = Place { practice: "p", table: "t", row: "r", column: "c" };

fn root() -> RootKey {
    RootKey::from_text(&"ab".repeat(32)).unwrap()
}

fn keyring() -> (Scratch, Keyring) {
    let dir = scratch();
    let keys = Keyring::create(dir.path(), &root()).unwrap();
    (dir, keys)
}

fn month() -> Month {
    Month::new(2026, 11).unwrap()
}

#[test]
fn what_was_sealed_opens_after_a_restart() {
    let (dir, keys) = keyring();
    let sealed = keys.seal_for_patient("a-1", &PLACE, b"text").unwrap();
    let kept = keys.seal_for_month(month(), &PLACE, b"kept").unwrap();
    drop(keys);
    let again = Keyring::open(dir.path(), &root()).unwrap();
    assert_eq!(*again.open_value(&PLACE, &sealed).unwrap(), b"text");
    assert_eq!(*again.open_value(&PLACE, &kept).unwrap(), b"kept");
}

#[test]
fn each_failure_has_its_own_name() {
    let (_dir, keys) = keyring();
    let sealed = keys.seal_for_patient("a", &PLACE, b"text").unwrap();
    for moved in [
        Place { practice: "x", ..PLACE },
        Place { table: "x", ..PLACE },
        Place { row: "x", ..PLACE },
        Place { column: "x", ..PLACE },
    ] {
        assert!(matches!(keys.open_value(&moved, &sealed), Err(SealError::WrongPlace)));
    }
    let changed = |at: usize| {
        let mut bytes = sealed.as_bytes().to_vec();
        bytes[at] ^= 1;
        keys.open_value(&PLACE, &Sealed::from_bytes(bytes)).unwrap_err()
    };
    assert!(matches!(changed(0), SealError::Version(0)));
    assert!(matches!(changed(5), SealError::Missing));
    assert!(matches!(changed(HEADER + 2), SealError::Altered));
    assert!(matches!(changed(sealed.as_bytes().len() - 1), SealError::Altered));
    for length in 0..HEADER + OVERHEAD {
        let cut = Sealed::from_bytes(sealed.as_bytes()[..length].to_vec());
        assert!(matches!(keys.open_value(&PLACE, &cut), Err(SealError::CutShort)), "{length}");
    }
    let (_other, others) = keyring();
    assert!(matches!(others.open_value(&PLACE, &sealed), Err(SealError::Missing)));
}

#[test]
fn no_error_tells_what_was_sealed_or_whose() {
    let (_dir, keys) = keyring();
    let sealed = keys.seal_for_patient("secret-id", &PLACE, b"secret text").unwrap();
    keys.destroy_patient("secret-id").unwrap();
    let error = keys.open_value(&PLACE, &sealed).unwrap_err();
    for shown in [error.to_string(), format!("{error:?}"), format!("{sealed:?}")] {
        assert!(!shown.contains("secret"), "{shown}");
    }
    let error = keys.seal_for_patient("secret name!", &PLACE, b"x").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("secret"));
}

#[test]
fn a_destroyed_patient_is_gone_and_is_not_made_again() {
    let (dir, keys) = keyring();
    let sealed = keys.seal_for_patient("a", &PLACE, b"text").unwrap();
    let other = keys.seal_for_patient("b", &PLACE, b"other").unwrap();
    keys.destroy_patient("a").unwrap();
    keys.destroy_patient("a").unwrap();
    for keys in [&keys, &Keyring::open(dir.path(), &root()).unwrap()] {
        assert!(matches!(keys.open_value(&PLACE, &sealed), Err(SealError::Destroyed { .. })));
        let again = keys.seal_for_patient("a", &PLACE, b"text");
        assert!(matches!(again, Err(SealError::Destroyed { .. })));
        assert_eq!(*keys.open_value(&PLACE, &other).unwrap(), b"other");
    }
}

#[test]
fn a_key_destroyed_by_another_process_is_gone_here_once_forgotten() {
    let (dir, keys) = keyring();
    let sealed = keys.seal_for_patient("a", &PLACE, b"text").unwrap();
    Keyring::open(dir.path(), &root()).unwrap().destroy_patient("a").unwrap();
    keys.forget();
    assert!(matches!(keys.open_value(&PLACE, &sealed), Err(SealError::Destroyed { .. })));
}

#[test]
fn rotating_the_root_changes_the_lock_and_nothing_behind_it() {
    let (dir, keys) = keyring();
    let sealed = keys.seal_for_patient("a", &PLACE, b"text").unwrap();
    let (index, seed) = (keys.blind_index("phone", b"x"), keys.log_key());
    let new = RootKey::generate().unwrap();
    keys.rotate_root(&new).unwrap();
    assert!(matches!(Keyring::open(dir.path(), &root()), Err(SealError::WrongRootKey)));
    let keys = Keyring::open(dir.path(), &new).unwrap();
    assert_eq!(*keys.open_value(&PLACE, &sealed).unwrap(), b"text");
    assert_eq!((keys.blind_index("phone", b"x"), keys.log_key()), (index, seed));
}

#[test]
fn a_store_is_created_once_and_opened_only_when_there() {
    let (dir, _keys) = keyring();
    let again = Keyring::create(dir.path(), &root());
    assert!(matches!(again, Err(SealError::StoreExists(_))));
    let none = scratch();
    assert!(matches!(Keyring::open(none.path(), &root()), Err(SealError::NoStore(_))));
    assert!(Keyring::open_or_create(none.path(), &root()).is_ok());
    let wrong = Keyring::open_or_create(none.path(), &RootKey::generate().unwrap());
    assert!(matches!(wrong, Err(SealError::WrongRootKey)), "never replaced silently");
}

#[test]
fn damaged_and_swapped_key_files_are_refused() {
    let (dir, keys) = keyring();
    let (a, b) = (keys.patient("a").unwrap().file(), keys.patient("b").unwrap().file());
    let sealed = keys.seal_for_patient("a", &PLACE, b"text").unwrap();
    keys.seal_for_patient("b", &PLACE, b"text").unwrap();
    let good = fs::read(dir.path().join(&a)).unwrap();
    for bytes in [fs::read(dir.path().join(&b)).unwrap(), vec![], good[..20].to_vec(), vec![1; 999]]
    {
        fs::write(dir.path().join(&a), bytes).unwrap();
        keys.forget();
        assert!(matches!(keys.open_value(&PLACE, &sealed), Err(SealError::KeyFile(_))));
    }
    fs::remove_file(dir.path().join(&a)).unwrap();
    keys.forget();
    assert!(matches!(keys.open_value(&PLACE, &sealed), Err(SealError::Missing)));
}

#[test]
fn the_folder_names_no_patient_and_no_month() {
    let (dir, keys) = keyring();
    keys.seal_for_patient("patient-0198", &PLACE, b"text").unwrap();
    keys.seal_for_month(month(), &PLACE, b"text").unwrap();
    for entry in fs::read_dir(dir.path()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let hex = name.len() == 32 && name.bytes().all(|c| c.is_ascii_hexdigit());
        assert!(hex || name == PRACTICE_FILE, "{name}");
    }
}

#[test]
fn many_at_once_agree_on_one_key() {
    let (dir, keys) = keyring();
    let other = Keyring::open(dir.path(), &root()).unwrap();
    let sealed: Vec<_> = std::thread::scope(|scope| {
        let turns: Vec<_> = [&keys, &other, &keys, &other]
            .map(|keys| scope.spawn(|| keys.seal_for_patient("a", &PLACE, b"x").unwrap()))
            .into_iter()
            .collect();
        turns.into_iter().map(|turn| turn.join().unwrap()).collect()
    });
    for sealed in sealed {
        assert_eq!(*keys.open_value(&PLACE, &sealed).unwrap(), b"x");
        assert_eq!(*other.open_value(&PLACE, &sealed).unwrap(), b"x");
    }
}

#[test]
fn prepared_patients_have_their_keys() {
    let (dir, keys) = keyring();
    let ids: Vec<String> = (0..40).map(|n| format!("p{n}")).collect();
    keys.prepare_patients(ids.iter().map(String::as_str)).unwrap();
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 41);
    assert!(matches!(keys.prepare_patients(["bad id"]), Err(SealError::PatientId)));
}

#[test]
fn hashes_depend_on_kind_content_and_key() {
    let (_dir, keys) = keyring();
    let (_dir, other) = keyring();
    let hash = keys.blind_index("phone", b"+12025550101");
    assert_eq!(hash, keys.blind_index("phone", b"+12025550101"));
    assert_ne!(hash, keys.blind_index("email", b"+12025550101"));
    assert_ne!(hash, keys.blind_index("phon", b"e+12025550101"));
    assert_ne!(hash, keys.content_hash("phone", b"+12025550101"));
    assert_ne!(hash, other.blind_index("phone", b"+12025550101"));
    assert!(keys.content_hash_is("x", b"y", &keys.content_hash("x", b"y")));
    assert!(!keys.content_hash_is("x", b"z", &keys.content_hash("x", b"y")));
    assert!(!keys.content_hash_is("x", b"y", b"short"));
}

#[test]
fn derived_secrets_differ_by_purpose_and_practice_and_last() {
    let (dir, keys) = keyring();
    let (_other, other) = keyring();
    let again = Keyring::open(dir.path(), &root()).unwrap();
    assert_eq!(keys.derive("a"), again.derive("a"));
    assert_ne!(keys.derive("a"), keys.derive("b"));
    assert_ne!(keys.derive("a"), other.derive("a"));
    assert_ne!(keys.derive("log seed"), keys.log_key());
}

#[test]
fn debug_shows_no_secret() {
    let (_dir, keys) = keyring();
    keys.seal_for_patient("a", &PLACE, b"text").unwrap();
    insta::assert_debug_snapshot!(keys, @r"
    Keyring {
        keys: redacted,
        cached: 1,
        ..
    }
    ");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn every_text_comes_back_and_every_flipped_bit_is_refused(
        text in proptest::collection::vec(any::<u8>(), 0..600), at in any::<usize>(), bit in 0..8_u32
    ) {
        let (_dir, keys) = keyring();
        let sealed = keys.seal_for_patient("a", &PLACE, &text).unwrap();
        prop_assert_eq!(&*keys.open_value(&PLACE, &sealed).unwrap(), &text);
        let mut bytes = sealed.into_bytes();
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        prop_assert!(keys.open_value(&PLACE, &Sealed::from_bytes(bytes)).is_err());
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..120), version in any::<bool>()) {
        let (_dir, keys) = keyring();
        let mut bytes = bytes;
        if let (true, Some(first)) = (version, bytes.first_mut()) { *first = VALUE_VERSION; }
        prop_assert!(keys.open_value(&PLACE, &Sealed::from_bytes(bytes)).is_err());
    }
}

#[test]
fn a_month_says_how_its_key_stands_and_what_was_sealed_under_it() {
    let (_dir, keys) = keyring();
    let (month, next) = (Month::new(2033, 11).unwrap(), Month::new(2033, 12).unwrap());
    let kind = KeyKind::Retention;
    assert_eq!(keys.month(kind, month).unwrap(), Standing::Never);
    let sealed = keys.seal_for_month(month, &PLACE, b"text").unwrap();
    let buckets = crate::Buckets { retention: month, expiry: None };
    let message = keys.seal_message(buckets, &PLACE, b"text").unwrap();
    assert_eq!(keys.month(kind, month).unwrap(), Standing::There);
    for sealed in [&sealed, &message.record_wrap] {
        assert_eq!(sealed_under(sealed.as_bytes()), Some(keys.month_name(kind, month)));
        assert_ne!(sealed_under(sealed.as_bytes()), Some(keys.month_name(kind, next)));
    }
    assert_eq!(sealed_under(b"short"), None);
    keys.destroy_month(kind, month).unwrap();
    assert_eq!(keys.month(kind, month).unwrap(), Standing::Destroyed);
    assert_eq!(keys.month(kind, next).unwrap(), Standing::Never);
}
