//! Passwords by NIST SP 800-63B-4 §3.1.1: long rather than odd. No rules of composition, no
//! expiry, no hints; common ones and the practice's own words are refused; kept as argon2id,
//! sealed on top, so that a stolen database alone offers nothing to guess at.
//!
//! The list of common passwords is that of zxcvbn 4.4.2 (MIT), those of eight characters and more.

use std::sync::LazyLock;

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::{constant_time, rand};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use super::error::AccessError;

/// The shortest. A second factor always stands beside it.
pub const LEAST: usize = 8;
/// The longest.
pub const MOST: usize = 256;

static COMMON: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| include_str!("common_passwords.txt").lines().collect());

/// A password as it was typed, in its one normal form (NFKC). `Debug` shows nothing.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}

impl Password {
    /// What somebody typed to come in. Longer than any password is cut: it fits none.
    #[must_use]
    pub fn typed(text: &str) -> Self {
        Self(Zeroizing::new(text.nfkc().take(MOST + 1).collect()))
    }

    /// What somebody chose. `own_words` are words that stand near this person: the practice's name, their own, their mailbox.
    ///
    /// # Errors
    /// [`AccessError::Field`] that says what to choose instead.
    pub fn chosen(text: &str, own_words: &[String]) -> Result<Self, AccessError> {
        let refuse = |because: String| Err(AccessError::field("password", because));
        let password = Self::typed(text);
        let length = password.0.chars().count();
        if length < LEAST {
            return refuse(format!(
                "must have at least {LEAST} characters; four unrelated words do well"
            ));
        }
        if length > MOST {
            return refuse(format!("must have at most {MOST} characters"));
        }
        let lower = password.0.to_lowercase();
        if is_common(&lower) {
            return refuse(
                "is one that many people use, so it is guessed first; choose \
                 another, such as four unrelated words"
                    .to_owned(),
            );
        }
        if own_words.iter().any(|word| is_mostly(&lower, word)) {
            return refuse(
                "is close to your name, your mailbox or the practice's name; choose \
                 something that has nothing to do with you"
                    .to_owned(),
            );
        }
        Ok(password)
    }
}

/// On the list; or the list's with digits and signs round it; or one character, or one step, over
/// and over.
fn is_common(lower: &str) -> bool {
    let core = lower.trim_matches(|c: char| !c.is_alphabetic());
    let listed = |word: &str| COMMON.binary_search(&word).is_ok();
    listed(lower) || (core.chars().count() >= 8 && listed(core)) || is_a_pattern(lower)
}

/// One character, or one step, over and over.
pub(super) fn is_a_pattern(text: &str) -> bool {
    let chars: Vec<u32> = text.chars().map(u32::from).collect();
    let steps: std::collections::BTreeSet<i64> = chars
        .iter()
        .zip(chars.iter().skip(1))
        .map(|(a, b)| i64::from(*b) - i64::from(*a))
        .collect();
    let doubled =
        (1..=4).any(|period| chars.iter().zip(chars.iter().skip(period)).all(|(a, b)| a == b));
    doubled || (steps.len() == 1 && steps.iter().all(|step| step.abs() <= 1))
}

/// The word is most of the password.
fn is_mostly(lower: &str, word: &str) -> bool {
    let squeezed = |text: &str| -> String {
        text.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect()
    };
    let (password, word) = (squeezed(lower), squeezed(word));
    word.chars().count() >= 4
        && password.contains(&word)
        && password.chars().count() < word.chars().count() + 6
}

/// What is kept of a password, before it is sealed.
#[derive(Clone, Serialize, Deserialize)]
pub struct Hash {
    memory_kib: u32,
    passes: u32,
    salt: [u8; 16],
    hash: [u8; 32],
}

/// OWASP's choice for argon2id: 19 MiB, two passes.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;

impl Hash {
    /// Hashes a password. Takes about 20 ms: not in a transaction.
    ///
    /// # Errors
    /// [`AccessError::Randomness`], [`AccessError::Memory`].
    pub fn of(password: &Password) -> Result<Self, AccessError> {
        let mut salt = [0; 16];
        rand::fill(&mut salt).map_err(|_| AccessError::Randomness)?;
        let mut hash = Self { memory_kib: MEMORY_KIB, passes: PASSES, salt, hash: [0; 32] };
        hash.hash = *hash.again(password)?;
        Ok(hash)
    }

    /// Nobody's: what is compared for an unknown name, so that it takes as long as for a known one.
    #[must_use]
    pub const fn nobodys() -> Self {
        Self { memory_kib: MEMORY_KIB, passes: PASSES, salt: [7; 16], hash: [0; 32] }
    }

    /// Is it this password's? Takes as long as [`of`](Self::of).
    ///
    /// # Errors
    /// [`AccessError::Memory`].
    pub fn is_of(&self, password: &Password) -> Result<bool, AccessError> {
        let again = self.again(password)?;
        Ok(constant_time::verify_slices_are_equal(&*again, &self.hash).is_ok())
    }

    fn again(&self, password: &Password) -> Result<Zeroizing<[u8; 32]>, AccessError> {
        let params = Params::new(self.memory_kib, self.passes, 1, Some(32));
        let params = params.map_err(|_| AccessError::Memory)?;
        let mut out = Zeroizing::new([0; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(password.0.as_bytes(), &self.salt, &mut *out)
            .map_err(|_| AccessError::Memory)?;
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(text: &str) -> Result<Password, AccessError> {
        let own = ["Harborview Family Health", "Rosa Delgado", "rosa.delgado"];
        Password::chosen(text, &own.map(str::to_owned))
    }

    #[test]
    fn length_counts_and_composition_does_not() {
        for (text, good) in [
            ("seven77", false),
            ("lampotte", true),
            ("lamp otter quiet mesa", true),
            ("пять слов для входа", true),
            ("🦦🦦🦜🦜🦉🦉🦊🦊🦔", true),
        ] {
            assert_eq!(chosen(text).is_ok(), good, "{text}");
        }
        assert!(chosen(&"lamp otter ".repeat(24)).is_err());
    }

    #[test]
    fn what_is_guessed_first_is_refused() {
        for text in [
            "Password123!",
            "qwertyuiop",
            "11111111",
            "abcdefgh",
            "87654321",
            "abababababababab",
            "harborviewfamilyhealth1",
            "Rosa.Delgado!",
            "rosa delgado",
        ] {
            assert!(chosen(text).is_err(), "{text}");
        }
        assert!(COMMON.is_sorted() && COMMON.len() > 5_000, "{}", COMMON.len());
    }

    #[test]
    fn one_form_of_writing_is_as_good_as_another() {
        let hash = Hash::of(&Password::typed("cafe\u{301} lune otter")).unwrap();
        assert!(hash.is_of(&Password::typed("caf\u{e9} lune otter")).unwrap());
        assert!(!hash.is_of(&Password::typed("cafe lune otter")).unwrap());
        assert!(!Hash::nobodys().is_of(&Password::typed("")).unwrap());
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Password::typed("lamp otter")), "Password(…)");
    }
}
