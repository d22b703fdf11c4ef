//! A message someone wants to send. Anyone may make one; nobody can send one.

use guard::{Channel, Field};
use jiff::Timestamp;

use crate::address::Address;
use crate::id::{ContactPointId, MessageId, PatientId, PracticeId};
use crate::kind::{Kind, Language, Purpose};

/// What someone wants to send, to whom, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The message's id, chosen by the sender, so that a repeated request is the same message.
    pub message: MessageId,
    /// Whose message.
    pub practice: PracticeId,
    /// About whom. None only where a number belongs to nobody we know (an apology, STOP, HELP).
    pub patient: Option<PatientId>,
    /// Which contact point on file. None where the answer goes back to an unknown number.
    pub contact_point: Option<ContactPointId>,
    /// Where to.
    pub address: Address,
    /// How.
    pub channel: Channel,
    /// Which of RULEBOOK §12.
    pub kind: Kind,
    /// Why.
    pub purpose: Purpose,
    /// Who or what asked.
    pub origin: Origin,
    /// What.
    pub content: Content,
    /// Useless after this instant (an appointment's start). It is never sent later.
    pub useless_after: Option<Timestamp>,
}

/// Who or what asked for a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// A plan or campaign: automation in the law's sense.
    Automated,
    /// An answer to a message the patient sent at this instant.
    Reply {
        /// When the patient's message arrived.
        to_message_at: Timestamp,
    },
    /// A member of staff, or a system on their behalf, for this one patient.
    Staff,
}

/// The words, and what filled them.
#[derive(Clone, PartialEq, Eq)]
pub struct Content {
    /// Email only. Always level 0 (EML-03).
    pub subject: Option<String>,
    /// The text as the person will see or hear it.
    pub body: String,
    /// Which parts of `body` came from which field.
    pub fields: Vec<Field>,
    /// The exact template version, or None for words a person typed.
    pub template: Option<TemplateRef>,
    /// The language of the words.
    pub language: Language,
}

impl std::fmt::Debug for Content {
    /// Never shows the words.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Content")
            .field("template", &self.template)
            .field("language", &self.language)
            .finish_non_exhaustive()
    }
}

/// The exact version of a template.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TemplateRef {
    /// Its name, unique in the practice: `appt_reminder.sms.en`.
    pub name: String,
    /// Its version, counted from 1.
    pub version: u32,
}

#[cfg(test)]
mod tests {
    use crate::passing::Case;

    #[test]
    fn debug_never_shows_the_words() {
        let case = Case::text()
            .with(|case| case.draft.content.subject = Some("Elm Street Clinic".to_owned()));
        let shown = format!("{:?}", case.draft.content);
        assert_eq!(
            shown,
            "Content { template: Some(TemplateRef { name: \"appt_reminder.sms.en\", version: 3 }), \
             language: English, .. }"
        );
    }
}
