//! What carriers post to us. Each is believed only with its signature, and answered only after
//! what it told us is stored.

pub mod twilio;
