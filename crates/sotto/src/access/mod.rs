//! Who may come in, and who may do what.
//!
//! Programs come in by token ([`tokens`]). People are [`staff`] with [`roles`] and
//! [`training`]; they prove who they
//! are by passkey ([`passkeys`], whose [`ceremonies`] patients' phones share) or by password and code ([`passwords`], [`totp`],
//! [`recovery_codes`]) in [`sign_in`], which slows guessing down ([`back_off`]) and begins a session
//! ([`sessions`]), whose lock a PIN opens too ([`pins`]); a lost browser
//! is wiped ([`devices`]). What a session may do is decided by [`policies`]; [`report`] tells it. In an
//! emergency a record that is closed to somebody opens for an hour ([`break_glass`]).

pub mod error;
pub mod roles;
pub mod staff;
pub mod training;

pub mod ceremonies;
pub mod passkeys;
pub mod passwords;
pub mod pins;
pub mod records;
pub mod recovery_codes;
pub mod totp;

pub mod back_off;
pub mod break_glass;
pub mod devices;
pub mod sessions;
pub mod sign_in;

pub mod policies;
pub mod report;

pub mod tokens;

pub use error::AccessError;
