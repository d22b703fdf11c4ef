//! What an operator sees of the running program, and what nobody may see.
//!
//! [`log`] is the only way to the log, [`metrics`] is what is counted, [`process`] what the kernel
//! says of us, [`trace`] the way of a message over time, [`discretion`] keeps memory and panics from telling.

pub mod discretion;
pub mod log;
pub mod metrics;
pub mod process;
pub mod trace;
