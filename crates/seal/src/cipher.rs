//! AES-256-GCM with the nonce in front: the one way anything is encrypted here.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::error::SealError;

pub(crate) const KEY_LEN: usize = 32;
pub(crate) const TAG_LEN: usize = 16;
/// What encryption adds: a 96-bit nonce before and a 128-bit tag behind.
pub(crate) const OVERHEAD: usize = NONCE_LEN + TAG_LEN;

/// A key with its schedule computed. The module wipes it when it is dropped.
pub(crate) struct Cipher(LessSafeKey);

impl Cipher {
    pub(crate) fn new(key: &[u8; KEY_LEN]) -> Result<Self, SealError> {
        Ok(Self(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key)?)))
    }

    /// Appends nonce, ciphertext and tag to `out`. The nonce is random: a key must not seal more
    /// than 2³² values (NIST SP 800-38D §8.3), which a month at 1,600 messages a second reaches.
    pub(crate) fn seal(
        &self,
        bound: &[u8],
        plain: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), SealError> {
        let mut nonce = [0; NONCE_LEN];
        aws_lc_rs::rand::fill(&mut nonce)?;
        self.seal_with(nonce, bound, plain, out)
    }

    /// The same with a nonce drawn by the caller, who draws several at once.
    pub(crate) fn seal_with(
        &self,
        nonce: [u8; NONCE_LEN],
        bound: &[u8],
        plain: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), SealError> {
        out.extend_from_slice(&nonce);
        let start = out.len();
        out.extend_from_slice(plain);
        let secret = out.get_mut(start..).ok_or(SealError::Crypto)?;
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self.0.seal_in_place_separate_tag(nonce, Aad::from(bound), secret)?;
        out.extend_from_slice(tag.as_ref());
        Ok(())
    }

    /// Opens nonce, ciphertext and tag.
    pub(crate) fn open(
        &self,
        bound: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (nonce, secret) = sealed.split_at_checked(NONCE_LEN).ok_or(SealError::CutShort)?;
        if secret.len() < TAG_LEN {
            return Err(SealError::CutShort);
        }
        let nonce = Nonce::try_assume_unique_for_key(nonce)?;
        let mut plain = Zeroizing::new(secret.to_vec());
        let length = self
            .0
            .open_in_place(nonce, Aad::from(bound), &mut plain)
            .map_err(|_| SealError::Altered)?
            .len();
        plain.truncate(length);
        Ok(plain)
    }
}

/// A key's bytes back from their wrapping.
pub(crate) fn unwrapped(plain: Zeroizing<Vec<u8>>) -> Result<Zeroizing<[u8; KEY_LEN]>, SealError> {
    plain.as_slice().try_into().map(Zeroizing::new).map_err(|_| SealError::Altered)
}

/// A new random key.
pub(crate) fn fresh() -> Result<Zeroizing<[u8; KEY_LEN]>, SealError> {
    let mut key = Zeroizing::new([0; KEY_LEN]);
    aws_lc_rs::rand::fill(key.as_mut_slice())?;
    Ok(key)
}

/// Draws the first random number of the process, for which the cryptographic module measures the
/// machine's jitter: some 70 ms. Call it on a thread of its own when a program starts, and nobody
/// waits for it later.
pub fn draw_first_random_number() {
    // Without entropy every later use fails with its own error.
    let _ = fresh();
}
