//! SMPP 3.4 without sockets or clocks: bytes in, events and bytes out, `now` as an argument.
//!
//! Read in this order:
//!
//! 1. [`segment`]: a text as the short messages that carry it, and how many it costs.
//! 2. [`reassemble`]: those short messages back into the text.
//! 3. [`wire`]: one protocol data unit as typed fields, on the `rusmpp` codec.
//! 4. [`receipt`]: what a carrier says became of a message.
//! 5. [`esme`] and [`smsc`]: the two ends of a session, over one shared `link`.
//! 6. [`backoff`]: how long to wait before connecting again.
//!
//! Addresses and texts are PHI in this product: the types that hold them have no `Display` and
//! a redacting `Debug`.

pub mod address;
pub mod alphabet;
pub mod backoff;
pub mod esme;
mod link;
pub mod reassemble;
pub mod receipt;
pub mod segment;
#[cfg(test)]
mod session_tests;
pub mod smsc;
pub mod status;
pub mod wire;
mod write;

pub use address::Address;
pub use esme::{Esme, EsmeEvent, SubmitError};
pub use link::{CloseReason, Settings};
pub use reassemble::{Added, Limits, Reassembler, join};
pub use receipt::{MessageIdForm, Receipt, ReceiptState};
pub use segment::{Encoding, Segment, Segments, TooLong, count, split};
pub use smsc::{Smsc, SmscEvent};
pub use status::Status;
pub use wire::{Bind, BindKind, Concat, Delivered, Optional, ReplyPart, ShortMessage, read_text};
pub use write::Unwritable;
