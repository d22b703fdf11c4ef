//! Too much for the channel, and nothing else in the way: offer the portal.

use guard::Channel;

use super::{Asked, every};
use crate::address::Address;
use crate::draft::{Content, Draft};
use crate::facts::{Facts, Known, Practice, Role};
use crate::kind::{Kind, Language, Purpose};
use crate::permit::{Redirect, cells_of};
use crate::refusal::{Code, Refusal};

/// The body for the portal and a level-0 notice for the channel, when content alone refuses and
/// the notice itself would be cleared.
pub(crate) fn offer(asked: &Asked<'_>, refusal: &Refusal) -> Option<Redirect> {
    let draft = asked.draft;
    if !fits_the_portal(asked) || !refusal.reasons().all(|reason| is_about_content(reason.code)) {
        return None;
    }
    let recipient = asked.facts.recipient.get()?;
    let language = recipient.language.unwrap_or(draft.content.language);
    let notice = Draft {
        kind: Kind::SecureMessageNotice,
        content: notice(&asked.facts.practice, draft.channel, language),
        ..draft.clone()
    };
    if !would_be_cleared(asked, &notice) {
        return None;
    }
    let body = Draft {
        channel: Channel::Portal,
        address: Address::Portal,
        contact_point: None,
        ..draft.clone()
    };
    Some(Redirect { body, notice, because: refusal.reasons().cloned().collect() })
}

/// A caregiver has no part in the patient's portal; a protocol answer is no use there; a ringless
/// voicemail cannot carry the notice without its approved script.
fn fits_the_portal(asked: &Asked<'_>) -> bool {
    let draft = asked.draft;
    let channel = matches!(draft.channel, Channel::Sms | Channel::Email | Channel::Voicemail);
    let theirs = asked.facts.recipient.get().is_some_and(|recipient| {
        matches!(recipient.role, Role::Patient | Role::Representative { .. })
    });
    let Practice { name, phone, portal_url } = &asked.facts.practice;
    let signed = [name, phone, portal_url].iter().all(|part| !part.trim().is_empty());
    channel
        && theirs
        && signed
        && asked.facts.portal_ready
        && !draft.kind.always_administrative()
        && !matches!(draft.purpose, Purpose::Emergency | Purpose::Marketing)
}

/// What the portal would cure.
const fn is_about_content(code: Code) -> bool {
    matches!(
        code,
        Code::ContentBlocked
            | Code::ContentConsent
            | Code::VendorLevel
            | Code::SharedAddress
            | Code::AddressUnverified
            | Code::TooLong
    )
}

/// Asked as the sender will ask: with the same facts, but that it has no template.
fn would_be_cleared(asked: &Asked<'_>, notice: &Draft) -> bool {
    let facts = Facts { template: Known::Yes(None), ..asked.facts.clone() };
    let assessment = guard::check(&notice.content.body, &facts.context);
    let cells = cells_of(&assessment);
    let asked = Asked { draft: notice, facts: &facts, cells: &cells, ..*asked };
    cells.is_empty() && every(&asked).reasons.is_empty()
}

/// The words of the draft are, letter for letter, those of the notice: they need no template.
pub(super) fn is_the_notice(asked: &Asked<'_>) -> bool {
    let draft = asked.draft;
    draft.kind == Kind::SecureMessageNotice
        && draft.content == notice(&asked.facts.practice, draft.channel, draft.content.language)
}

/// The words that tell a patient that a message waits in the portal: RULEBOOK §12,
/// `secure_message_notice`. They name the practice and nothing else (SM-04, EML-03); the link is the
/// practice's `portal_url`.
#[must_use]
pub fn notice(practice: &Practice, channel: Channel, language: Language) -> Content {
    let Practice { name, phone, portal_url } = practice;
    let subject = (channel == Channel::Email).then(|| match language {
        Language::English => format!("New message from {name}"),
        Language::Spanish => format!("Nuevo mensaje de {name}"),
    });
    let body = match (language, channel) {
        (Language::English, Channel::Voicemail) => format!(
            "This is {name}. A private message is waiting for you in our portal. \
             For help, phone us at {phone}."
        ),
        (Language::Spanish, Channel::Voicemail) => format!(
            "Le llamamos de {name}. Un mensaje privado le espera en nuestro portal. \
             Si necesita ayuda, llame al {phone}."
        ),
        (Language::English, Channel::Sms) => format!(
            "{name}: you have a private message: {portal_url} Help: {phone}. STOP ends texts."
        ),
        (Language::Spanish, Channel::Sms) => format!(
            "{name}: tiene un mensaje privado: {portal_url} Ayuda: {phone}. STOP para salir."
        ),
        (Language::English, _) => format!(
            "A private message from {name} is waiting for you.\n\n\
             Sign in at {portal_url} to read it, or phone {phone} for help."
        ),
        (Language::Spanish, _) => format!(
            "Le espera un mensaje privado de {name}.\n\n\
             Entre en {portal_url} para leerlo, o llame al {phone} si necesita ayuda."
        ),
    };
    Content { subject, body, fields: Vec::new(), template: None, language }
}

#[cfg(test)]
mod tests {
    use guard::{Channel, Level};

    use super::notice;
    use crate::draft::Origin;
    use crate::facts::{Known, Restriction, Role};
    use crate::kind::{Kind, Language, Purpose};
    use crate::passing::{Case, stop};
    use crate::permit::{Decision, Redirect, clear};
    use crate::refusal::Code;
    use crate::{Address, Facts};

    const TOO_MUCH: &str = "Your HIV test came back positive.";

    fn too_much(channel: Channel) -> Case {
        Case::by(channel).with(|case| case.draft.content.body = TOO_MUCH.to_owned())
    }

    fn redirect(case: &Case) -> Option<Redirect> {
        match case.decide() {
            Decision::Redirect(redirect) => Some(*redirect),
            Decision::Refuse(_) => None,
            Decision::Clear(cleared) => panic!("cleared: {cleared:?}"),
        }
    }

    #[test]
    fn too_much_goes_to_the_portal_with_a_notice_that_is_cleared() {
        for channel in [Channel::Sms, Channel::Email, Channel::Voicemail] {
            for language in [Language::English, Language::Spanish] {
                let case = too_much(channel).with(|case| {
                    case.draft.content.language = language;
                    case.template().language = language;
                    case.recipient().language = Some(language);
                });
                let redirect = redirect(&case).unwrap();
                assert_eq!(redirect.body.content, case.draft.content);
                assert_eq!(redirect.body.channel, Channel::Portal);
                assert_eq!(redirect.body.address, Address::Portal);
                assert_eq!(redirect.body.contact_point, None);
                assert_eq!(redirect.notice.kind, Kind::SecureMessageNotice);
                assert_eq!(redirect.notice.content.language, language);
                assert_eq!(redirect.notice.address, case.draft.address);
                assert!(redirect.because.iter().any(|r| r.code == Code::ContentBlocked));
                let facts = Facts { template: Known::Yes(None), ..case.facts.clone() };
                match clear(redirect.notice, &facts, &case.policy, case.now) {
                    Decision::Clear(cleared) => {
                        assert_eq!(cleared.basis().level, Level::Administrative);
                    }
                    other => panic!("{other:?}"),
                }
                match clear(redirect.body, &case.facts, &case.policy, case.now) {
                    // The facts are still those of the text's carrier.
                    Decision::Refuse(refusal) => {
                        assert_eq!(refusal.first().code, Code::VendorLevel);
                        assert_eq!(refusal.reasons().count(), 1);
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
    }

    #[test]
    fn the_body_passes_the_portal() {
        let case = too_much(Channel::Sms);
        let redirect = redirect(&case).unwrap();
        let facts = case.with(|case| case.vendor().max_level = Level::Sensitive).facts;
        let body = redirect.body;
        let decision = clear(body, &facts, &Case::text().policy, Case::text().now);
        assert!(matches!(decision, Decision::Clear(_)), "{decision:?}");
    }

    #[test]
    fn the_notice_is_level_0_in_every_language_and_names_the_practice_alone() {
        let facts = Case::text().facts;
        for channel in [Channel::Sms, Channel::Email, Channel::Voicemail] {
            for language in Language::ALL {
                let content = notice(&facts.practice, channel, *language);
                let assessment = guard::check(&content.body, &facts.context);
                assert_eq!(assessment.findings, [], "{channel:?} {language:?}");
                assert_eq!(content.subject.is_some(), channel == Channel::Email);
                for part in content.subject.iter().chain([&content.body]) {
                    assert!(part.contains("Elm Street Clinic"));
                }
                assert!(content.body.contains("202-555-0100"));
                assert_eq!(
                    content.body.contains("portal.example.com"),
                    channel != Channel::Voicemail
                );
            }
        }
    }

    #[test]
    fn anything_else_in_the_way_is_a_refusal() {
        type Spoil = fn(&mut Case);
        let table: [(&str, Spoil); 17] = [
            ("in another language", |c| {
                c.recipient().language = Some(Language::Spanish);
            }),
            ("from a template withdrawn", |c| c.template().withdrawn = true),
            ("opted out", |c| c.facts.opt_outs = Known::Yes(vec![stop(c.now)])),
            ("no consent", |c| c.consents().clear()),
            ("no agreement", |c| c.vendor().enabled = false),
            ("no portal", |c| c.facts.portal_ready = false),
            ("no name", |c| c.facts.practice.name = " ".to_owned()),
            ("no phone", |c| c.facts.practice.phone.clear()),
            ("no address", |c| c.facts.practice.portal_url.clear()),
            ("a notice", |c| {
                c.draft.kind = Kind::Closure;
                c.template().kind = Kind::Closure;
            }),
            ("an emergency", |c| {
                c.draft.kind = Kind::FreeText;
                c.draft.origin = Origin::Staff;
                c.draft.purpose = Purpose::Emergency;
                c.draft.content.template = None;
                c.facts.template = Known::Yes(None);
            }),
            ("a caregiver", |c| {
                c.recipient().role = Role::Caregiver { scope: Vec::new(), written: true };
            }),
            ("nobody", |c| c.facts.recipient = Known::No("no row")),
            ("never", |c| c.draft.content.body = "Your SSN 123-45-6789 and HIV.".to_owned()),
            ("notices restricted", |c| {
                c.facts.restrictions =
                    Known::Yes(vec![Restriction::Kind(Kind::SecureMessageNotice)]);
            }),
            ("a notice that says too much", |c| {
                c.facts.practice.name = "HIV Treatment".to_owned();
            }),
            ("a notice too long", |c| c.facts.practice.name = "Elm ".repeat(200)),
        ];
        for (why, spoil) in table {
            assert!(redirect(&too_much(Channel::Sms).with(spoil)).is_none(), "{why}");
        }
        for channel in [Channel::RinglessVoicemail, Channel::LiveVoiceUnverified] {
            assert!(redirect(&too_much(channel)).is_none(), "{channel:?}");
        }
    }

    #[test]
    fn what_the_portal_would_cure_is_redirected() {
        type Spoil = fn(&mut Case);
        let table: [(Code, Spoil); 4] = [
            (Code::TooLong, |c| c.draft.content.body = "Please call us. ".repeat(60)),
            (Code::VendorLevel, |c| {
                c.draft.content.body = "Your results are ready.".to_owned();
                c.template().max_level = Level::Mention;
                c.vendor().max_level = Level::Administrative;
            }),
            (Code::SharedAddress, |c| {
                c.draft.content.body = "Your results are ready.".to_owned();
                c.template().max_level = Level::Mention;
                c.address().patients = 2;
            }),
            (Code::AddressUnverified, |c| {
                c.draft.content.body = "Your results are ready.".to_owned();
                c.template().max_level = Level::Mention;
                c.address().verified = false;
            }),
        ];
        for (code, spoil) in table {
            let redirect = redirect(&Case::text().with(spoil)).unwrap();
            let codes: Vec<Code> = redirect.because.iter().map(|reason| reason.code).collect();
            assert_eq!(codes, [code]);
        }
    }

    #[test]
    fn a_representative_is_redirected_too() {
        let case = too_much(Channel::Sms)
            .with(|case| case.recipient().role = Role::Representative { of_minor: false });
        assert!(redirect(&case).is_some());
    }

    #[test]
    fn only_the_very_words_of_the_notice_need_no_template() {
        let case = Case::text().with(|case| {
            case.draft.kind = Kind::SecureMessageNotice;
            case.facts.template = Known::Yes(None);
            case.draft.content = notice(&case.facts.practice, Channel::Sms, Language::English);
        });
        assert_eq!(case.all_codes(), []);
        let other = case.clone().with(|case| case.draft.content.body.push('!'));
        assert_eq!(other.all_codes(), [Code::TemplateRequired]);
        let kind = case.clone().with(|case| case.draft.kind = Kind::GeneralCallback);
        assert_eq!(kind.all_codes(), [Code::TemplateRequired]);
        let spanish = case.with(|case| case.recipient().language = Some(Language::Spanish));
        assert_eq!(spanish.all_codes(), [Code::TranslationMissing]);
    }
}
