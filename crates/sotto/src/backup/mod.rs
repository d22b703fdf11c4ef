//! Backup and restore (45 CFR 164.308(a)(7)).
//!
//! A backup is one state of a practice's rows, read in one transaction while everything runs,
//! sealed, and read back into a rehearsal of a restore before it gets its name. It holds no key: the
//! keys travel in a file of their own. Both engines read and write the same form.
//!
//! In reading order: [`format`](mod@format) is the form of the rows, [`folder`] where backups are
//! kept, [`take`] makes one, [`keys`] one of the keys, [`restore`] puts it back and [`let_in`] ends what let somebody in,
//! [`drill`] practises that.

pub mod folder;
pub mod format;

pub mod take;

pub mod keys;

pub mod let_in;
pub mod restore;

pub mod drill;

pub use restore::{RestoreError, Restored};
pub use take::{BackupError, Made};
