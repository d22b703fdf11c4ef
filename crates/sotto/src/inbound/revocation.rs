//! Does a text say "stop"? RULEBOOK §5.4, 47 CFR 64.1200(a)(10).

use super::words::{Pattern, Words};

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

/// Reads a text for a revocation.
#[must_use]
pub fn find(text: &str) -> Option<Revocation> {
    let words = Words::new(text);
    let joined = words.joined();
    if KEYWORDS.contains(&joined.as_str()) {
        return Some(Revocation::Keyword);
    }
    if AMBIGUOUS.contains(&joined.as_str()) {
        return Some(Revocation::AmbiguousKeyword);
    }
    let said = says_so_in_signs(text, &words)
        || words.are_only(NEAR_KEYWORDS)
        || words.are_only(KEYWORDS)
        || (words.match_any(WORDINGS, FORGIVE_FROM) && !words.match_any(NOT_STOP, usize::MAX));
    said.then_some(Revocation::Wording)
}

/// Words of so many letters may hold one slip.
const FORGIVE_FROM: usize = 6;

/// TEL-10, English and Spanish, alone in the text; case, punctuation and spacing do not matter.
const KEYWORDS: &[&str] = &[
    "stop",
    "stopall",
    "stop all",
    "s t o p",
    "revoke",
    "optout",
    "unsubscribe",
    "unsub",
    "arret",
    "alto",
    "parar",
    "pare",
    "detener",
    "basta",
    "baja",
    "para",
    "detente",
];

/// TEL-16.
const AMBIGUOUS: &[&str] = &["cancel", "end", "quit", "cancelar", "cancela", "fin", "terminar"];

const NEAR_KEYWORDS: &[&str] = &[
    "stop it",
    "stop this",
    "stop now",
    "just stop",
    "ok stop",
    "stop stop",
    "stop stop stop",
    "no stop",
    "stp",
    "sotp",
    "stpo",
    "tsop",
    "sto p",
    "stopp",
    "stops",
    "stoop",
    "atop",
    "sstop",
    "stop text",
    "text stop",
    "unsubscribe me",
    "unsuscribe",
    "unsubcribe",
    "unsubsribe",
    "unsubscibe",
    "unsubscribed",
    "remove",
    "remove me",
    "optout now",
    "end text",
    "cancel text",
    "quit text",
    "quit it",
    "enough",
    "go away",
    "leave me alone",
    "no more",
    "no mas",
    "ya basta",
    "ya no",
    "quitar",
    "quitenme",
    "quiteme",
    "borrar",
    "borrenme",
    "eliminar",
    "dejen de molestar",
    "fuck off",
    "f off",
    "piss off",
    "stfu",
    "spam",
    "lose my number",
    "delete me",
    "not interested",
];

const WORDINGS: &[Pattern] = &[
    "stop|quit|cease|discontinue .. texting|text|sending|contacting|bothering|harassing|bugging|spamming|emailing|pinging|reminders|alerts|notifications",
    "stop|quit calling|messages",
    "stop .. these|this number",
    "stop .. me",
    "unsubscribe|optout .. me|please|from|number|list|text",
    "i|want|like|to|please|wish .. optout|unsubscribe",
    "opt me out",
    "dont|never|not .. text|contact|message|texting|msg|spam|bother me|us|this|my|again|anymore",
    "dont send .. text|me|any|anything|these",
    "no more text|reminders|alerts|messaging|texting|notifications",
    "no more of .. text|reminders",
    "remove|take|delete|scratch|erase me|my|this|us .. from|off|list|number|contact|phone|system",
    "take me off",
    "remove .. my|this number",
    "delete .. my|this number",
    "lose .. my|this number",
    "dont want|wish|need|like .. text|receive|hear|reminders|alerts",
    "no longer want|wish|need|like .. text|receive|get|hear|reminders|alerts",
    "sick|tired of .. text|reminders|alerts",
    "enough .. text|already|reminders",
    "leave me alone",
    "quit bugging|bothering|harassing|spamming",
    "revoke .. consent|permission",
    "withdraw .. consent|permission",
    "i .. revoke",
    "do not call list",
    "not interested in .. text|reminders|alerts",
    "block .. you|this|your",
    "reporting .. spam|you",
    "this is spam|harassment",
    "turn off .. text|reminders|alerts|notifications",
    "end|cancel .. text|reminders|alerts|notifications|subscription",
    "stop the text|madness|spam",
    "no .. manden|mande|envien|envie|mandes|escriban|molesten|llamen|contacten .. mas|mensajes|textos|por",
    "no me manden|mande|envien|envie|escriban|molesten|contacten|texteen|mandes",
    "dejen|deje|deja|dejar|pare|paren de .. mandar*|enviar*|escribir*|molestar*|textear*|llamar*|mensajes",
    "no quiero .. mensajes|textos|recibir",
    "no deseo .. mensajes|recibir",
    "darme de baja",
    "denme de baja",
    "quiten|quite|saquen|borren|eliminen .. numero|lista",
    "quitenme|saquenme|borrenme|eliminenme",
    "ya no .. mensajes|textos|manden|escriban|recibir",
    "no mas mensajes|textos",
    "cancelar .. mensajes|textos|suscripcion",
    "basta .. mensajes",
];

/// "Can I stop by", "should I stop taking …": not about our messages.
const NOT_STOP: &[Pattern] = &[
    "stop by",
    "stop taking|using|eating|drinking|smoking|the|my|medicine|medication|insulin",
    "bus stop",
    "cant stop coughing|vomiting|itching|bleeding|by",
    "stop at|in|over",
    "how|can|may|should .. text me",
    "why dont you .. text|call",
    "dont forget .. text|call",
    "please call|text me",
];

/// Stop signs alone, or with a word or two.
fn says_so_in_signs(text: &str, words: &Words) -> bool {
    const SIGNS: &[char] = &['🛑', '⛔', '🚫', '📵', '🔕', '✋', '🖕', '🙅'];
    words.len() <= 2 && text.chars().any(|c| SIGNS.contains(&c))
}

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
            "stpo",
            "unsuscribe",
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
