//! The file a network is read from: little-endian numbers, each part behind the one before.

/// Why a file is no network. It names what is missing, for whoever learned it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the network file ends within its {0}; learn it again")]
pub struct Malformed(pub &'static str);

/// What is left of the file.
#[derive(Debug)]
pub(crate) struct Parts<'a>(&'a [u8]);

impl<'a> Parts<'a> {
    pub(crate) const fn of(file: &'a [u8]) -> Self {
        Self(file)
    }

    pub(crate) fn bytes(
        &mut self,
        count: usize,
        what: &'static str,
    ) -> Result<&'a [u8], Malformed> {
        let (part, rest) = self.0.split_at_checked(count).ok_or(Malformed(what))?;
        self.0 = rest;
        Ok(part)
    }

    /// A count, as four bytes.
    pub(crate) fn count(&mut self, what: &'static str) -> Result<usize, Malformed> {
        let bytes = self.bytes(4, what)?.first_chunk().ok_or(Malformed(what))?;
        usize::try_from(u32::from_le_bytes(*bytes)).map_err(|_| Malformed(what))
    }

    /// Numbers of four bytes each.
    pub(crate) fn floats(
        &mut self,
        count: usize,
        what: &'static str,
    ) -> Result<Vec<f32>, Malformed> {
        let bytes = self.bytes(count.checked_mul(4).ok_or(Malformed(what))?, what)?;
        let (fours, _) = bytes.as_chunks::<4>();
        Ok(fours.iter().map(|four| f32::from_le_bytes(*four)).collect())
    }

    /// So many rows of numbers, each of this length.
    pub(crate) fn rows(
        &mut self,
        count: usize,
        length: usize,
        what: &'static str,
    ) -> Result<Vec<Vec<f32>>, Malformed> {
        (0..count).map(|_| self.floats(length, what)).collect()
    }

    /// So many lines of text.
    pub(crate) fn lines(
        &mut self,
        count: usize,
        what: &'static str,
    ) -> Result<Vec<&'a str>, Malformed> {
        let mut lines = Vec::with_capacity(count.min(self.0.len()));
        for _ in 0..count {
            let end = self.0.iter().position(|&b| b == b'\n').ok_or(Malformed(what))?;
            let line = self.bytes(end, what)?;
            self.bytes(1, what)?;
            lines.push(str::from_utf8(line).map_err(|_| Malformed(what))?);
        }
        Ok(lines)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
