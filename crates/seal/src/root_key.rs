//! The one secret that comes from outside: a file, the environment, later a KMS.

use std::{
    fmt,
    fs::{File, OpenOptions},
    io::{Read as _, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use zeroize::{Zeroize as _, Zeroizing};

use crate::error::SealError;

/// 32 bytes under which the practice key is wrapped. Wiped when dropped; never shown.
pub struct RootKey(Zeroizing<[u8; 32]>);

impl RootKey {
    /// A new random key.
    ///
    /// # Errors
    /// [`SealError::Crypto`], without entropy.
    pub fn generate() -> Result<Self, SealError> {
        let mut bytes = Zeroizing::new([0; 32]);
        aws_lc_rs::rand::fill(bytes.as_mut_slice())?;
        Ok(Self(bytes))
    }

    /// The key as an environment variable or a file holds it: 64 hexadecimal digits or 44
    /// characters of base64; blanks around it do not matter.
    ///
    /// # Errors
    /// [`SealError::RootKeyForm`].
    pub fn from_text(text: &str) -> Result<Self, SealError> {
        let text = text.trim();
        let mut decoded = match text.len() {
            64 => from_hex(text),
            43 | 44 => BASE64_STANDARD.decode(text).ok().map(Zeroizing::new),
            _ => None,
        }
        .ok_or(SealError::RootKeyForm)?;
        let bytes = decoded.as_slice().try_into().map_err(|_| SealError::RootKeyForm)?;
        decoded.zeroize();
        Ok(Self(Zeroizing::new(bytes)))
    }

    /// Reads the key from a file that only its owner may read.
    ///
    /// # Errors
    /// [`SealError::Permissions`] for a file others can read, [`SealError::Io`],
    /// [`SealError::RootKeyForm`].
    pub fn from_file(path: &Path) -> Result<Self, SealError> {
        let io = |doing| move |source| SealError::Io { doing, path: path.to_owned(), source };
        let file = File::open(path).map_err(io("open the root key"))?;
        let mode = file.metadata().map_err(io("inspect the root key"))?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(SealError::Permissions { path: path.to_owned(), mode: mode & 0o777 });
        }
        let mut text = Zeroizing::new(String::with_capacity(256));
        file.take(256).read_to_string(&mut text).map_err(io("read the root key"))?;
        Self::from_text(&text)
    }

    /// Writes the key to a new file with mode 0600, on disk when this returns.
    ///
    /// # Errors
    /// [`SealError::Io`], also when the file exists: a root key is never overwritten.
    pub fn write_new(&self, path: &Path) -> Result<(), SealError> {
        let io = |doing| move |source| SealError::Io { doing, path: path.to_owned(), source };
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(io("create the root key"))?;
        let text = Zeroizing::new(format!("{}\n", *self.to_text()));
        file.write_all(text.as_bytes()).map_err(io("write the root key"))?;
        file.sync_all().map_err(io("write the root key"))?;
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder).and_then(|f| f.sync_all()).map_err(io("write the root key"))
    }

    /// The key as a file holds it, in base64: for a sealed backup of the keys, and nothing else.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE64_STANDARD.encode(*self.0))
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

fn from_hex(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(32));
    for pair in text.as_bytes().chunks_exact(2) {
        let [high, low] = pair else { return None };
        let digit = |c: u8| char::from(c).to_digit(16);
        bytes.push((digit(*high)? * 16 + digit(*low)?) as u8);
    }
    Some(bytes)
}

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RootKey(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key_store::tests::scratch;

    #[test]
    fn both_spellings_are_the_same_key_and_others_are_refused() {
        let hex = "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF";
        let base64 = "ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v8=\n";
        assert_eq!(*RootKey::from_text(hex).unwrap().0, *RootKey::from_text(base64).unwrap().0);
        for bad in ["", "secret", &hex[1..], &hex.replace('0', "g"), &hex.replace('0', "é"), "===="]
        {
            assert!(matches!(RootKey::from_text(bad), Err(SealError::RootKeyForm)), "{bad}");
        }
    }

    #[test]
    fn a_file_is_written_once_and_read_only_when_private() {
        let dir = scratch();
        let path = dir.path().join("root.key");
        let key = RootKey::generate().unwrap();
        key.write_new(&path).unwrap();
        assert_eq!(*RootKey::from_file(&path).unwrap().0, *key.0);
        assert!(matches!(key.write_new(&path), Err(SealError::Io { .. })));

        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let error = RootKey::from_file(&path).unwrap_err();
        assert!(matches!(error, SealError::Permissions { mode: 0o640, .. }));
        assert!(error.to_string().contains("chmod go-rwx"));
    }

    #[test]
    fn debug_shows_no_secret() {
        insta::assert_debug_snapshot!(RootKey::generate().unwrap(), @"RootKey(redacted)");
    }
}
