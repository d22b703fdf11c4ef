//! Does a text say "stop"? RULEBOOK §5.4, 47 CFR 64.1200(a)(10).

use super::grammar::{Cue, Hit};
use super::intent::{Intent, classify};
use super::revocation_phrases::{NOT_STOP, STOP};
use super::words::Words;

/// How a text says stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Revocation {
    /// One of the words that end consent by rule (TEL-10), and nothing else.
    Keyword,
    /// A bare CANCEL, END or QUIT: ends consent by rule, though an appointment may be meant (TEL-16).
    AmbiguousKeyword,
    /// Any other wording that a reasonable person reads as stop (TEL-11).
    Wording,
}

/// Reads a text for a revocation, as [`classify`] does.
#[must_use]
pub fn find(text: &str) -> Option<Revocation> {
    keyword(&Words::new(text))
        .or_else(|| classify(text).intents.contains(&Intent::OptOut).then_some(Revocation::Wording))
}

/// The text is one of the words of the rule, and nothing else.
pub(super) fn keyword(words: &Words) -> Option<Revocation> {
    if words.len() > 7 {
        return None;
    }
    let joined = words.joined();
    if KEYWORDS.contains(&joined.as_str()) {
        return Some(Revocation::Keyword);
    }
    AMBIGUOUS.contains(&joined.as_str()).then_some(Revocation::AmbiguousKeyword)
}

/// A phrase of stopping that none of another meaning overlaps.
pub(super) fn says_so(hits: &[Hit]) -> bool {
    standing(hits, STOP, NOT_STOP)
}

/// A stop to something else stands in the text, and none to our messages beside it.
pub(super) fn only_another_stop(hits: &[Hit]) -> bool {
    hits.iter().any(|hit| hit.cue == NOT_STOP) && !says_so(hits)
}

/// "Don't stop": the messages are to go on.
pub(super) fn wants_no_stop(words: &Words) -> bool {
    words.tokens().windows(2).any(|pair| match pair {
        [no, stop] => {
            matches!(no.word.as_str(), "dont" | "never" | "not") && stop.word.as_str() == "stop"
        }
        _ => false,
    })
}

/// "None", "nada, gracias": what a question is answered with when there is nothing to name.
pub(super) fn names_none(words: &Words) -> bool {
    let mut said = words.tokens().iter().map(|token| token.word.as_str());
    said.next().is_some_and(|first| NOTHING.contains(&first)) && said.all(|w| BEHIND.contains(&w))
}

const NOTHING: &[&str] = &["none", "nothing", "nil", "zero", "0", "nada", "ninguno", "ninguna"];
/// What may stand behind it and change nothing.
const BEHIND: &[&str] = &[
    "of", "these", "those", "them", "the", "above", "that", "at", "all", "really", "yet", "so",
    "far", "known", "thanks", "thank", "you", "please", "gracias", "de", "esos", "esas", "estos",
    "ellos",
];

/// Says stop in a script or with letters that English and Spanish do not have.
pub(super) fn in_another_language(text: &str) -> bool {
    other_letters(text).is_some_and(|text| OTHER_LANGUAGES.iter().any(|stop| text.contains(stop)))
}

/// The text in small letters, where it holds a letter beyond Latin-1.
pub(super) fn other_letters(text: &str) -> Option<String> {
    text.chars().any(|c| c >= '\u{100}' && c.is_alphabetic()).then(|| text.to_lowercase())
}

/// Chinese, Russian, Ukrainian, Vietnamese, Korean, Japanese, Arabic, Hindi, Polish, then a few words
/// each of other languages that patients write: "do not send", "do not write", "unsubscribe", "enough".
const OTHER_LANGUAGES: &[&str] = &[
    "不要再",
    "别再",
    "別再",
    "不要发",
    "不要發",
    "别发",
    "別發",
    "停止发",
    "停止發",
    "不想收",
    "退订",
    "退訂",
    "取消订阅",
    "取消訂閱",
    "别烦我",
    "хватит",
    "перестаньте",
    "прекратите",
    "не пишите",
    "не пиши",
    "не присылайте",
    "отпишите",
    "отписаться",
    "стоп",
    "припиніть",
    "не пишіть",
    "đừng nhắn",
    "ngừng nhắn",
    "dừng nhắn",
    "đừng gửi",
    "ngừng gửi",
    "không muốn nhận",
    "hủy đăng ký",
    "그만",
    "보내지 마",
    "보내지마",
    "수신거부",
    "수신 거부",
    "やめて",
    "配信停止",
    "送らないで",
    "توقف",
    "لا ترسل",
    "إلغاء الاشتراك",
    "बंद कर",
    "मत भेज",
    "przestań",
    "przestańcie",
    "nie pisz",
    "nie wysyłaj",
    "wypiszcie",
    "přestaňte",
    "neposílejte",
    "opriți",
    "atmayın",
    "别给我发",
    "勿扰",
    "不要给我",
    "不要給我",
    "不用再",
    "отстаньте",
    "не шлите",
    "не звоните",
    "больше не присыл",
    "уберите мой номер",
    "удалите мой номер",
    "не надсилайте",
    "відпишіть",
    "ngưng nhắn",
    "ngưng gửi",
    "thôi nhắn",
    "dừng gửi",
    "đừng gởi",
    "xóa số",
    "연락하지",
    "받고 싶지 않",
    "보내지 말",
    "止めて",
    "いりません",
    "要りません",
    "لا أريد رسائل",
    "لا اريد رسائل",
    "أوقفوا",
    "اوقفوا",
    "احذفوا رقمي",
    "نفرستید",
    "پیام ندهید",
    "مت بھیج",
    "بند کر",
    "न भेज",
    "পাঠাবেন না",
    "বন্ধ কর",
    "મોકલશો",
    "બંધ કર",
    "ਨਾ ਭੇਜ",
    "ਬੰਦ ਕਰ",
    "పంపవద్దు",
    "அனுப்ப வேண்டாம்",
    "לא לשלוח",
    "אל תשלחו",
    "תפסיקו",
    "להפסיק",
    "הסירו",
    "תסירו",
    "σταματήστε",
    "μην στέλνετε",
    "μη στέλνετε",
    "μη μου στέλνετε",
    "μην μου στέλνετε",
    "หยุดส่ง",
    "อย่าส่ง",
    "ไม่ต้องส่ง",
    "ឈប់ផ្ញើ",
    "մի գրեք",
    "մի ուղարկեք",
    "አትላኩ",
];

/// A hit of one cue that no hit of another overlaps.
pub(super) fn standing(hits: &[Hit], wanted: Cue, excuse: Cue) -> bool {
    hits.iter().filter(|hit| hit.cue == wanted).any(|hit| {
        !hits
            .iter()
            .filter(|other| other.cue == excuse)
            .any(|other| other.at.start < hit.at.end && hit.at.start < other.at.end)
    })
}

/// TEL-10, English and Spanish, alone in the text; case, punctuation and spacing do not matter.
const KEYWORDS: &[&str] = &[
    "stop",
    "stopall",
    "stop all",
    "s t o p",
    "s t o p all",
    "revoke",
    "optout",
    "o p t out",
    "unsubscribe",
    "arret",
    "alto",
    "parar",
    "pare",
    "paren",
    "detener",
    "basta",
    "baja",
    "para",
    "detente",
];

/// TEL-16.
const AMBIGUOUS: &[&str] = &["cancel", "end", "quit", "cancelar", "cancela", "fin", "terminar"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_the_rule() {
        for text in [
            "STOP",
            "stop",
            "Stop.",
            " stop ",
            "STOP!!!",
            "s t o p",
            "StOp",
            "STOPALL",
            "stop all",
            "revoke",
            "opt out",
            "OPT-OUT",
            "optout",
            "Unsubscribe",
            "\"stop\"",
            "ＳＴＯＰ",
            "st\u{200b}op",
            "stoppppp",
            "stpo",
            "unsuscribe",
            "ALTO",
            "parar",
            "pare",
            "basta",
        ] {
            assert_eq!(find(text), Some(Revocation::Keyword), "{text}");
        }
        for text in ["CANCEL", "cancel.", "END", "Quit", "cancelar", "fin"] {
            assert_eq!(find(text), Some(Revocation::AmbiguousKeyword), "{text}");
        }
    }

    #[test]
    fn any_reasonable_wording() {
        for text in [
            "please stop",
            "stop please",
            "Stop texting me",
            "stop sending me these",
            "Quit texting me",
            "do not text me again",
            "don't contact me",
            "no more texts",
            "no more messages please",
            "remove me from your list",
            "take me off this list",
            "delete my number",
            "lose my number",
            "unsubscribe me please",
            "I want to opt out",
            "i no longer want to receive these messages",
            "leave me alone",
            "enough already with the texts",
            "🛑",
            "🚫🚫",
            "✋",
            "I revoke my consent",
            "I don't want these texts",
            "sick of these messages",
            "go away",
            "no me manden más mensajes",
            "dejen de mandarme mensajes",
            "no quiero recibir mensajes",
            "ya no me escriban",
            "quiero darme de baja",
            "quítenme de la lista",
            "no mas",
            "stop messaging me",
            "never text this number again",
            "f off",
            "please remove my number",
            "turn off these reminders",
            "请停止发短信",
            "прекратите мне писать",
            "đừng gửi tin cho tôi",
            "arretez de m'envoyer des sms",
            "wag na po kayo mag text",
            "mwen pa vle mesaj sa yo ankò",
            "nie piszcie do mnie",
            "keine Nachrichten mehr bitte",
            "לא לשלוח יותר",
            "আর মেসেজ পাঠাবেন না",
        ] {
            assert_eq!(find(text), Some(Revocation::Wording), "{text}");
        }
    }

    #[test]
    fn what_is_not_stop() {
        for text in [
            "can I stop by at 3?",
            "should I stop taking metformin",
            "sitter cancelled, no way today",
            "I need to cancel my appointment",
            "cancel my appointment",
            "please cancel Tuesday",
            "can't make it",
            "at the end of the day",
            "I'll be there",
            "I quit smoking",
            "the bus stop is closed",
            "no",
            "X",
            "C",
            "yes",
            "help",
            "who is this",
            "thanks",
            "text me the address",
            "please call me",
            "no puedo ir",
            "👍",
            "I don't want that time",
            "cancelar mi cita",
            "para mañana está bien",
            "don't forget to call me",
            "wrong number",
            "I can't stop coughing",
        ] {
            assert_eq!(find(text), None, "{text}");
        }
    }
}
