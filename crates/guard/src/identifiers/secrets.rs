//! Passwords, PINs and user names as people give them: `ur portal pw is Maple!Tree88`, `capital T,
//! trumpet, seven seven`, `log in with Pelican-Lamp-88`. What opens an account is level 4; a code
//! that expires in minutes, and what opens a door or the guest network, is nobody's.

use std::ops::Range;

use super::number_rules::{PASSWORD, number};
use super::words::Words;
use super::{Inventory, Reading, What, cue_before, cues};
use crate::level::IdentifierKind;
use crate::shapes::{Shape, values};

#[derive(Debug)]
pub(super) struct Secrets {
    /// `'Pickle9Jar' was your password`.
    before_its_cue: Shape,
    /// On the writer's capitals, behind the cue. The value is the last group.
    written: Shape,
    /// Behind words that give a way in, where the value must look like nothing else.
    way_in: Shape,
    spoken: Shape,
    pin: Shape,
    spoken_pin: Shape,
    user: Shape,
}

/// The secret opens a door or a network.
const HARMLESS: &[&str] = &[
    "wifi", "wi-fi", "guest", "network", "lobby", "elevator", "gate", "garage", "restroom",
    "bathroom", "meeting", "webinar",
];
/// Digits that live for minutes.
const SHORT_LIVED: &[&str] = &[
    "minute",
    "mins",
    "second",
    "expire",
    "expira",
    "one-time",
    "one time",
    "vence",
    "video visit",
];
/// … unless it is said to open what is the patient's own.
const ACCOUNT: &[&str] = &["portal", "account", "chart", "acct", "cuenta", "records", "proxy"];

impl Secrets {
    pub(super) fn new() -> Self {
        // A letter, and a digit or sign among the rest.
        let strong = r"((?:[A-Za-z]+[0-9#$!_&*%+][A-Za-z0-9#$!_&*%+-]*|[0-9]+[A-Za-z]{3,}[A-Za-z0-9#$!_&*%+-]*|[A-Za-z]+(?:-[A-Za-z0-9]+){1,3}-[A-Za-z0-9]+|[A-Za-z]+-\d{2,}(?:-[A-Za-z]+)?)[A-Za-z0-9#$!_&*%]|[A-Za-z]{4,}[#$!_&*%]?\d+\b)";
        let cue = r"(?i-u:pass ?words?|passcodes?|pass ?wrd|passwd|pasword|pasword|passwrd|pswd|pwd|pw|pass ?[=:]|passphrase|contrasena|clave|log-?in|log-?on|secret|acct key|account key)";
        Self {
            written: Shape::new(format!(
                r#"\b{cue}(?:'s)?[^.?!a-z][^.?!]{{0,60}}?(?:[ "':=(/]|\. )?["']?\b{strong}"#
            )),
            before_its_cue: Shape::new(format!(
                r#"["'( ]{strong}["']? (?i-u:was|is|as|for) (?i-u:your|ur|yr|the) (?i-u:new |temporary |temp |portal )?(?i-u:password|passcode|pw|pass)\b"#
            )),
            way_in: Shape::new(
                r#"(?i-u:\b(?:sign|log|logged) ?-?(?:in|on)\b|\bto get in\b|\bget you in\b|\blocking you out\b|\blocked you out\b|\breset you\b|\bsign-in\b)[^?]{0,60}?[ "':=/](["']?(?:[A-Z][A-Za-z]*[#$!&*%_+][A-Za-z0-9#$!&*%_]+|[A-Z][a-z]{2,}\d{2,}[#$!&*%]?|[A-Z][a-z]+-[A-Z][a-z]+-\d+|[a-z0-9]+[#$!&*%][A-Za-z0-9#$!&*%]+))"#,
            ),
            spoken: Shape::new(
                r#"\b(?:pass ?word|pass ?code|contrasena|clave)(?:'s| for your [a-z ]{3,20})?\b[^.?!]{0,44}(?:[.:,] (?:it's |its )?|\b(?:is|es|as|password|que es)[,:]? |'s )((?:(?:[a-z]+|[a-z]+-[a-z]+)[ ,-]{1,3}){0,10}?(?:capital|lower case|all small|one word|con mayuscula|dollar sign|pound|exclamation|signo|dash|underscore|(?:one|two|three|four|five|six|seven|eight|nine|oh|zero)[ ,]{1,2}(?:one|two|three|four|five|six|seven|eight|nine|oh|zero)\b)|"[a-z ]{4,40},?")"#,
            ),
            pin: Shape::new(r"\b(?:pin|nip)\b[^.?!0-9]{0,44}?[ :=](\d{4,8})\b"),
            spoken_pin: Shape::new(
                r"\b(?:pin|nip)\b[^.?!0-9]{0,60}?[ ,]((?:(?:one|two|three|four|five|six|seven|eight|nine|oh|zero|uno|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|cero)[ ,]{1,2}){3,7}(?:one|two|three|four|five|six|seven|eight|nine|oh|zero|uno|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|cero))\b",
            ),
            user: Shape::new(
                r"\b(?:user ?name|usuario|user id|log-?in|the name you log in with|unlocked|login name)\b(?: (?:para|for|del?|of|to|on) (?:el |la |your |the |ur )?[a-z]{2,12})?(?:[?.]? it's |[ :=]{1,3}(?:is |es )?(?:all small letters, )?)((?:[a-z][a-z0-9]*[._-])?[a-z]*[a-z._-]\d{1,4}\b|[a-z]+[._][a-z][a-z0-9._]*[a-z0-9]|(?:[a-z],? )?[a-z]+,? (?:then (?:the )?(?:numbers? )?)?(?:one|two|three|four|five|six|seven|eight|nine)\b)",
            ),
        }
    }

    pub(super) fn find(&self, reading: Reading<'_>, words: &Words, out: &mut Inventory) {
        let folded = reading.folded;
        let lower = folded.lower.as_str();
        let named = words.roles & cues::SECRET != 0;
        if !named && words.roles & cues::WAY_IN == 0 && !lower.contains("get in") {
            return;
        }
        // What the cued rules took for a password may be none: "Guest wifi …, passcode …".
        out.findings.retain(|f| {
            let digits = !folded.slice(f.span.clone()).bytes().any(|b| b.is_ascii_alphabetic());
            let none = is_harmless(reading, &f.span) || digits && is_short_lived(reading, &f.span);
            f.rule != PASSWORD.rule || !none
        });
        let lasts = |span: &Range<usize>| !is_short_lived(reading, span);
        let cased = folded.cased.as_bytes();
        if folded.has_digit || folded.holds(b'-') || folded.holds(b'!') || folded.holds(b'#') {
            take(values(&self.written, cased), &PASSWORD, reading, out);
            take(values(&self.before_its_cue, cased), &PASSWORD, reading, out);
            let apart = |span: &Range<usize>| !is_in_a_link(lower, span.start);
            take(values(&self.way_in, cased).filter(apart), &PASSWORD, reading, out);
        }
        if folded.has_digit {
            take(values(&self.pin, lower.as_bytes()).filter(lasts), &PASSWORD, reading, out);
        }
        if lower.contains("pass") || lower.contains("contrasena") || lower.contains("clave") {
            take(values(&self.spoken, lower.as_bytes()), &PASSWORD, reading, out);
        }
        if words.roles & cues::DIGIT_WORD != 0 {
            take(values(&self.spoken_pin, lower.as_bytes()).filter(lasts), &PASSWORD, reading, out);
        }
        let user = number("identifier.user_name", "It is a user name.");
        take(values(&self.user, lower.as_bytes()), &user, reading, out);
    }
}

/// The secret opens a door or a network. Words in another sentence say so only of a secret that is
/// not called the patient's.
fn is_harmless(reading: Reading<'_>, span: &Range<usize>) -> bool {
    let folded = reading.folded;
    let own = reading.sentence(span.start);
    let yours = cue_before(folded, own.end, own.len(), &["your", "ur", "yr", "su", "tu"]);
    let near = if yours { own } else { reading.neighbourhood(span.start) };
    let near = folded.slice(near);
    let says = |words: &[&str]| words.iter().any(|word| near.contains(word));
    says(HARMLESS) && !says(ACCOUNT)
}

/// It is a piece of a link, whose letters may be chance: "Sign in: https://a.example/w/Tim25BqYD2".
/// A link is looked back into so far as one is long, so that a text without spaces takes no longer.
fn is_in_a_link(lower: &str, at: usize) -> bool {
    let from = lower.floor_char_boundary(at.saturating_sub(LONGEST_LINK));
    let before = lower.get(from..at).unwrap_or_default();
    let piece = before.rsplit(|c: char| c.is_whitespace()).next().unwrap_or_default();
    piece.contains("://") || piece.contains("www.")
}

const LONGEST_LINK: usize = 200;

/// It lives for minutes, as the same sentence says or one beside it.
fn is_short_lived(reading: Reading<'_>, span: &Range<usize>) -> bool {
    let near = reading.folded.slice(reading.neighbourhood(span.start));
    SHORT_LIVED.iter().any(|word| near.contains(word))
}

fn take(
    spans: impl Iterator<Item = Range<usize>>,
    what: &What,
    reading: Reading<'_>,
    out: &mut Inventory,
) {
    let folded = reading.folded;
    for span in spans {
        let text = folded.slice(span.clone());
        let plain = ["sign-in", "log-in", "check-in", "add-on"].contains(&text);
        let address = text.contains('@') || matches!(folded.byte(span.end), b'@' | b'/');
        let joined = folded.byte(span.end) == b'.'
            && folded.byte(span.end.saturating_add(1)).is_ascii_lowercase();
        if !plain && !address && !joined && !is_harmless(reading, &span) && out.is_free(&span) {
            out.add(span.clone(), IdentifierKind::Other);
            out.add_finding(span, what);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::Context;
    use crate::guard::by_rules;

    fn level(text: &str) -> u8 {
        u8::from(by_rules(text, &Context::default()).level)
    }

    #[test]
    fn secrets_that_open_an_account() {
        for text in [
            "ur portal pasword is Cedar!Moss41",
            "temp login is jbrand / Finch#27 , change after",
            "portal pw i set 4 u = greenfrog9",
            "Your temporary password is capital T, tulip, two two, pound.",
            "The passcode for your account is red, owl, nine nine four.",
            "Log in with Basket-Lamp-61 as the password today only.",
            "ur acct login pin = 5520, works on the app",
            "To hear your account by phone, use the PIN I made, four one six six, then pound.",
            "su contraseña nueva es Nopal_71, entre y cámbiela",
            "your account pin got reset to 0147",
            "The gate is open again. Your password is Cedar!Moss41",
            "Your PIN is 4821. Come by. The bus is two minutes away.",
        ] {
            assert_eq!(level(text), 4, "{text}");
        }
        for text in
            ["You forgot your login? It's mvargas_31.", "su usuario para el portal es rosa.lm22"]
        {
            assert_eq!(level(text), 3, "{text}");
        }
        for text in [
            "We will never ask for your password or PIN.",
            "Guest wifi is OakGuest, passcode maple55. Enjoy",
            "Passcode 1 4 7 2 2 9 good for the next 60 seconds",
            "Elevator needs PIN 2214 after 6pm",
            "Forgot your password? Use the link on the sign-in page, portal.example.com.",
            "Log in to the portal to see your check-in form.",
            "Your parking pass is good until 12-31.",
            "Your login will change at 5pm. Sign in again after that.",
            "It is ready. Sign in to see it:\nhttps://portal.example/w/Cuuua13UwsJT9xGmrjQzTr",
            "Sign in: https://portal.example/w/Tim25BqYD2dTFTEkWtK82i or call us.",
            "Log in at www.portal.example/w/Boar486Ah8qNjacGGsACnB",
        ] {
            assert_eq!(level(text), 0, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn the_letters_of_a_link_are_no_password(token in "[1-9A-HJ-NP-Za-km-z]{22}") {
            let text = format!("It is ready. Sign in to see it:\nhttps://portal.example/w/{token}\nThank you.");
            proptest::prop_assert_eq!(level(&text), 0);
        }
    }
}
