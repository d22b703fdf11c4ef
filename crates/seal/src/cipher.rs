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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn bytes(hexadecimal: &str) -> Vec<u8> {
        let pairs = hexadecimal.as_bytes().chunks(2).map(|two| std::str::from_utf8(two).unwrap());
        pairs.map(|two| u8::from_str_radix(two, 16).unwrap()).collect()
    }

    /// "The Galois/Counter Mode of Operation (GCM)", McGrew and Viega, test case 16.
    #[test]
    fn it_is_aes_256_gcm() {
        let half = "feffe9928665731c6d6a8f9467308308";
        let key: [u8; KEY_LEN] = bytes(&half.repeat(2)).try_into().unwrap();
        let nonce: [u8; NONCE_LEN] = bytes("cafebabefacedbaddecaf888").try_into().unwrap();
        let bound = bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2");
        let plain = bytes(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
             1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        );
        let mut sealed = Vec::new();
        let cipher = Cipher::new(&key).unwrap();
        cipher.seal_with(nonce, &bound, &plain, &mut sealed).unwrap();
        let expected = bytes(
            "cafebabefacedbaddecaf888\
             522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
             8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662\
             76fc6ece0f4e1768cddf8853bb2d551b",
        );
        assert_eq!(sealed, expected);
        assert_eq!(*cipher.open(&bound, &sealed).unwrap(), plain);
    }

    #[test]
    fn no_nonce_comes_twice() {
        let cipher = Cipher::new(&[7; KEY_LEN]).unwrap();
        let mut seen = HashSet::new();
        for _ in 0..10_000 {
            let mut sealed = Vec::new();
            cipher.seal(b"here", b"the same", &mut sealed).unwrap();
            assert!(seen.insert(sealed[..NONCE_LEN].to_vec()));
        }
        // Drawn and not counted: no two begin alike in a way that a counter would.
        let firsts: HashSet<u8> = seen.iter().map(|nonce| nonce[0]).collect();
        let lasts: HashSet<u8> = seen.iter().map(|nonce| nonce[NONCE_LEN - 1]).collect();
        assert!(firsts.len() > 200 && lasts.len() > 200);
    }
}
