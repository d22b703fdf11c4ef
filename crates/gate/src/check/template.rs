//! Whose words: approved, in force, of this kind, for this channel, in the patient's language
//! (RULEBOOK §12, SPEC TP-01, ACC-01).

use guard::{Channel, Level, Source};

use super::{Asked, Findings, redirect};
use crate::draft::Origin;
use crate::facts::{Known, Template};
use crate::kind::Kind;
use crate::refusal::Code;

pub(super) fn check(asked: &Asked<'_>) -> Findings {
    let template = match &asked.facts.template {
        Known::Yes(template) => template,
        Known::No(why) => return Findings::missing("the template", why),
    };
    let mut findings = Findings::default();
    match (&asked.draft.content.template, template) {
        (Some(_), Some(template)) => {
            standing(asked, template, &mut findings);
            language(asked, &mut findings);
        }
        (Some(_), None) => {
            findings.refuse(Code::TemplateStanding, "No such template or version exists.");
        }
        (None, Some(_)) => findings.refuse(
            Code::TemplateStanding,
            "The words are not from the template they are judged by.",
        ),
        (None, None) if redirect::is_the_notice(asked) => language(asked, &mut findings),
        (None, None) => typed(asked, &mut findings),
    }
    findings
}

fn standing(asked: &Asked<'_>, template: &Template, findings: &mut Findings) {
    let draft = asked.draft;
    // The portal may carry what was approved for a channel that others can read.
    let channel_fits = template.channel == draft.channel || draft.channel == Channel::Portal;
    let why = if template.withdrawn {
        Some("The template's version was withdrawn.")
    } else if !template.approved {
        Some("No second person has approved this version of the template.")
    } else if template.expires.is_some_and(|expires| asked.now > expires) {
        Some("The template's version has expired.")
    } else if template.kind != draft.kind || !channel_fits {
        Some("The template is of another kind, or for another channel.")
    } else if template.language != draft.content.language {
        Some("The template is in another language than the message says.")
    } else if asked.unsecured()
        && draft.content.fields.iter().any(|field| field.source == Source::FreeText)
    {
        Some("A template has no place for typed words on a channel that others can read.")
    } else {
        None
    };
    if let Some(why) = why {
        findings.refuse(Code::TemplateStanding, why);
    }
    let level = asked.cells.iter().map(|cell| cell.level).max().unwrap_or(Level::Administrative);
    if asked.unsecured() && level > template.max_level {
        findings.refuse(
            Code::ContentBlocked,
            "Filled in, the template says more than it was approved for.",
        );
    }
}

/// Never silent English. The emergency answer goes in any language rather than not at all.
fn language(asked: &Asked<'_>, findings: &mut Findings) {
    let theirs = asked.facts.recipient.get().and_then(|recipient| recipient.language);
    let fits = theirs.is_none_or(|theirs| theirs == asked.draft.content.language);
    if !fits && asked.draft.kind != Kind::EmergencyAutoreply {
        findings.refuse(
            Code::TranslationMissing,
            "The words are not in the language the patient asked for.",
        );
    }
}

/// No template: words a person typed. On a secure channel they are welcome.
fn typed(asked: &Asked<'_>, findings: &mut Findings) {
    if !asked.unsecured() {
        return;
    }
    let draft = asked.draft;
    if draft.kind != Kind::FreeText {
        findings.refuse(Code::TemplateRequired, "This kind of message is sent from a template.");
    } else if draft.origin == Origin::Automated {
        findings.refuse(Code::TemplateRequired, "Automation sends only approved templates.");
    } else if !asked.rules().free_text_on_unsecured_channels {
        findings.refuse(
            Code::TemplateRequired,
            format!("The practice sends no typed words by {}.", super::in_words(draft.channel)),
        );
    }
}
