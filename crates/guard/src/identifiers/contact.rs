//! Ways to reach someone: telephone, fax, email, web and IP addresses.

use std::ops::Range;

use super::words::Words;
use super::{Inventory, Reading, What, cue_before, cues, what};
use crate::level::{Category, IdentifierKind, Level};
use crate::normalise::{Folded, fold};
use crate::shapes::Shape;

#[derive(Debug)]
pub(super) struct Contact {
    email: Shape,
    spoken_email: Shape,
    url: Shape,
    ip4: Shape,
    ip6: Shape,
    phone: Shape,
    short_phone: Shape,
    foreign_phone: Shape,
    spoken_phone: Shape,
}

const fn other(rule: &'static str, reason: &'static str, suggestion: &'static str) -> What {
    what(Category::IdentifierOther, Level::Sensitive, rule, reason, suggestion)
}

const PHONE: What = other(
    "identifier.phone",
    "It is a telephone number that is not the practice's.",
    "Give only the practice's number.",
);
const EMAIL: What = other(
    "identifier.email",
    "It is an email address that is not the recipient's.",
    "Leave the address out.",
);
const URL: What = other(
    "identifier.url",
    "It is a link to a host that is not the practice's, or it carries data.",
    "Link to the portal's front page.",
);
const IP: What = other("identifier.ip", "It is an IP address.", "Leave the address out.");

/// Words that make a number the office's own.
const CALL_BACK: &[&str] = &[
    "call",
    "call us",
    "phone",
    "text",
    "reach",
    "contact",
    "dial",
    "tel",
    "at",
    "ring",
    "llame",
    "llamar",
    "llamenos",
    "marque",
    "telefono",
    "al",
    "questions",
    "office",
    "help",
    "us",
    "email",
    "e-mail",
    "write",
    "correo",
];
const PATIENT: &[&str] = &[
    "your cell",
    "your mobile",
    "your phone",
    "your number",
    "your email",
    "your home",
    "on file",
    "patient",
    "his cell",
    "her cell",
    "his number",
    "her number",
    "his phone",
    "her phone",
    "his mobile",
    "her mobile",
    "su celular",
    "su telefono",
    "su numero",
    "su correo",
    "wife",
    "husband",
    "mother",
    "father",
    "daughter",
    "son",
    "phone number is",
    "phone was",
    "reached at",
    "contact at",
];
/// 988 needs no shape; Poison Help and the Lifeline's older number do (RULEBOOK CLIN-02).
const PUBLIC_LINES: &[&str] = &["8002221222", "8002738255"];
const SHORTENERS: &[&str] =
    &["bit.ly", "tinyurl.com", "goo.gl", "t.co", "ow.ly", "is.gd", "buff.ly", "rb.gy", "cutt.ly"];

const SPOKEN: &str = r"(?:zero|oh|one|two|three|four|five|six|seven|eight|nine|cero|uno|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|hundred)";

impl Contact {
    pub(super) fn new() -> Self {
        Self {
            email: Shape::new(
                r"\b[a-z0-9][a-z0-9._%+'-]{0,63}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){0,6}\.[a-z]{2,24}\b",
            ),
            spoken_email: Shape::new(
                r"\b[a-z0-9][a-z0-9._-]{1,40} ?(?: at |\(at\)|\[at\]|@| arroba ) ?[a-z0-9-]{2,40}(?: ?(?: dot |\(dot\)|\[dot\]|\.| punto ) ?[a-z0-9-]{2,24}){0,2} ?(?: dot |\(dot\)|\[dot\]|\.| punto ) ?(?:com|org|net|edu|gov|io|health|test|example|us|co|mx|es)\b",
            ),
            url: Shape::new(
                r#"\b(?:https?://|www\.)[^\s<>"]{1,2000}|\b[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){0,4}\.(?:com|org|net|io|gov|edu|health|clinic|co|us|me|link|ly|gl|gd|test|example|care|app|info|biz)\b(?:/[^\s<>"]{0,2000})?"#,
            ),
            ip4: Shape::new(
                r"\b(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}\b",
            ),
            ip6: Shape::new(
                r"\b(?:[0-9a-f]{1,4}:){4,7}[0-9a-f]{1,4}\b|\b(?:[0-9a-f]{1,4}:){1,6}(?::[0-9a-f]{1,4}){1,6}\b",
            ),
            phone: Shape::new(
                r"(?:\+?1[ .-]?)?(?:\(\d{3}\)[ .-]{0,2}|\b\d{3}[ .-])\d{3}[ .-]\d{4}\b(?:[, ]{0,2}(?:x|ext\.?|extension) ?\d{1,6}\b)?|\+?\b1?[2-9]\d{9}\b(?: ?(?:x|ext\.?) ?\d{1,6}\b)?",
            ),
            short_phone: Shape::new(
                r"\b\d{3}[-.]\d{4}\b(?:[, ]{0,2}(?:x|ext\.?|extension) ?\d{1,6}\b)?|\b(?:ext\.?|extension) ?\d{3,6}\b",
            ),
            foreign_phone: Shape::new(
                r"(?:\+|\b00|\b011[ -])[1-9]\d{0,2}(?:[ .-]?\(?\d{1,5}\)?){2,6}\b",
            ),
            spoken_phone: Shape::new(format!(r"\b{SPOKEN}(?:[ ,.-]{{1,2}}{SPOKEN}){{6,10}}\b")),
        }
    }

    pub(super) fn find(&self, reading: Reading<'_>, words: &Words, out: &mut Inventory) {
        let folded = reading.folded;
        let bytes = folded.lower.as_bytes();
        if folded.holds(b'@') {
            for found in self.email.find_iter(bytes) {
                self.take_email(reading, found.range(), out);
            }
        }
        if speaks_of_signs(folded, words) {
            for found in self.spoken_email.find_iter(bytes) {
                self.take_email(reading, found.range(), out);
            }
        }
        if words.joins_letters {
            for found in self.url.find_iter(bytes) {
                take_url(reading, trimmed(folded, found.range()), out);
            }
        }
        if words.roles & cues::DIGIT_WORD != 0 {
            for found in self.spoken_phone.find_iter(bytes) {
                take_phone(reading, found.range(), out);
            }
        }
        if words.digits >= 4 {
            self.find_numbers(reading, words, out);
        }
    }

    fn find_numbers(&self, reading: Reading<'_>, words: &Words, out: &mut Inventory) {
        let folded = reading.folded;
        let bytes = folded.lower.as_bytes();
        for (pattern, cause) in
            [(&self.ip4, words.dotted_digits >= 3), (&self.ip6, words.colons >= 2)]
        {
            if !cause {
                continue;
            }
            for found in pattern.find_iter(bytes) {
                if out.is_free(&found.range()) {
                    out.add(found.range(), IdentifierKind::Ip);
                    out.add_finding(found.range(), &IP);
                }
            }
        }
        if words.digits >= 10 {
            for found in self.phone.find_iter(bytes) {
                take_phone(reading, found.range(), out);
            }
            if folded.holds(b'+') || begins_abroad(bytes) {
                for found in self.foreign_phone.find_iter(bytes) {
                    take_foreign(reading, found.range(), out);
                }
            }
        }
        let short = words.has_divided_digits && joins_three_and_four(bytes, out);
        if !(short || folded.holds(b'x') && folded.lower.contains("ext")) {
            return;
        }
        for found in self.short_phone.find_iter(bytes) {
            let free = !matches!(folded.byte(found.start().saturating_sub(1)), b'-' | b'/')
                && folded.byte(found.end()) != b'-';
            if free && cue_before(folded, found.start(), 30, CALL_BACK) {
                take_phone(reading, found.range(), out);
            }
        }
    }

    fn take_email(&self, reading: Reading<'_>, span: Range<usize>, out: &mut Inventory) {
        if !out.is_free(&span) {
            return;
        }
        let folded = reading.folded;
        let address = folded.slice(span.clone());
        let known = reading.context.recipient_addresses.iter().any(|a| fold(a) == address);
        let host = address.rsplit('@').next().unwrap_or("");
        let own = known || is_own_host(reading, host);
        let strange = if reading.context.hosts.is_empty() {
            !cue_before(folded, span.start, 40, CALL_BACK)
                || cue_before(folded, span.start, 40, PATIENT)
        } else {
            true
        };
        out.add(span.clone(), IdentifierKind::Email);
        if !own && strange {
            out.add_finding(span, &EMAIL);
        }
    }
}

fn take_url(reading: Reading<'_>, span: Range<usize>, out: &mut Inventory) {
    if !out.is_free(&span) {
        return;
    }
    let url = reading.folded.slice(span.clone());
    let bare = url.trim_start_matches("https://").trim_start_matches("http://");
    let host = bare.split(['/', '?', '#', ':']).next().unwrap_or("");
    let carries_data = url.contains(['?', '#', '@', '=']);
    let strange = SHORTENERS.contains(&host)
        || (!reading.context.hosts.is_empty() && !is_own_host(reading, host));
    out.add(span.clone(), IdentifierKind::Url);
    if carries_data || strange {
        out.add_finding(span, &URL);
    }
}

/// The host is one of the practice's, or below one.
fn is_own_host(reading: Reading<'_>, host: &str) -> bool {
    let host = host.trim_start_matches("www.");
    reading.context.hosts.iter().any(|own| {
        let own = fold(own);
        let own = own.trim_start_matches("www.");
        host == own || host.strip_suffix(own).is_some_and(|rest| rest.ends_with('.'))
    })
}

/// An address is spelled out: `jo at example dot com`, `jo(at)example.com`, `jo @ example.com`.
fn speaks_of_signs(folded: &Folded, words: &Words) -> bool {
    let has = |parts: &[&str]| parts.iter().any(|part| folded.lower.contains(part));
    words.roles & cues::SPELLED_SIGN != 0 && has(&[" dot ", "[dot]", "(dot)", " punto "])
        || folded.holds(b'@') && has(&[" @ "])
        || (folded.holds(b'(') || folded.holds(b'[')) && has(&["(at)", "[at]"])
}

/// Two zeros or `011` where a number begins.
fn begins_abroad(bytes: &[u8]) -> bool {
    let begins = |at: usize| {
        at.checked_sub(1)
            .and_then(|before| bytes.get(before))
            .is_none_or(|b| !b.is_ascii_alphanumeric() && *b != b'_')
    };
    bytes.iter().enumerate().any(|(at, byte)| {
        let rest = bytes.get(at..).unwrap_or(&[]);
        *byte == b'0' && begins(at) && (rest.starts_with(b"00") || rest.starts_with(b"011"))
    })
}

/// `555-0100`, `555.0100`: the least a local number has, in no other identifier.
fn joins_three_and_four(bytes: &[u8], out: &Inventory) -> bool {
    bytes.windows(8).enumerate().any(|(at, w)| {
        matches!(w, [a, b, c, b'-' | b'.', rest @ ..]
            if [a, b, c].iter().all(|d| d.is_ascii_digit()) && rest.iter().all(u8::is_ascii_digit))
            && out.is_free(&(at..at.saturating_add(8)))
    })
}

/// A number with a country code, when it has as many digits as one has.
fn take_foreign(reading: Reading<'_>, span: Range<usize>, out: &mut Inventory) {
    let digits = reading.folded.slice(span.clone()).bytes().filter(u8::is_ascii_digit).count();
    if (9..=15).contains(&digits) {
        take_phone(reading, span, out);
    }
}

fn take_phone(reading: Reading<'_>, span: Range<usize>, out: &mut Inventory) {
    let folded = reading.folded;
    let joined = span.start.checked_sub(1).is_some_and(|before| {
        folded.byte(before).is_ascii_alphanumeric() || folded.byte(before) == b'-'
    });
    if joined || !out.is_free(&span) {
        return;
    }
    let number = last_ten(folded.slice(span.clone()));
    let is_fax = cue_before(folded, span.start, 20, &["fax", "fax number", "telefax"]);
    let kind = if is_fax { IdentifierKind::Fax } else { IdentifierKind::Phone };
    out.add(span.clone(), kind);
    let context = reading.context;
    let known = PUBLIC_LINES.contains(&number.as_str())
        || context
            .practice_phones
            .iter()
            .chain(&context.recipient_addresses)
            .any(|own| last_ten(own) == number);
    let strange = if context.practice_phones.is_empty() {
        let reach = if folded.byte(span.start).is_ascii_alphabetic() { 200 } else { 60 };
        cue_before(folded, span.start, 24, PATIENT)
            || !(is_fax || cue_before(folded, span.start, reach, CALL_BACK))
    } else {
        true
    };
    if !known && strange {
        out.add_finding(span, &PHONE);
    }
}

/// The national number: digits before any extension, at most the last ten.
fn last_ten(text: &str) -> String {
    let main = text.split(['x', 'e']).next().unwrap_or("");
    let digits: String = main.chars().filter(char::is_ascii_digit).collect();
    let from = digits.len().saturating_sub(10);
    digits.get(from..).unwrap_or("").to_owned()
}

/// Without the punctuation of the sentence around it.
fn trimmed(folded: &Folded, span: Range<usize>) -> Range<usize> {
    let kept =
        folded.slice(span.clone()).trim_end_matches(['.', ',', '!', '?', ')', ';', ':', '\'']);
    span.start..span.start.saturating_add(kept.len())
}

#[cfg(test)]
mod tests {
    use crate::guard::by_rules;
    use crate::{Context, IdentifierKind, Level};

    fn found(text: &str, context: &Context) -> Vec<(IdentifierKind, bool)> {
        let assessment = by_rules(text, context);
        let raises = |span: &std::ops::Range<usize>| {
            assessment.findings.iter().any(|f| f.span == *span && f.level >= Level::Sensitive)
        };
        assessment.identifiers.iter().map(|i| (i.kind, raises(&i.span))).collect()
    }

    #[test]
    fn without_context_a_call_back_number_is_the_office() {
        use IdentifierKind::*;
        let none = Context::default();
        for (text, expected) in [
            ("Please call (555) 123-4567", vec![(Phone, false)]),
            ("Call 555-0100.", vec![(Phone, false)]),
            ("His cell: 555-123-4567", vec![(Phone, true)]),
            ("Fax 555-123-4567", vec![(Fax, false)]),
            ("jdoe@example.com", vec![(Email, true)]),
            ("Visit https://portal.example.com.", vec![(Url, false)]),
            ("See https://x.example.com/?p=1", vec![(Url, true)]),
            ("bit.ly/abc", vec![(Url, true)]),
            ("from 192.168.1.1", vec![(Ip, true)]),
            ("Poison: 1-800-222-1222", vec![(Phone, false)]),
        ] {
            assert_eq!(found(text, &none), expected, "{text}");
        }
    }

    #[test]
    fn with_context_only_what_is_known_passes() {
        use IdentifierKind::*;
        let context = Context {
            practice_phones: vec!["+15551234567".into()],
            hosts: vec!["example.com".into()],
            recipient_addresses: vec!["m@mail.test".into()],
            ..Context::default()
        };
        for (text, expected) in [
            ("Call (555) 123-4567", vec![(Phone, false)]),
            ("Call (555) 123-9999", vec![(Phone, true)]),
            ("portal.example.com/login", vec![(Url, false)]),
            ("evil-example.com/login", vec![(Url, true)]),
            ("m@mail.test", vec![(Email, false)]),
            ("n@mail.test", vec![(Email, true)]),
        ] {
            assert_eq!(found(text, &context), expected, "{text}");
        }
    }
}
