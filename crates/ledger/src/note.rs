//! Signed notes (C2SP signed-note): a text, an empty line, and signatures below it.
//!
//! Ed25519 comes from `aws-lc-rs`, like all cryptography here; the note's form from
//! `signed_note`.

use std::{fmt, str::FromStr};

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use signed_note::{Note, Signature, VerificationError, Verifier, Verifiers};

/// The algorithm byte of Ed25519 in a verifier key (C2SP signed-note).
const ED25519_ALGORITHM: u8 = 1;
const MAX_NAME: usize = 200;

/// A note that was not accepted, or could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// It is not a signed note at all.
    #[error("not a signed note: expected UTF-8 text, an empty line and signature lines")]
    Malformed,
    /// A text that no note can carry.
    #[error(
        "a note's text must end with a newline, hold no control characters and stay under 1 MB"
    )]
    Text,
    /// Nobody signed it whose key was given.
    #[error("not signed by {name}: the note carries no signature of the expected key")]
    OtherSigner {
        /// The name of the key that was expected.
        name: String,
    },
    /// The expected key is named, but the signature is wrong: the text was changed.
    #[error("the signature of {name} does not match: the text was altered after signing")]
    Altered {
        /// The name of the key.
        name: String,
    },
}

/// A verifier key, or its name, that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifierKeyError {
    /// A name with blanks, a plus sign, or too long.
    #[error("a log's name is 1 to 200 characters, without blanks and without '+'")]
    Name,
    /// Not the form `name+hash+key`.
    #[error("malformed verifier key: expected name+xxxxxxxx+base64")]
    Form,
    /// The hash in the middle belongs to another name or key.
    #[error("the verifier key's checksum does not match: copy it again, whole")]
    Checksum,
    /// A key of another kind than Ed25519.
    #[error("unknown verifier key algorithm: only Ed25519 (1) is understood")]
    Algorithm,
}

/// The log's signing key. Shows its name and never its seed.
pub struct LogKey {
    pair: Ed25519KeyPair,
    verifier: VerifierKey,
}

/// The public half: whom to trust. Its text form is C2SP's `name+hash+key`.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: u32,
    key: [u8; 32],
}

impl LogKey {
    /// The key that belongs to a secret 32-byte seed (RFC 8032 §5.1.5), under the log's name.
    ///
    /// # Errors
    /// [`VerifierKeyError::Name`].
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, VerifierKeyError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| VerifierKeyError::Form)?;
        let key = pair.public_key().as_ref().try_into().map_err(|_| VerifierKeyError::Form)?;
        let verifier = VerifierKey::new(name, key)?;
        Ok(Self { pair, verifier })
    }

    /// The public half.
    pub fn verifier(&self) -> VerifierKey {
        self.verifier.clone()
    }

    /// Signs a text, which must end with a newline.
    ///
    /// # Errors
    /// [`NoteError::Text`].
    pub fn sign_note(&self, text: &str) -> Result<String, NoteError> {
        let signature = self.pair.sign(text.as_bytes());
        let (name, id) = (self.verifier.name.clone(), self.verifier.id);
        let signature = Signature::new(name, id, signature.as_ref().to_vec())
            .map_err(|_| NoteError::Malformed)?;
        let note = Note::new(text.as_bytes(), &[signature]).map_err(|_| NoteError::Text)?;
        let bytes = note.to_bytes();
        // A note is read back with its signatures, and must still be readable then.
        Note::from_bytes(&bytes).map_err(|_| NoteError::Text)?;
        String::from_utf8(bytes).map_err(|_| NoteError::Text)
    }
}

impl fmt::Debug for LogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogKey").field("name", &self.verifier.name).finish_non_exhaustive()
    }
}

impl VerifierKey {
    fn new(name: &str, key: [u8; 32]) -> Result<Self, VerifierKeyError> {
        if !signed_note::is_key_name_valid(name) || name.len() > MAX_NAME {
            return Err(VerifierKeyError::Name);
        }
        if name.chars().any(char::is_control) {
            return Err(VerifierKeyError::Name);
        }
        let id = signed_note::key_id(name, &tagged(&key));
        Ok(Self { name: name.to_owned(), id, key })
    }

    /// The log's name, which is also its checkpoints' origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text of a note that this key signed. Signatures of other keys are ignored.
    ///
    /// # Errors
    /// [`NoteError`]; a text that was not signed is never given out.
    pub fn open_note(&self, note: &[u8]) -> Result<String, NoteError> {
        let note = Note::from_bytes(note).map_err(|_| NoteError::Malformed)?;
        note.verify(&Only(self)).map_err(|error| match error {
            signed_note::NoteError::InvalidSignature { name, .. } => NoteError::Altered { name },
            signed_note::NoteError::MalformedNote => NoteError::Malformed,
            _ => NoteError::OtherSigner { name: self.name.clone() },
        })?;
        String::from_utf8(note.text().to_vec()).map_err(|_| NoteError::Malformed)
    }
}

fn tagged(key: &[u8; 32]) -> Vec<u8> {
    let mut bytes = vec![ED25519_ALGORITHM];
    bytes.extend_from_slice(key);
    bytes
}

impl Verifier for VerifierKey {
    fn name(&self) -> &str {
        &self.name
    }

    fn key_id(&self) -> u32 {
        self.id
    }

    fn verify(&self, msg: &[u8], sig: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.key).verify(msg, sig).is_ok()
    }
}

/// A list of one key.
struct Only<'a>(&'a VerifierKey);

impl Verifiers for Only<'_> {
    fn verifier(&self, name: &str, id: u32) -> Result<&dyn Verifier, VerificationError> {
        if name == self.0.name && id == self.0.id {
            Ok(self.0)
        } else {
            Err(VerificationError::UnknownKey { name: name.to_owned(), id })
        }
    }
}

impl FromStr for VerifierKey {
    type Err = VerifierKeyError;

    fn from_str(text: &str) -> Result<Self, VerifierKeyError> {
        if text.len() > MAX_NAME + 64 {
            return Err(VerifierKeyError::Form);
        }
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(VerifierKeyError::Form);
        };
        let key = BASE64_STANDARD.decode(key).map_err(|_| VerifierKeyError::Form)?;
        let (algorithm, key) = key.split_first().ok_or(VerifierKeyError::Form)?;
        if *algorithm != ED25519_ALGORITHM {
            return Err(VerifierKeyError::Algorithm);
        }
        let found = Self::new(name, key.try_into().map_err(|_| VerifierKeyError::Form)?)?;
        if format!("{:08x}", found.id) == id { Ok(found) } else { Err(VerifierKeyError::Checksum) }
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{:08x}+{}", self.name, self.id, BASE64_STANDARD.encode(tagged(&self.key)))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key() -> LogKey {
        LogKey::from_seed("log.example", &[7; 32]).unwrap()
    }

    #[test]
    fn a_note_is_one_that_another_implementation_accepts() {
        let note = key().sign_note("hello\n").unwrap();
        let theirs = signed_note::StandardVerifier::new(&key().verifier().to_string()).unwrap();
        let list = signed_note::VerifierList::new(vec![Box::new(theirs)]);
        let note = Note::from_bytes(note.as_bytes()).unwrap();
        assert_eq!(note.verify(&list).unwrap().0.len(), 1);
        assert_eq!(note.text(), b"hello\n");
    }

    #[test]
    fn another_s_note_and_a_changed_note_are_told_apart() {
        let verifier = key().verifier();
        let note = key().sign_note("pay 1\n\nand 2\n").unwrap();
        assert_eq!(verifier.open_note(note.as_bytes()).unwrap(), "pay 1\n\nand 2\n");
        let name = "log.example".to_owned();
        let changed = note.replace("pay 1", "pay 9");
        assert_eq!(
            verifier.open_note(changed.as_bytes()),
            Err(NoteError::Altered { name: name.clone() })
        );
        let other = LogKey::from_seed("log.example", &[8; 32]).unwrap().sign_note("x\n").unwrap();
        assert_eq!(verifier.open_note(other.as_bytes()), Err(NoteError::OtherSigner { name }));
        assert_eq!(verifier.open_note(b"plain text\n"), Err(NoteError::Malformed));
    }

    #[test]
    fn texts_that_no_note_can_carry_are_refused() {
        for text in ["", "no newline", "a tab\there\n", "bell\u{7}\n", &"x".repeat(1_000_001)] {
            assert_eq!(key().sign_note(text), Err(NoteError::Text));
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        assert_eq!(format!("{:?}", key()), r#"LogKey { name: "log.example", .. }"#);
    }

    #[test]
    fn verifier_keys_go_there_and_back_and_bad_ones_say_why() {
        let text = key().verifier().to_string();
        assert_eq!(text.parse::<VerifierKey>().unwrap(), key().verifier());
        let why = |text: &str| text.parse::<VerifierKey>().unwrap_err();
        assert_eq!(why(&text.replace("log.", "lag.")), VerifierKeyError::Checksum);
        assert_eq!(why(&text.replace("+Ae", "+Au")), VerifierKeyError::Algorithm);
        assert_eq!(why("log.example+00000000"), VerifierKeyError::Form);
        assert_eq!(why(&format!("a b{text}")), VerifierKeyError::Name);
        assert_eq!(why(&"+".repeat(5000)), VerifierKeyError::Form);
        assert!(matches!(LogKey::from_seed("a+b", &[0; 32]), Err(VerifierKeyError::Name)));
    }

    proptest! {
        #[test]
        fn any_flipped_bit_is_refused(at in any::<usize>(), bit in 0..8_u32) {
            let mut note = key().sign_note("the text\nof two lines\n").unwrap().into_bytes();
            let at = at % note.len();
            note[at] ^= 1 << bit;
            prop_assert!(key().verifier().open_note(&note).is_err());
        }

        #[test]
        fn no_note_and_no_key_panics(note in proptest::collection::vec(any::<u8>(), 0..300), key_text in "\\PC{0,90}") {
            prop_assert!(key().verifier().open_note(&note).is_err());
            prop_assert!(key_text.parse::<VerifierKey>().is_err());
        }
    }
}
