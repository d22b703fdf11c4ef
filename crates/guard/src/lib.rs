//! What would this text reveal, and to whose ear?
//!
//! Pure: no clock, no network, no storage. Give it the text of a message and what the practice
//! knows ([`Context`]); it answers with an [`Assessment`]: findings with span, category, level,
//! rule, reason and suggestion (RULEBOOK §11), an inventory of identifiers, and, for any
//! [`Channel`], the [`Verdict`] of RULEBOOK §11.3 with no consent on file.
//!
//! Read in this order: [`level`] (the words), [`channel`] (the matrix), [`context`], [`assessment`],
//! then [`guard`], which folds the text (`normalise`), splits it (`sentences`), reads it against the
//! term lists (`lexicon`, `terms`, `slips`) and the shapes of values (`values`) and of the 18 identifiers
//! (`identifiers`), and leaves out what the context excuses (`suppress`).
//! `rewrite` offers a safe wording, [`preview`] shows what a bystander would see.

pub mod assessment;
pub mod channel;
pub mod context;
pub mod level;

mod codes;
pub mod cumulative;
pub mod guard;
mod hidden;
mod identifiers;
mod lexicon;
mod morphology;
mod names;
mod normalise;
pub mod preview;
mod rewrite;
mod sentences;
mod shapes;
mod slips;
mod suppress;
mod terms;
mod tokens;
mod values;
mod words;

pub use assessment::{Assessment, Finding, Identifier, Rewrite};
pub use channel::{Channel, Verdict, default_verdict};
pub use context::{Context, Field, Source};
pub use cumulative::{Accumulated, Recent};
pub use guard::{Guard, check, name_reveals};
pub use level::{Category, IdentifierKind, Level};
pub use normalise::fold;
pub use preview::Preview;
