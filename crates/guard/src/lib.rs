//! What would this text reveal, and to whose ear?
//!
//! A text message lights up a locked screen; a voicemail plays to a kitchen. This crate reads a
//! message *before* it goes and says what a bystander would learn, whether the channel may carry it
//! (45 CFR 164.502, 164.522; RULEBOOK §11), and how to say it safely. It knows English and Spanish,
//! clipped and misspelt words, letters spaced out for speech, look-alike characters, and that
//! "Dr. Payne of Cold Harbor Road" has no disease. It is pure and fast: no clock, no network, no
//! storage, tens of thousands of messages a second on one core.
//!
//! ```
//! use guard::{Channel, Context, Guard, Level, Rewrite, Verdict};
//!
//! let guard = Guard::standard();
//! let context = Context::default();
//! let text = "Hi Maria, your A1c came back at 9.2. Please call us at (555) 010-0100.";
//!
//! let assessment = guard.check(text, &context);
//! assert_eq!(assessment.level, Level::Sensitive);
//! assert_eq!(assessment.verdict(Channel::Sms), Verdict::Block);
//! assert_eq!(assessment.verdict(Channel::Portal), Verdict::Pass);
//!
//! // Every finding says where, what, by which rule, why, and what to write instead.
//! let value = assessment.findings.iter().find(|f| f.rule == "lab_result.value").unwrap();
//! assert_eq!(value.reason, "It states a measured value.");
//!
//! // And there is a wording that passes, keeping what the patient must do.
//! let offer = guard.rewrite(text, &assessment, &context, Channel::Sms);
//! assert_eq!(
//!     offer,
//!     Some(Rewrite::Text(
//!         "Hi Maria, we have a message for you. Please call us at (555) 010-0100.".into()
//!     ))
//! );
//!
//! // What means something else is left alone.
//! let harmless = "Tropical depression off the coast: Dr. Payne's visits move to Friday.";
//! assert_eq!(guard.check(harmless, &context).level, Level::Administrative);
//! ```
//!
//! Give it the text of a message and what the practice knows ([`Context`]); it answers with an
//! [`Assessment`]: findings with span, category, level, rule, reason and suggestion, an inventory of
//! the 18 HIPAA identifiers, and, for any [`Channel`], the [`Verdict`] of RULEBOOK §11.3 with no
//! consent on file. [`Guard::rewrite`] offers a safe wording, [`Guard::preview`] shows what a
//! bystander would see, [`Guard::cumulative`] says when harmless messages add up,
//! [`Guard::name_reveals`] finds practice names that tell too much.
//!
//! Read in this order: [`level`] (the words), [`channel`] (the matrix), [`context`], [`assessment`],
//! then [`guard`], which folds the text (`normalise`), splits it (`sentences`, `tokens`), reads it
//! against the term lists (`lexicon`, `terms`, `names`) and for what is on no list (`hidden`,
//! `slips`, `morphology`), for numbers (`values`, `codes`) and the 18 identifiers (`identifiers`),
//! and leaves out what the context excuses (`suppress`). How to add a rule: docs/guard.md.

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
mod said_together;
pub mod second_look;
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
