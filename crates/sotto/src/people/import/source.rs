//! A file on its way in: its digest, its encoding, and a bound on each record.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use aws_lc_rs::digest::{Context, SHA256};

use crate::people::import::report::ImportError;

/// Shared between a [`Source`] and whoever reads records from it.
#[derive(Clone, Default)]
pub(super) struct Meter {
    /// Bytes since the last record began.
    since: Rc<Cell<u64>>,
    /// The bound was passed.
    passed: Rc<Cell<bool>>,
    /// The first bytes are of another encoding.
    foreign: Rc<Cell<Option<&'static str>>>,
    /// What the system said when reading failed.
    failed: Rc<Cell<Option<io::ErrorKind>>>,
}

impl Meter {
    /// A record begins here.
    pub(super) fn begin_record(&self) {
        self.since.set(0);
    }

    /// The reason why reading stopped, if it is one of ours.
    pub(super) fn reason(&self, at: impl FnOnce() -> String, limit: u64) -> Option<ImportError> {
        if let Some(looks_like) = self.foreign.get() {
            return Some(ImportError::Encoding { at: "byte 1".to_owned(), looks_like });
        }
        if let Some(kind) = self.failed.get() {
            return Some(ImportError::Read(kind));
        }
        self.passed.get().then(|| ImportError::TooLarge { at: at(), limit })
    }
}

/// Reads through, counting and hashing; drops a UTF-8 byte order mark.
pub(super) struct Source<R> {
    inner: R,
    digest: Context,
    meter: Meter,
    limit: u64,
    /// Bytes taken from `inner` to look for a byte order mark and not yet passed on.
    held: Vec<u8>,
    started: bool,
}

impl<R: Read> Source<R> {
    pub(super) fn new(inner: R, limit: u64) -> (Self, Meter) {
        let meter = Meter::default();
        let source = Self {
            inner,
            digest: Context::new(&SHA256),
            meter: meter.clone(),
            limit,
            held: Vec::new(),
            started: false,
        };
        (source, meter)
    }

    /// The SHA-256 of all bytes read.
    pub(super) fn finish(self) -> [u8; 32] {
        let mut out = [0; 32];
        let digest = self.digest.finish();
        for (to, from) in out.iter_mut().zip(digest.as_ref()) {
            *to = *from;
        }
        out
    }

    fn stop(&self) -> io::Error {
        io::Error::other("stopped")
    }

    fn take(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self.inner.read(out) {
            Ok(count) => {
                self.digest.update(out.get(..count).unwrap_or_default());
                Ok(count)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                self.meter.failed.set(Some(error.kind()));
                Err(error)
            }
        }
    }

    fn start(&mut self) -> io::Result<()> {
        while self.held.len() < 3 {
            let mut byte = [0];
            match self.take(&mut byte) {
                Ok(0) => break,
                Ok(_) => self.held.extend(byte),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.started = true;
        let foreign = match self.held.as_slice() {
            [0xff, 0xfe, ..] | [_, 0, ..] => Some("UTF-16LE"),
            [0xfe, 0xff, ..] | [0, _, ..] => Some("UTF-16BE"),
            [0xef, 0xbb, 0xbf] => {
                self.held.clear();
                None
            }
            _ => None,
        };
        self.meter.foreign.set(foreign);
        if foreign.is_some() { Err(self.stop()) } else { Ok(()) }
    }
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if !self.started {
            self.start()?;
        }
        // Small bites, so that a bound on a record is felt soon after it is passed.
        let room = out.len().min(8192);
        let out = out.get_mut(..room).unwrap_or_default();
        let count = if self.held.is_empty() {
            self.take(out)?
        } else {
            let count = self.held.len().min(out.len());
            for (to, from) in out.iter_mut().zip(self.held.drain(..count)) {
                *to = from;
            }
            count
        };
        let since = self.meter.since.get().saturating_add(count as u64);
        self.meter.since.set(since);
        if since > self.limit {
            self.meter.passed.set(true);
            return Err(self.stop());
        }
        Ok(count)
    }
}
