//! A message's content: sealed once, its key wrapped twice.
//!
//! The body is sealed under a random key of its own. That key is wrapped for the record, under
//! the key of the month until which records are retained, and for the patient's copy, where there
//! is one, under the key of the day with which the copy ends. Either wrap opens the one body; when
//! a bucket's key is destroyed, its wraps are dead everywhere, and the other copy is untouched
//! (SPEC LC-06).

use std::fmt;

use zeroize::Zeroizing;

use crate::{
    cipher::{Cipher, KEY_LEN, OVERHEAD, unwrapped},
    error::{KeyKind, SealError},
    keyring::{KeyId, Keyring},
    month::{Day, Month},
    place::{Place, Sealed},
};

/// The first byte of a body sealed under its own key.
const BODY_VERSION: u8 = 2;
/// The first bytes of the two wraps.
const RECORD_WRAP: u8 = 3;
const PATIENT_WRAP: u8 = 4;
const WRAP_HEADER: usize = 1 + KeyId::LEN;
const BODY_HEADER: usize = 1 + 4;
const NONCE: usize = 12;

/// How long a message's two copies live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buckets {
    /// The month after which the record may be destroyed.
    pub retention: Month,
    /// The day with which the patient's copy ends; none where the patient has no copy here.
    pub expiry: Option<Day>,
}

/// The three columns of a sealed message.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedMessage {
    /// The content, under its own key.
    pub body: Sealed,
    /// That key, for the record.
    pub record_wrap: Sealed,
    /// That key, for the patient's copy, where there is one.
    pub patient_wrap: Option<Sealed>,
}

impl fmt::Debug for SealedMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedMessage")
            .field("body", &self.body)
            .field("record_wrap", &self.record_wrap)
            .field("patient_wrap", &self.patient_wrap)
            .finish()
    }
}

impl Keyring {
    /// Seals a message's content. `place` is that of the body's column; the wraps are bound to
    /// it too, so neither fits another message.
    ///
    /// # Errors
    /// [`SealError::Destroyed`] for a bucket that is gone already, [`SealError::KeyFile`],
    /// [`SealError::Io`] when a bucket's first message finds no disk.
    pub fn seal_message(
        &self,
        buckets: Buckets,
        place: &Place<'_>,
        plain: &[u8],
    ) -> Result<SealedMessage, SealError> {
        let record = self.month_key(KeyKind::Retention, buckets.retention)?;
        let patient = buckets.expiry.map(|day| self.day_key(day)).transpose()?;
        // One draw for the content key and the three nonces.
        let mut drawn = Zeroizing::new([0_u8; KEY_LEN + 3 * NONCE]);
        aws_lc_rs::rand::fill(drawn.as_mut_slice())?;
        let (key, nonces) = drawn.split_first_chunk::<KEY_LEN>().ok_or(SealError::Crypto)?;
        let mut nonces = nonces.chunks_exact(NONCE);
        let mut nonce = || nonces.next().and_then(|n| n.try_into().ok()).ok_or(SealError::Crypto);

        let mut body = Vec::with_capacity(BODY_HEADER + plain.len() + OVERHEAD);
        body.push(BODY_VERSION);
        body.extend_from_slice(&place.tag());
        let bound = place.bind(&body);
        Cipher::new(key)?.seal_with(nonce()?, &bound, plain, &mut body)?;

        let mut wrap = |kind, bucket: &crate::keyring::DataKey| {
            let mut out = Vec::with_capacity(WRAP_HEADER + KEY_LEN + OVERHEAD);
            out.push(kind);
            out.extend_from_slice(bucket.id.bytes());
            let bound = place.bind(&out);
            bucket.cipher.seal_with(nonce()?, &bound, key, &mut out)?;
            Ok::<_, SealError>(Sealed::from_bytes(out))
        };
        let record_wrap = wrap(RECORD_WRAP, &record)?;
        let patient_wrap = patient.map(|patient| wrap(PATIENT_WRAP, &patient)).transpose()?;
        Ok(SealedMessage { body: Sealed::from_bytes(body), record_wrap, patient_wrap })
    }

    /// Opens a message's content with either of its wraps.
    ///
    /// # Errors
    /// [`SealError::Destroyed`] when the wrap's month is gone, [`SealError::WrongPlace`],
    /// [`SealError::Altered`] (also for the wrap of another message), [`SealError::Missing`],
    /// [`SealError::CutShort`], [`SealError::Version`].
    pub fn open_message(
        &self,
        place: &Place<'_>,
        body: &Sealed,
        wrap: &Sealed,
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        // Whether the body stands in its place is asked first, to say the plainer thing.
        body_parts(place, body)?;
        open_disclosed(place, body, &*self.disclose_message_key(place, wrap)?)
    }
}

impl Keyring {
    /// The key of one message's content, to be handed out with a proof of that message. Whoever
    /// has it can open this one content and nothing else: see [`open_disclosed`].
    ///
    /// # Errors
    /// Those of [`open_message`](Self::open_message) that concern the wrap.
    pub fn disclose_message_key(
        &self,
        place: &Place<'_>,
        wrap: &Sealed,
    ) -> Result<Zeroizing<[u8; KEY_LEN]>, SealError> {
        let (kind, header, wrapped) = parts(wrap, WRAP_HEADER)?;
        if ![RECORD_WRAP, PATIENT_WRAP].contains(&kind) {
            return Err(SealError::Version(kind));
        }
        let id = KeyId::read(header.get(1..)).ok_or(SealError::CutShort)?;
        unwrapped(self.existing(id)?.cipher.open(&place.bind(header), wrapped)?)
    }
}

/// Opens a message's content with its disclosed key, without any keyring.
///
/// # Errors
/// [`SealError::WrongPlace`], [`SealError::Altered`], [`SealError::CutShort`],
/// [`SealError::Version`].
pub fn open_disclosed(
    place: &Place<'_>,
    body: &Sealed,
    key: &[u8; KEY_LEN],
) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let (header, secret) = body_parts(place, body)?;
    Cipher::new(key)?.open(&place.bind(header), secret)
}

/// Header and the rest of a body that was sealed for this place.
fn body_parts<'b>(place: &Place<'_>, body: &'b Sealed) -> Result<(&'b [u8], &'b [u8]), SealError> {
    let (kind, header, secret) = parts(body, BODY_HEADER)?;
    if kind != BODY_VERSION {
        return Err(SealError::Version(kind));
    }
    if header.get(1..) != Some(&place.tag()) {
        return Err(SealError::WrongPlace);
    }
    Ok((header, secret))
}

/// Version, header and the rest of a sealed value.
fn parts(sealed: &Sealed, header: usize) -> Result<(u8, &[u8], &[u8]), SealError> {
    let bytes = sealed.as_bytes();
    let (head, rest) = bytes.split_at_checked(header).ok_or(SealError::CutShort)?;
    Ok((*head.first().ok_or(SealError::CutShort)?, head, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        key_store::tests::{Scratch, scratch},
        root_key::RootKey,
    };
    use proptest::prelude::*;

    const PLACE: Place<'_> =
        Place { practice: "p", table: "message", row: "m1", column: "content_sealed" };

    fn keyring() -> (Scratch, Keyring) {
        let dir = scratch();
        let keys = Keyring::create(dir.path(), &RootKey::generate().unwrap()).unwrap();
        (dir, keys)
    }

    const DAY: Day = Day(20_800);

    fn buckets() -> Buckets {
        let month = Month::new(2026, 11).unwrap();
        Buckets { retention: month.plus(72).unwrap(), expiry: Some(DAY) }
    }

    #[test]
    fn both_wraps_open_the_one_body() {
        let (_dir, keys) = keyring();
        let sealed = keys.seal_message(buckets(), &PLACE, b"see you Tuesday").unwrap();
        for wrap in [&sealed.record_wrap, sealed.patient_wrap.as_ref().unwrap()] {
            assert_eq!(*keys.open_message(&PLACE, &sealed.body, wrap).unwrap(), b"see you Tuesday");
        }
    }

    #[test]
    fn each_copy_dies_with_its_own_bucket() {
        let (dir, keys) = keyring();
        let sealed = keys.seal_message(buckets(), &PLACE, b"text").unwrap();
        keys.destroy_day(DAY).unwrap();
        let gone = keys.open_message(&PLACE, &sealed.body, sealed.patient_wrap.as_ref().unwrap());
        assert!(matches!(gone, Err(SealError::Destroyed { .. })));
        assert!(keys.open_message(&PLACE, &sealed.body, &sealed.record_wrap).is_ok());
        let late = keys.seal_message(buckets(), &PLACE, b"text");
        assert!(matches!(late, Err(SealError::Destroyed { .. })), "no copy that cannot be kept");

        keys.destroy_month(KeyKind::Retention, buckets().retention).unwrap();
        let gone = keys.open_message(&PLACE, &sealed.body, &sealed.record_wrap);
        assert!(matches!(gone, Err(SealError::Destroyed { .. })));
        drop(dir);
    }

    #[test]
    fn a_message_without_a_copy_makes_no_key_for_one() {
        let (dir, keys) = keyring();
        let alone = Buckets { expiry: None, ..buckets() };
        let sealed = keys.seal_message(alone, &PLACE, b"text").unwrap();
        assert!(sealed.patient_wrap.is_none());
        assert!(keys.open_message(&PLACE, &sealed.body, &sealed.record_wrap).is_ok());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_bucket_s_messages_share_two_key_files() {
        let (dir, keys) = keyring();
        for _ in 0..50 {
            keys.seal_message(buckets(), &PLACE, b"text").unwrap();
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 3);
    }

    #[test]
    fn nothing_fits_another_message() {
        let (_dir, keys) = keyring();
        let other = Place { row: "m2", ..PLACE };
        let a = keys.seal_message(buckets(), &PLACE, b"a").unwrap();
        let b = keys.seal_message(buckets(), &PLACE, b"b").unwrap();
        let c = keys.seal_message(buckets(), &other, b"c").unwrap();
        let opened = |place, body: &Sealed, wrap: &Sealed| keys.open_message(place, body, wrap);
        assert!(matches!(opened(&other, &a.body, &a.record_wrap), Err(SealError::WrongPlace)));
        assert!(matches!(opened(&PLACE, &a.body, &b.record_wrap), Err(SealError::Altered)));
        assert!(matches!(opened(&PLACE, &a.body, &c.record_wrap), Err(SealError::Altered)));
        assert!(matches!(opened(&PLACE, &a.body, &a.body), Err(SealError::Version(2))));
        assert!(matches!(
            opened(&PLACE, &a.record_wrap, &a.record_wrap),
            Err(SealError::Version(3))
        ));
    }

    #[test]
    fn each_seal_draws_a_key_and_three_nonces_of_its_own() {
        let (_dir, keys) = keyring();
        let mut drawn = std::collections::HashSet::new();
        for _ in 0..500 {
            let sealed = keys.seal_message(buckets(), &PLACE, b"the same").unwrap();
            let nonce = |part: &Sealed, at: usize| part.as_bytes()[at..at + NONCE].to_vec();
            assert!(drawn.insert(nonce(&sealed.body, BODY_HEADER)));
            assert!(drawn.insert(nonce(&sealed.record_wrap, WRAP_HEADER)));
            assert!(drawn.insert(nonce(&sealed.patient_wrap.unwrap(), WRAP_HEADER)));
            let key = keys.disclose_message_key(&PLACE, &sealed.record_wrap).unwrap();
            assert!(drawn.insert(key.to_vec()));
        }
    }

    #[test]
    fn a_disclosed_key_opens_its_own_message_only() {
        let (_dir, keys) = keyring();
        let a = keys.seal_message(buckets(), &PLACE, b"a").unwrap();
        let b = keys.seal_message(buckets(), &PLACE, b"b").unwrap();
        let key = keys.disclose_message_key(&PLACE, &a.record_wrap).unwrap();
        assert_eq!(*open_disclosed(&PLACE, &a.body, &key).unwrap(), b"a");
        assert!(matches!(open_disclosed(&PLACE, &b.body, &key), Err(SealError::Altered)));
        let elsewhere = Place { row: "m2", ..PLACE };
        assert!(matches!(open_disclosed(&elsewhere, &a.body, &key), Err(SealError::WrongPlace)));
    }

    #[test]
    fn debug_shows_sizes_only() {
        let (_dir, keys) = keyring();
        let sealed = keys.seal_message(buckets(), &PLACE, b"see you Tuesday").unwrap();
        insta::assert_debug_snapshot!(sealed, @r"
        SealedMessage {
            body: Sealed(48 bytes),
            record_wrap: Sealed(77 bytes),
            patient_wrap: Some(
                Sealed(77 bytes),
            ),
        }
        ");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn every_flipped_bit_is_refused(
            text in proptest::collection::vec(any::<u8>(), 0..500),
            in_wrap in any::<bool>(), at in any::<usize>(), bit in 0..8_u32
        ) {
            let (_dir, keys) = keyring();
            let sealed = keys.seal_message(buckets(), &PLACE, &text).unwrap();
            let (mut body, mut wrap) = (sealed.body.into_bytes(), sealed.record_wrap.into_bytes());
            let hit = if in_wrap { &mut wrap } else { &mut body };
            let at = at % hit.len();
            hit[at] ^= 1 << bit;
            let (body, wrap) = (Sealed::from_bytes(body), Sealed::from_bytes(wrap));
            prop_assert!(keys.open_message(&PLACE, &body, &wrap).is_err());
        }
    }
}
