//! The words that simulated patients use.

use crate::patients::{Language, ReplyKind};

/// Ways in which people say this; none for what is scripted by the caller.
pub(crate) fn of(kind: ReplyKind, language: Language) -> &'static [&'static str] {
    match language {
        Language::English => english(kind),
        Language::Spanish => spanish(kind),
    }
}

fn english(kind: ReplyKind) -> &'static [&'static str] {
    match kind {
        ReplyKind::Confirm => &["C", "c", "C.", "yes see you then", "Confirm", "ok will be there"],
        ReplyKind::Decline => &["X", "x", "sitter cancelled, no way today", "cant make it sorry"],
        ReplyKind::Reschedule => &["R", "r", "can we do another day?", "need to reschedule pls"],
        ReplyKind::RunningLate => &["running late, is 3 ok", "stuck in traffic, 15 min late ok?"],
        ReplyKind::OptOut => &["STOP", "stop", "please stop texting me", "Stop.", "Unsubscribe"],
        ReplyKind::BareCancel => &["CANCEL", "Cancel"],
        ReplyKind::WrongNumber => {
            &["wrong number, this is not Maria", "You have the wrong number", "not my number"]
        }
        ReplyKind::Thanks => &["thanks!", "Thank you", "ty"],
        ReplyKind::Emoji => &["👍", "🙏🏽", "👍👍", "❤️"],
        ReplyKind::Emergency => &["my chest hurts and i cant breathe"],
        ReplyKind::Long => {
            &["Hi, thank you for the reminder. I should be able to come but my car is in the shop \
             until the afternoon, so my neighbor would have to drive me. If that falls through I \
             will take the bus and may be about ten minutes late, is that alright with you?"]
        }
        ReplyKind::Question => &["where do i park?", "do i need to bring anything"],
        ReplyKind::OptIn => &["START", "unstop"],
        ReplyKind::Scripted => &[],
    }
}

fn spanish(kind: ReplyKind) -> &'static [&'static str] {
    match kind {
        ReplyKind::Confirm => &["C", "sí, ahí estaré", "Si", "Confirmo, gracias"],
        ReplyKind::Decline => &["X", "no puedo ir", "no voy a poder ir hoy"],
        ReplyKind::Reschedule => &["R", "¿puedo cambiar la cita?", "otro día por favor"],
        ReplyKind::RunningLate => &["voy tarde, ¿está bien a las 3?"],
        ReplyKind::OptOut => &["PARAR", "Alto", "no me manden más mensajes", "STOP"],
        ReplyKind::BareCancel => &["CANCEL"],
        ReplyKind::WrongNumber => &["número equivocado, no soy María"],
        ReplyKind::Thanks => &["gracias!", "Muchas gracias"],
        ReplyKind::Emoji => &["👍", "🙏"],
        ReplyKind::Emergency => &["me duele el pecho y no puedo respirar"],
        ReplyKind::Long => {
            &["Buenas tardes, gracias por el recordatorio. Sí pienso ir, pero mi hija es quien me \
             lleva y ella sale del trabajo a las cuatro. Si hay mucho tráfico vamos a llegar unos \
             diez minutos tarde, espero que no haya problema con eso. Muchas gracias."]
        }
        ReplyKind::Question => &["¿dónde me estaciono?", "¿tengo que llevar algo?"],
        ReplyKind::OptIn => &["START", "INICIAR"],
        ReplyKind::Scripted => &[],
    }
}
