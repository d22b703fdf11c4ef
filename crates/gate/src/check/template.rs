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

#[cfg(test)]
mod tests {
    use guard::{Category, Channel, Field, Level, Source};

    use super::check;
    use crate::draft::Origin;
    use crate::facts::Known;
    use crate::kind::{Kind, Language};
    use crate::passing::{Case, cell, minutes};
    use crate::refusal::Code;

    #[test]
    fn what_cannot_be_looked_up_refuses() {
        let case = Case::text().with(|case| case.facts.template = Known::No("no row"));
        assert_eq!(case.codes(check), [Code::FactMissing]);
    }

    #[test]
    fn a_template_stands_or_falls() {
        type Spoil = fn(&mut Case);
        let table: [(Spoil, Option<Code>); 12] = [
            (|_| (), None),
            (|c| c.template().withdrawn = true, Some(Code::TemplateStanding)),
            (|c| c.template().approved = false, Some(Code::TemplateStanding)),
            (|c| c.template().expires = None, None),
            (|c| c.template().expires = Some(c.now), None),
            (|c| c.template().expires = Some(c.now - minutes(1)), Some(Code::TemplateStanding)),
            (|c| c.template().kind = Kind::Recall, Some(Code::TemplateStanding)),
            (|c| c.template().channel = Channel::Email, Some(Code::TemplateStanding)),
            (|c| c.template().language = Language::Spanish, Some(Code::TemplateStanding)),
            (|c| c.facts.template = Known::Yes(None), Some(Code::TemplateStanding)),
            (|c| c.draft.content.template = None, Some(Code::TemplateStanding)),
            (
                |c| {
                    c.draft.content.fields = vec![Field { span: 0..2, source: Source::FreeText }];
                },
                Some(Code::TemplateStanding),
            ),
        ];
        for (index, (spoil, expected)) in table.into_iter().enumerate() {
            let case = Case::text().with(spoil);
            assert_eq!(case.codes(check), expected.into_iter().collect::<Vec<_>>(), "row {index}");
        }
    }

    #[test]
    fn the_portal_takes_a_template_of_another_channel_and_typed_words_in_it() {
        let case = Case::text().with(|case| {
            case.draft.channel = Channel::Portal;
            case.draft.content.fields = vec![Field { span: 0..2, source: Source::FreeText }];
            case.cells = vec![cell(Level::Detail, Category::Medication)];
        });
        assert_eq!(case.codes(check), []);
    }

    #[test]
    fn filled_in_it_says_no_more_than_approved() {
        for max in Level::ALL {
            for level in Level::ALL {
                let case = Case::text().with(|case| {
                    case.template().max_level = max;
                    case.cells = vec![cell(level, Category::Medication)];
                });
                let expected: &[Code] = if level <= max { &[] } else { &[Code::ContentBlocked] };
                assert_eq!(case.codes(check), expected, "{level:?} in {max:?}");
            }
        }
    }

    #[test]
    fn never_silent_english() {
        let spanish =
            |case: Case| case.with(|case| case.recipient().language = Some(Language::Spanish));
        assert_eq!(spanish(Case::text()).codes(check), [Code::TranslationMissing]);
        assert_eq!(spanish(Case::answer(Kind::EmergencyAutoreply)).codes(check), []);
        assert_eq!(spanish(Case::typed()).codes(check), []);
        let unknown = Case::text().with(|case| case.recipient().language = None);
        assert_eq!(unknown.codes(check), []);
        let translated = spanish(Case::text()).with(|case| {
            case.draft.content.language = Language::Spanish;
            case.template().language = Language::Spanish;
        });
        assert_eq!(translated.codes(check), []);
    }

    #[test]
    fn typed_words_are_a_persons() {
        assert_eq!(Case::typed().codes(check), []);
        let reply = Case::typed()
            .with(|case| case.draft.origin = Origin::Reply { to_message_at: case.now });
        assert_eq!(reply.codes(check), []);
        let automated = Case::typed().with(|case| case.draft.origin = Origin::Automated);
        assert_eq!(automated.codes(check), [Code::TemplateRequired]);
        let reminder = Case::typed().with(|case| case.draft.kind = Kind::AppointmentReminder);
        assert_eq!(reminder.codes(check), [Code::TemplateRequired]);
        let off = "[rules]\nfree_text_on_unsecured_channels = false";
        for (channel, refused) in
            Channel::ALL.into_iter().zip([true, true, true, true, false, false, false])
        {
            let case = Case::typed().policy(off).with(|case| case.draft.channel = channel);
            let expected: &[Code] = if refused { &[Code::TemplateRequired] } else { &[] };
            assert_eq!(case.codes(check), expected, "{channel:?}");
        }
    }
}
