//! May this message go?
//!
//! Pure: no clock, no network, no storage. Two doors, and no others, lead to the wire:
//!
//! * [`clear`] takes a [`Draft`] and the [`Facts`] about it and answers with a [`Decision`]:
//!   a [`Cleared`] message, a [`Redirect`] to the portal, or a [`Refusal`] that names every check
//!   in the way and what would make it pass.
//! * [`release`] asks again, moments before the wire, because consent may be gone and night may
//!   have come. A channel accepts only [`Released`], which is borrowed and cannot be stored.
//!
//! A `Cleared` comes back from storage by one door, [`reload`], which demands the audit entry of
//! the clearance, bound to the row's content.
//!
//! Read in this order: [`draft`], [`facts`], [`policy`], [`check`] (one file each, in the order of
//! RULEBOOK.md's pipeline), [`refusal`], [`permit`].

pub mod draft;
pub mod facts;
pub mod policy;

pub mod check;
pub mod refusal;

pub mod permit;

mod address;
mod binding;
mod id;
mod kind;
mod length;

#[cfg(test)]
mod passing;
#[cfg(test)]
mod tests;

pub use address::{Address, AddressKind, EmailAddress, InvalidAddress, PhoneNumber};
pub use binding::{Binding, BindingKey};
pub use check::redirect::notice;
pub use draft::{Content, Draft, Origin, TemplateRef};
pub use facts::{Facts, Known};
pub use guard::{Category, Channel, Level, Verdict};
pub use id::{
    AppointmentId, ConsentId, ContactPointId, InvalidId, MessageId, PatientId, PracticeId,
};
pub use kind::{Kind, Language, Purpose};
pub use permit::{
    Cleared, Decision, Redirect, Release, Released, ReloadError, clear, release, reload,
};
pub use policy::{Policy, PolicyError, PolicyVersion};
pub use refusal::{Code, Reason, Refusal, Step};
