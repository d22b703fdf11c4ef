//! Files: a photo a patient sends, a letter the office sends, the scan of a signed paper (SPEC CH-16,
//! SM-03; RULEBOOK §8 308(a)(5)).
//!
//! ```text
//!   bytes ─ content::check ─→ Checked ─ scan ─→ Scanned ─ store::keep ─→ rows, sealed in pieces
//! ```
//!
//! What a file is, its bytes say and never its name. A picture is drawn anew from its own pixels, so
//! that where and with what it was taken, and whatever else hid in it, stays outside. What was not
//! checked and asked about cannot be kept: the types say so.

pub mod content;
mod pdf;
pub mod scan;
pub mod store;
