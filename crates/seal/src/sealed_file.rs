//! A whole file, sealed: what a backup is kept in.
//!
//! ```text
//! magic, 16 bytes │ u32 length │ about: public words of the caller's, authenticated
//! u8 kind of lock │ what opens it │ the file's own key, wrapped
//! chunks of 64 KiB, each AES-256-GCM, the last one marked as the last
//! ```
//!
//! The file's key is random and used for this file alone, so the nonces are counted (NIST SP
//! 800-38D §8.2.1): 11 bytes of index and one that is 1 in the last chunk. Everything before the
//! chunks is bound to each of them by its hash. So a changed byte anywhere, chunks out of order,
//! and a file that was cut off anywhere do not open.
//!
//! A writer that is dropped before [`SealedWriter::finish`] leaves a file without a last chunk,
//! which does not open either.

use std::io::{ErrorKind, Read, Write};
use std::num::NonZeroU32;

use aws_lc_rs::{digest, hmac, pbkdf2};
use zeroize::Zeroizing;

use crate::cipher::{Cipher, KEY_LEN, OVERHEAD, fresh, unwrapped};
use crate::error::SealError;
use crate::root_key::RootKey;

const MAGIC: &[u8; 16] = b"sotto sealed v1\n";
const CHUNK: usize = 64 * 1024;
const TAG: usize = 16;
/// The public words are a few lines of JSON.
const MOST_ABOUT: u32 = 1 << 20;
const SALT: usize = 16;
/// OWASP asks for 600,000 rounds of PBKDF2 with HMAC-SHA-256 (2023); NIST SP 800-132.
const ROUNDS: u32 = 1_000_000;
/// More is refused, so that a made-up file does not keep a machine busy for days.
const MOST_ROUNDS: u32 = 10_000_000;

/// What a file is locked with.
pub enum Lock<'a> {
    /// A key from a file.
    Key(&'a RootKey),
    /// Words that a person keeps.
    Passphrase(&'a str),
}

impl std::fmt::Debug for Lock<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lock(redacted)")
    }
}

/// Why a sealed file was not written or not opened.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Another kind of file.
    #[error("this is not a file that Sotto sealed, or its beginning was altered")]
    NotSealed,
    /// Fewer bytes than there must be.
    #[error("the file is cut short: copy it again, or take another one")]
    CutShort,
    /// A byte was changed, or chunks were moved or taken out, or the end is missing.
    #[error("the file was altered or is cut short: copy it again, or take another one")]
    Altered,
    /// Another key or passphrase, or the wrapped key was altered.
    #[error("this key or passphrase does not open the file")]
    WrongKey,
    /// A key was given where a passphrase is needed.
    #[error("the file is locked with a passphrase: give --passphrase-file")]
    WantsPassphrase,
    /// A passphrase was given where a key is needed.
    #[error("the file is locked with a key: give the key's file")]
    WantsKey,
    /// Too easily guessed by a machine that has the file.
    #[error("the passphrase is too short: at least 20 characters, for instance six random words")]
    WeakPassphrase,
    /// More about the file than fits.
    #[error("what is said about the file is too long")]
    About,
    /// The cryptographic module.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The disk.
    #[error("{0}")]
    Io(std::io::Error),
}

impl From<std::io::Error> for FileError {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == ErrorKind::UnexpectedEof { Self::CutShort } else { Self::Io(error) }
    }
}

impl From<FileError> for std::io::Error {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Io(error) => error,
            other => Self::new(ErrorKind::InvalidData, other),
        }
    }
}

/// Seals what is written to it.
pub struct SealedWriter<W: Write> {
    out: W,
    chunks: Chunks,
    waiting: Zeroizing<Vec<u8>>,
}

impl<W: Write> SealedWriter<W> {
    /// Writes the beginning. `about` can be read without a key, and not be changed.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn begin(mut out: W, about: &[u8], lock: &Lock<'_>) -> Result<Self, FileError> {
        let length = u32::try_from(about.len()).map_err(|_| FileError::About)?;
        if length > MOST_ABOUT {
            return Err(FileError::About);
        }
        let mut head = MAGIC.to_vec();
        head.extend_from_slice(&length.to_be_bytes());
        head.extend_from_slice(about);
        let key = fresh()?;
        let wrapping = match lock {
            Lock::Key(root) => {
                head.push(1);
                wrapping_of_key(root)
            }
            Lock::Passphrase(words) => {
                if words.chars().count() < 20 {
                    return Err(FileError::WeakPassphrase);
                }
                let mut salt = [0; SALT];
                aws_lc_rs::rand::fill(&mut salt).map_err(SealError::from)?;
                head.push(2);
                head.extend_from_slice(&ROUNDS.to_be_bytes());
                head.extend_from_slice(&salt);
                wrapping_of_passphrase(words, &salt, ROUNDS)?
            }
        };
        Cipher::new(&wrapping)?.seal(MAGIC, key.as_slice(), &mut head)?;
        out.write_all(&head)?;
        let chunks = Chunks::new(&key, &head)?;
        Ok(Self { out, chunks, waiting: Zeroizing::new(Vec::with_capacity(CHUNK)) })
    }

    /// Seals the last chunk and gives back what was written to, not yet synced.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn finish(mut self) -> Result<W, FileError> {
        self.seal(true)?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn seal(&mut self, last: bool) -> Result<(), FileError> {
        let sealed = self.chunks.seal(&self.waiting, last)?;
        self.out.write_all(&sealed)?;
        self.waiting.clear();
        Ok(())
    }
}

impl<W: Write> Write for SealedWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.waiting.len() == CHUNK {
            self.seal(false)?;
        }
        let room = CHUNK - self.waiting.len();
        let some = bytes.get(..room).unwrap_or(bytes);
        self.waiting.extend_from_slice(some);
        Ok(some.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

/// The beginning of a sealed file, read without a key. What it says is believed only once the file
/// was opened.
pub struct SealedFile<R: Read> {
    from: R,
    head: Vec<u8>,
    about: Vec<u8>,
    lock: Locked,
    wrapped: [u8; KEY_LEN + OVERHEAD],
}

enum Locked {
    Key,
    Passphrase { rounds: u32, salt: [u8; SALT] },
}

impl<R: Read> SealedFile<R> {
    /// Reads the beginning.
    ///
    /// # Errors
    /// [`FileError::NotSealed`], [`FileError::CutShort`], [`FileError::Io`].
    pub fn read(mut from: R) -> Result<Self, FileError> {
        let mut head = Vec::new();
        if take::<16>(&mut from, &mut head)? != *MAGIC {
            return Err(FileError::NotSealed);
        }
        let length = u32::from_be_bytes(take::<4>(&mut from, &mut head)?);
        if length > MOST_ABOUT {
            return Err(FileError::NotSealed);
        }
        let mut about = Vec::new();
        if from.by_ref().take(u64::from(length)).read_to_end(&mut about)? < length as usize {
            return Err(FileError::CutShort);
        }
        head.extend_from_slice(&about);
        let lock = match take::<1>(&mut from, &mut head)? {
            [1] => Locked::Key,
            [2] => {
                let rounds = u32::from_be_bytes(take::<4>(&mut from, &mut head)?);
                if rounds > MOST_ROUNDS {
                    return Err(FileError::NotSealed);
                }
                Locked::Passphrase { rounds, salt: take(&mut from, &mut head)? }
            }
            _ => return Err(FileError::NotSealed),
        };
        let wrapped = take(&mut from, &mut head)?;
        Ok(Self { from, head, about, lock, wrapped })
    }

    /// What the writer said about the file.
    pub fn about(&self) -> &[u8] {
        &self.about
    }

    /// Whether a passphrase is needed to open it.
    pub fn wants_passphrase(&self) -> bool {
        matches!(self.lock, Locked::Passphrase { .. })
    }

    /// Opens the file. What is read then is what was written; a changed byte is an error
    /// ([`FileError`] inside the [`std::io::Error`]) before any of its chunk is given out. Only the
    /// end of the stream says that the file is whole: read to it.
    ///
    /// # Errors
    /// [`FileError::WrongKey`], [`FileError::WantsKey`], [`FileError::WantsPassphrase`].
    pub fn open(self, lock: &Lock<'_>) -> Result<SealedReader<R>, FileError> {
        let wrapping = match (&self.lock, lock) {
            (Locked::Key, Lock::Key(root)) => wrapping_of_key(root),
            (Locked::Passphrase { rounds, salt }, Lock::Passphrase(words)) => {
                wrapping_of_passphrase(words, salt, *rounds)?
            }
            (Locked::Key, Lock::Passphrase(_)) => return Err(FileError::WantsKey),
            (Locked::Passphrase { .. }, Lock::Key(_)) => return Err(FileError::WantsPassphrase),
        };
        let key = Cipher::new(&wrapping)?
            .open(MAGIC, &self.wrapped)
            .and_then(unwrapped)
            .map_err(|_| FileError::WrongKey)?;
        let chunks = Chunks::new(&key, &self.head)?;
        let plain = Zeroizing::new(Vec::new());
        Ok(SealedReader { from: self.from, chunks, plain, at: 0, ahead: Vec::new(), ended: false })
    }
}

/// Opens what is read from it.
pub struct SealedReader<R: Read> {
    from: R,
    chunks: Chunks,
    plain: Zeroizing<Vec<u8>>,
    at: usize,
    /// The chunk read last and not yet opened: only what follows says whether it is the last.
    ahead: Vec<u8>,
    ended: bool,
}

impl<R: Read> SealedReader<R> {
    fn open_next(&mut self) -> Result<(), FileError> {
        if self.ahead.is_empty() {
            self.ahead = self.chunk()?;
        }
        let next = self.chunk()?;
        self.ended = next.is_empty();
        self.plain = self.chunks.open(&self.ahead, self.ended)?;
        self.at = 0;
        self.ahead = next;
        Ok(())
    }

    fn chunk(&mut self) -> Result<Vec<u8>, FileError> {
        let most = CHUNK + TAG;
        let mut chunk = Vec::with_capacity(most);
        self.from.by_ref().take(most as u64).read_to_end(&mut chunk)?;
        Ok(chunk)
    }
}

impl<R: Read> Read for SealedReader<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        while self.at == self.plain.len() && !self.ended {
            self.open_next()?;
        }
        let rest = self.plain.get(self.at..).unwrap_or_default();
        let count = rest.len().min(out.len());
        if let (Some(to), Some(from)) = (out.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        self.at += count;
        Ok(count)
    }
}

/// The chunks of one file, counted.
struct Chunks {
    cipher: Cipher,
    head: [u8; 32],
    next: u64,
}

impl Chunks {
    fn new(key: &[u8; KEY_LEN], head: &[u8]) -> Result<Self, SealError> {
        let mut hash = [0; 32];
        let digest = digest::digest(&digest::SHA256, head);
        hash.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
        Ok(Self { cipher: Cipher::new(key)?, head: hash, next: 0 })
    }

    fn nonce(&mut self, last: bool) -> [u8; 12] {
        let mut nonce = [0; 12];
        let index = self.next.to_be_bytes();
        nonce.iter_mut().skip(3).zip(index).for_each(|(to, from)| *to = from);
        if let Some(flag) = nonce.last_mut() {
            *flag = u8::from(last);
        }
        self.next += 1;
        nonce
    }

    fn seal(&mut self, plain: &[u8], last: bool) -> Result<Vec<u8>, SealError> {
        let nonce = self.nonce(last);
        let mut out = Vec::with_capacity(plain.len() + OVERHEAD);
        self.cipher.seal_with(nonce, &self.head, plain, &mut out)?;
        // The reader counts too: the nonce need not be written.
        out.drain(..nonce.len());
        Ok(out)
    }

    fn open(&mut self, sealed: &[u8], last: bool) -> Result<Zeroizing<Vec<u8>>, FileError> {
        let mut whole = self.nonce(last).to_vec();
        whole.extend_from_slice(sealed);
        self.cipher.open(&self.head, &whole).map_err(|error| match error {
            SealError::CutShort => FileError::CutShort,
            SealError::Altered => FileError::Altered,
            other => FileError::Seal(other),
        })
    }
}

fn wrapping_of_key(root: &RootKey) -> Zeroizing<[u8; KEY_LEN]> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, root.bytes());
    let mut out = Zeroizing::new([0; KEY_LEN]);
    let tag = hmac::sign(&key, b"sotto sealed file: wrap");
    out.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
    out
}

fn wrapping_of_passphrase(
    words: &str,
    salt: &[u8; SALT],
    rounds: u32,
) -> Result<Zeroizing<[u8; KEY_LEN]>, FileError> {
    let rounds = NonZeroU32::new(rounds).ok_or(FileError::NotSealed)?;
    let mut out = Zeroizing::new([0; KEY_LEN]);
    let (algorithm, secret) = (pbkdf2::PBKDF2_HMAC_SHA256, words.as_bytes());
    pbkdf2::derive(algorithm, rounds, salt, secret, out.as_mut_slice());
    Ok(out)
}

fn take<const N: usize>(from: &mut impl Read, head: &mut Vec<u8>) -> Result<[u8; N], FileError> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes)?;
    head.extend_from_slice(&bytes);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(byte: u8) -> RootKey {
        RootKey::from_text(&format!("{byte:02x}").repeat(32)).unwrap()
    }

    fn sealed(plain: &[u8], lock: &Lock<'_>) -> Vec<u8> {
        let mut writer = SealedWriter::begin(Vec::new(), b"about", lock).unwrap();
        writer.write_all(plain).unwrap();
        writer.finish().unwrap()
    }

    fn opened(sealed: &[u8], lock: &Lock<'_>) -> Result<Vec<u8>, FileError> {
        let mut reader = SealedFile::read(sealed)?.open(lock)?;
        let mut plain = Vec::new();
        match reader.read_to_end(&mut plain) {
            Ok(_) => Ok(plain),
            Err(error) => Err(error.downcast::<FileError>().unwrap_or_else(FileError::Io)),
        }
    }

    #[test]
    fn what_is_sealed_opens_again_at_every_size_around_a_chunk() {
        let lock = &Lock::Key(&key(7));
        for size in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 5] {
            let plain: Vec<u8> = (0..size).map(|i| (i % 251) as u8).collect();
            let file = sealed(&plain, lock);
            assert_eq!(opened(&file, lock).unwrap(), plain, "{size}");
            assert_eq!(SealedFile::read(file.as_slice()).unwrap().about(), b"about");
        }
    }

    #[test]
    fn a_passphrase_opens_what_it_sealed_and_nothing_else_does() {
        let words = Lock::Passphrase("correct horse battery staple");
        let file = sealed(b"keys", &words);
        assert_eq!(opened(&file, &words).unwrap(), b"keys");
        let other = Lock::Passphrase("correct horse battery stable");
        assert!(matches!(opened(&file, &other), Err(FileError::WrongKey)));
        assert!(matches!(opened(&file, &Lock::Key(&key(1))), Err(FileError::WantsPassphrase)));
        let short = SealedWriter::begin(Vec::new(), b"", &Lock::Passphrase("hunter2"));
        assert!(matches!(short, Err(FileError::WeakPassphrase)));
    }

    #[test]
    fn every_cut_is_noticed() {
        let lock = &Lock::Key(&key(7));
        let file = sealed(&vec![5; CHUNK * 2], lock);
        let head = file.len() - 2 * (CHUNK + TAG);
        for at in [0, 1, 16, 20, head - 1, head, head + 5, head + CHUNK + TAG, file.len() - 1] {
            assert!(opened(&file[..at], lock).is_err(), "cut at {at}");
        }
        let mut longer = file.clone();
        longer.push(0);
        assert!(opened(&longer, lock).is_err());
    }

    #[test]
    fn chunks_cannot_change_places_or_files() {
        let lock = &Lock::Key(&key(7));
        let plain = vec![1; CHUNK * 3];
        let (file, other) = (sealed(&plain, lock), sealed(&plain, lock));
        let chunk = CHUNK + TAG;
        let head = file.len() - 3 * chunk;
        let mut swapped = file.clone();
        let (first, second) = swapped[head..head + 2 * chunk].split_at_mut(chunk);
        first.swap_with_slice(second);
        assert!(matches!(opened(&swapped, lock), Err(FileError::Altered)));
        let mut mixed = file;
        mixed[head..head + chunk].copy_from_slice(&other[head..head + chunk]);
        assert!(matches!(opened(&mixed, lock), Err(FileError::Altered)));
    }

    #[test]
    fn another_key_does_not_open_it() {
        let file = sealed(b"data", &Lock::Key(&key(7)));
        assert!(matches!(opened(&file, &Lock::Key(&key(8))), Err(FileError::WrongKey)));
        let words = Lock::Passphrase("correct horse battery staple");
        assert!(matches!(opened(&file, &words), Err(FileError::WantsKey)));
    }

    proptest! {
        #[test]
        fn a_flipped_bit_anywhere_is_refused(at in any::<prop::sample::Index>(), bit in 0..8_u32) {
            let lock = &Lock::Key(&key(7));
            let mut file = sealed(b"some rows of some tables", lock);
            let at = at.index(file.len());
            file[at] ^= 1 << bit;
            prop_assert!(opened(&file, lock).is_err());
        }
    }
}
