//! Too much for the channel, and nothing else in the way: offer the portal.

use guard::{Channel, Level};

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
        && asked.cells.iter().all(|cell| cell.level < Level::Never)
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

/// RULEBOOK §12: `secure_message_notice`. Names the practice and nothing else (SM-04, EML-03).
fn notice(practice: &Practice, channel: Channel, language: Language) -> Content {
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
            "{name}: a private message is waiting. Sign in at {portal_url} or phone {phone}. \
             STOP ends texts."
        ),
        (Language::Spanish, Channel::Sms) => format!(
            "{name}: le espera un mensaje privado. Entre en {portal_url} o llame al {phone}. \
             STOP para no recibir mensajes."
        ),
        (Language::English, _) => format!(
            "A private message from {name} is waiting for you.\n\n\
             Sign in at {portal_url} to read it, or phone {phone} for help with your account."
        ),
        (Language::Spanish, _) => format!(
            "Le espera un mensaje privado de {name}.\n\n\
             Entre en {portal_url} para leerlo, o llame al {phone} si necesita ayuda."
        ),
    };
    Content { subject, body, fields: Vec::new(), template: None, language }
}
