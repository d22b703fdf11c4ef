//! What is sealed or signed: nothing but the true thing opens, whatever it is turned into.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use ledger::{
    Checkpoint, Frontier, Hash, Head, LogKey, Tile, TileId, VerifierKey, leaf_hash,
    prove_consistency, prove_inclusion, verify_consistency, verify_inclusion,
};
use seal::{Buckets, Day, Keyring, Month, Place, RootKey, Sealed, SealedMessage};
use sotto::audit::event::Entry;
use sotto::audit::packet::{self, CheckError};

use super::{Door, bytes, tells_nothing};

/// The doors of this family.
pub const DOORS: &[Door] = &[
    Door { name: "audit_packet", open: audit_packet, seeds: packets },
    Door { name: "audit_entry", open: audit_entry, seeds: || bytes(&[ENTRY]) },
    Door {
        name: "checkpoint",
        open: checkpoint,
        seeds: || {
            bytes(&[
                "log.example\n5\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
                "log.example\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
            ])
        },
    },
    Door {
        name: "verifier_key",
        open: verifier_key,
        seeds: || vec![key().verifier().to_string().into_bytes()],
    },
    Door {
        name: "tile_id",
        open: tile_id,
        seeds: || bytes(&["tile/0/000", "tile/3/x001/x234/067.p/8"]),
    },
    Door { name: "merkle_proof", open: merkle_proof, seeds: || vec![vec![0; 300]] },
    Door { name: "sealed_value", open: sealed_value, seeds: || vec![vec![0; 100]] },
];

const ENTRY: &str = r#"{"v":1,"practice":"00000000-0000-0000-0000-000000000001","id":"00000000-0000-0000-0000-000000000007","recorded_at":1800000000000000,"kind":"consent.given","outcome":"done","codes":["paper"],"actor":{"kind":"staff","id":"s-1","role":"front_desk"},"program":"0","patients":["00000000-0000-0000-0000-000000000002"],"object":{"kind":"consent_event","id":"c-1"},"purpose":"TREAT","records":[["consent_event","c-1","CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk"],["preference","p-1",null]]}"#;

fn key() -> LogKey {
    log_key("log.example")
}

#[expect(clippy::expect_used, reason = "a name that is valid")]
fn log_key(name: &str) -> LogKey {
    LogKey::from_seed(name, &[7; 32]).expect("a valid name")
}

/// Any bytes as a packet, unsigned; and as what a key did sign, which opens the way to the story.
/// Neither is ever believed. Taken if all but the story was right.
pub fn audit_packet(octets: &[u8]) -> bool {
    assert!(packet::check(octets, None).is_err());
    let Ok(data) = std::str::from_utf8(octets) else { return false };
    let text = format!("made up\n---- data, for `sotto audit check` ----\n{data}\n");
    let Ok(note) = log_key(&format!("sotto/{PRACTICE}")).sign_note(&text) else { return false };
    let refused = packet::check(note.as_bytes(), None);
    assert!(refused.is_err());
    refused == Err(CheckError::Story)
}

const PRACTICE: &str = "00000000-0000-0000-0000-000000000001";

/// The data of a packet whose content opens: the story is told from it before it is compared.
fn packets() -> Vec<Vec<u8>> {
    let row = "00000000-0000-0000-0000-000000000007";
    let place = Place { practice: PRACTICE, table: "message", row, column: "content" };
    let said = br#"{"address":"+16175550147","subject":"Hello","body":"See you.\nQuillfeather"}"#;
    let Some(sealed) = sealed_message(&place, said) else { return Vec::new() };
    let Ok(content_key) = SEALER.disclose_message_key(&place, &sealed.record_wrap) else {
        return Vec::new();
    };
    let url = |octets: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(octets);
    let basis = r#"{"cleared_at":1804000000000000,"not_before":null,"policy":"2027-01","level":1,"categories":[],"rules":["name"],"cells":[],"consents":["c"]}"#;
    let rows = serde_json::json!([
        { "table": "message", "row": row, "row_key": url(&[1; 32]), "columns": {
            "practice_id": PRACTICE, "id": row, "channel": "sms", "kind": "appt_confirm",
            "purpose": "treatment", "language": "en", "state": "delivered", "basis": basis,
            "content_sealed": { "base64": BASE64_STANDARD.encode(sealed.body.as_bytes()) }, "refusals": null } },
        { "table": "receipt", "row": "r", "row_key": url(&[2; 32]), "columns": {
            "practice_id": PRACTICE, "status": "delivered", "received_at": 1_804_000_000_000_000_i64 } },
    ]);
    let data = serde_json::json!({
        "practice": PRACTICE, "message": row, "made_at": 1_804_000_000_000_000_i64,
        "content_key": url(&*content_key), "rows": rows,
        "entries": [{ "leaf": 0, "entry": ENTRY, "proof": [Hash::EMPTY_TREE.to_string()] }],
        "checkpoint": "", "key": log_key(&format!("sotto/{PRACTICE}")).verifier().to_string(),
    });
    // Sealed anew in every run; the packet brings its own key, so that older ones stay good.
    vec![data.to_string().into_bytes()]
}

/// An entry of the log has one spelling.
pub fn audit_entry(octets: &[u8]) -> bool {
    match Entry::from_bytes(octets) {
        Ok(entry) => {
            assert_eq!(entry.to_bytes(), octets);
            true
        }
        Err(error) => {
            tells_nothing(&error);
            false
        }
    }
}

/// Any text as a checkpoint: unsigned it is none, and signed it has one spelling.
pub fn checkpoint(octets: &[u8]) -> bool {
    let key = key();
    assert!(Checkpoint::open(octets, &key.verifier()).is_err());
    let Ok(text) = std::str::from_utf8(octets) else { return false };
    let Ok(note) = key.sign_note(text) else { return false };
    match Checkpoint::open(note.as_bytes(), &key.verifier()) {
        Ok(opened) => {
            assert_eq!(opened.sign(&key), Ok(note));
            assert_eq!(opened.follows(&opened, &[]), Ok(()));
            true
        }
        Err(_) => false,
    }
}

/// A verifier key has one spelling.
pub fn verifier_key(octets: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(octets) else { return false };
    let Ok(key) = text.parse::<VerifierKey>() else { return false };
    assert_eq!(key.to_string(), text);
    true
}

/// A tile's path has one spelling.
pub fn tile_id(octets: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(octets) else { return false };
    let Ok(id) = text.parse::<TileId>() else { return false };
    assert_eq!(id.path(), text);
    true
}

/// A true proof with octets turned over, and made-up proofs of any length: only the true one
/// holds. The octets are what is turned over; taken if that is nothing.
pub fn merkle_proof(octets: &[u8]) -> bool {
    let Grown { early, head, index, leaf, inclusion, consistency } = &*GROWN;
    let (index, leaf) = (*index, *leaf);
    let (turned, changed) = turned_over(inclusion, octets);
    assert_eq!(verify_inclusion(*head, index, leaf, &turned).is_ok(), !changed);
    let (other, also_changed) = turned_over(consistency, octets);
    assert_eq!(verify_consistency(*early, *head, &other).is_ok(), !also_changed);

    let made_up: Vec<Hash> =
        octets.chunks_exact(Hash::LEN).filter_map(|chunk| chunk.try_into().ok()).collect();
    let size = octets.first_chunk::<8>().map_or(0, |size| u64::from_be_bytes(*size));
    let big = Head { size, ..*head };
    for index in [0, size / 2, size.wrapping_sub(1), size] {
        assert!(verify_inclusion(big, index, leaf, &made_up).is_err());
        assert!(verify_consistency(Head { size: index, ..*early }, big, &made_up).is_err());
    }
    !changed && !also_changed
}

/// A log of 77 entries, grown to 301, and two proofs about it.
struct Grown {
    early: Head,
    head: Head,
    index: u64,
    leaf: Hash,
    inclusion: Vec<Hash>,
    consistency: Vec<Hash>,
}

static GROWN: LazyLock<Grown> = LazyLock::new(|| {
    let mut tree = Frontier::new();
    let mut early = Head::EMPTY;
    for n in 0..301_u64 {
        if n == 77 {
            early = tree.head();
        }
        assert!(tree.append(leaf_hash(&n.to_be_bytes())).is_ok());
    }
    let (head, tiles) = (tree.head(), tree.take_tiles());
    let read = |id| tiles.iter().find(|t| t.id.covers(id)).map(Tile::bytes).ok_or(std::fmt::Error);
    let index = 76_u64;
    let inclusion = prove_inclusion(head, index, read).unwrap_or_default();
    let consistency = prove_consistency(head, early.size, read).unwrap_or_default();
    assert!(!inclusion.is_empty() && !consistency.is_empty());
    Grown { early, head, index, leaf: leaf_hash(&index.to_be_bytes()), inclusion, consistency }
});

fn turned_over(proof: &[Hash], mask: &[u8]) -> (Vec<Hash>, bool) {
    let mut changed = false;
    let mut mask = mask.iter();
    let turned = proof.iter().map(|hash| {
        let mut octets = *hash.as_bytes();
        for (octet, turn) in octets.iter_mut().zip(mask.by_ref()) {
            changed |= *turn != 0;
            *octet ^= *turn;
        }
        Hash::from_bytes(octets)
    });
    (turned.collect(), changed)
}

/// Keys in a folder of their own, made anew in every run.
static SEALER: LazyLock<Keyring> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("sotto-doors-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    #[expect(clippy::expect_used, reason = "a new folder and a machine with randomness")]
    let keys = RootKey::generate().and_then(|root| Keyring::create(&folder, &root)).expect("keys");
    keys
});

fn sealed_message(place: &Place<'_>, plain: &[u8]) -> Option<SealedMessage> {
    let month = Month::new(2027, 3).ok()?;
    SEALER.seal_message(Buckets { retention: month, expiry: Some(Day(20_888)) }, place, plain).ok()
}

/// Any bytes as a sealed value, and true ones with octets turned over or cut off: only the whole
/// one opens, in its own place. Taken if nothing was turned over.
pub fn sealed_value(octets: &[u8]) -> bool {
    let place = Place { practice: PRACTICE, table: "message", row: "7", column: "content" };
    let elsewhere = Place { row: "8", ..place };
    let said = b"Quillfeather";
    let Some(message) = sealed_message(&place, said) else { return false };
    let Some(copy) = message.patient_wrap.clone() else { return false };
    let Ok(month) = Month::new(2027, 3) else { return false };
    let Ok(value) = SEALER.seal_for_month(month, &place, said) else { return false };

    let raw = Sealed::from_bytes(octets.to_vec());
    // A fuzzer that watches comparisons copies true values out of memory; those open.
    if let Ok(opened) = SEALER.open_value(&place, &raw) {
        assert_eq!(*opened, said);
    }
    assert!(SEALER.open_message(&place, &raw, &message.record_wrap).is_err());
    assert!(SEALER.open_message(&place, &message.body, &raw).is_err());
    assert!(seal::open_disclosed(&place, &raw, &[7; 32]).is_err());

    let turned = |sealed: &Sealed| {
        let mut turned = sealed.as_bytes().to_vec();
        turned.iter_mut().zip(octets).for_each(|(octet, turn)| *octet ^= *turn);
        Sealed::from_bytes(turned)
    };
    let same = |sealed: &Sealed| turned(sealed) == *sealed;
    let opened = SEALER.open_value(&place, &turned(&value));
    assert_eq!(opened.is_ok(), same(&value));
    if let Err(error) = &opened {
        tells_nothing(error);
    }
    assert!(SEALER.open_value(&elsewhere, &turned(&value)).is_err());
    for (body, wrap) in [
        (turned(&message.body), message.record_wrap.clone()),
        (message.body.clone(), turned(&copy)),
    ] {
        let whole = body == message.body && (wrap == message.record_wrap || wrap == copy);
        assert_eq!(SEALER.open_message(&place, &body, &wrap).is_ok(), whole);
        assert!(SEALER.open_message(&elsewhere, &body, &wrap).is_err());
    }
    let cut = value.as_bytes().get(..octets.len()).map(|cut| Sealed::from_bytes(cut.to_vec()));
    if let Some(cut) = cut.filter(|cut| *cut != value) {
        assert!(SEALER.open_value(&place, &cut).is_err());
    }
    same(&value) && same(&message.body) && same(&copy)
}
