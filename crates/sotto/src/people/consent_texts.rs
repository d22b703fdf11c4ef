//! What a patient is told before agreeing, by channel: the words staff read aloud or hand over, and
//! the version under which a consent keeps them (SPEC CN-05, RULEBOOK PRIV-13). A text that changes
//! gets a new version; the old one stays on the consents given under it.

use gate::{Channel, Language};

/// Words that were shown, with their version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RiskText {
    /// What stands in the consent's `text_version`.
    pub version: &'static str,
    /// The words, in plain English or Spanish.
    pub words: &'static str,
}

/// The text for a channel; none for the portal, where nobody else reads.
#[must_use]
pub const fn risk_text(channel: Channel, language: Language) -> Option<RiskText> {
    let (version, words) = match (channel, language) {
        (Channel::Sms, Language::English) => (
            "texts-2026-1-en",
            "Text messages are not private. Whoever holds or sees your phone can read them, and \
             phone companies may keep copies. If we write about your health in a text, somebody \
             else could learn of it. You do not have to agree; your care does not depend on it. \
             You can stop at any time: reply STOP, or tell us.",
        ),
        (Channel::Sms, Language::Spanish) => (
            "texts-2026-1-es",
            "Los mensajes de texto no son privados. Cualquiera que tenga o vea su teléfono puede \
             leerlos, y las compañías telefónicas pueden guardar copias. Si escribimos sobre su \
             salud en un mensaje, otra persona podría enterarse. No tiene que aceptar; su atención \
             no depende de ello. Puede terminar cuando quiera: responda STOP, o díganos.",
        ),
        (Channel::Email, Language::English) => (
            "email-2026-1-en",
            "Email is not private. It can be read on its way, by whoever runs your mailbox, and by \
             anybody who can open it. If we write about your health in an email, somebody else \
             could learn of it. You do not have to agree; your care does not depend on it. You can \
             stop at any time: use the link in the mail, or tell us.",
        ),
        (Channel::Email, Language::Spanish) => (
            "email-2026-1-es",
            "El correo electrónico no es privado. Pueden leerlo en el camino, quien administra su \
             buzón, y cualquiera que pueda abrirlo. Si escribimos sobre su salud en un correo, otra \
             persona podría enterarse. No tiene que aceptar; su atención no depende de ello. Puede \
             terminar cuando quiera: use el enlace del correo, o díganos.",
        ),
        (Channel::Portal, _) => return None,
        (_, Language::English) => (
            "voice-2026-1-en",
            "A voicemail is not private. Whoever plays it can hear it, and phone companies may keep \
             copies. If we speak about your health in a voicemail, somebody else could learn of it. \
             You do not have to agree; your care does not depend on it. You can stop at any time: \
             tell us.",
        ),
        (_, Language::Spanish) => (
            "voice-2026-1-es",
            "Un mensaje de voz no es privado. Cualquiera que lo escuche puede oírlo, y las \
             compañías telefónicas pueden guardar copias. Si hablamos de su salud en un mensaje de \
             voz, otra persona podría enterarse. No tiene que aceptar; su atención no depende de \
             ello. Puede terminar cuando quiera: díganos.",
        ),
    };
    Some(RiskText { version, words })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_says_that_it_is_free_to_refuse_and_to_stop() {
        let mut versions = Vec::new();
        for channel in Channel::ALL {
            for (language, free, stop) in [
                (Language::English, "You do not have to agree", "stop at any time"),
                (Language::Spanish, "No tiene que aceptar", "terminar cuando quiera"),
            ] {
                let Some(text) = risk_text(channel, language) else {
                    assert_eq!(channel, Channel::Portal);
                    continue;
                };
                assert!(text.words.contains(free) && text.words.contains(stop), "{text:?}");
                assert!(text.version.ends_with(language.as_str()), "{text:?}");
                versions.push(text);
            }
        }
        // One version, one text.
        for one in &versions {
            assert!(
                versions
                    .iter()
                    .all(|other| (one.version == other.version) == (one.words == other.words))
            );
        }
    }
}
