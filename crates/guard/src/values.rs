//! Numbers that reveal something by what stands beside them: measured values, doses, money.

use std::ops::Range;

use crate::assessment::Finding;
use crate::codes;
use crate::level::{Category, Level};
use crate::lexicon::{Lexicon, Role, TermHit};
use crate::terms::Text;
use crate::tokens::{Gap, Kind, Token};

/// What a rule of this file says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Says {
    pub(crate) category: Category,
    pub(crate) level: Level,
    pub(crate) rule: &'static str,
    pub(crate) reason: &'static str,
    pub(crate) suggestion: &'static str,
}

impl Says {
    pub(crate) const fn at(self, span: Range<usize>) -> Finding {
        Finding {
            span,
            category: self.category,
            level: self.level,
            rule: self.rule,
            reason: self.reason,
            suggestion: self.suggestion,
            ready: false,
        }
    }
}

pub(crate) const BY_PORTAL: &str = "Send it by portal, and ask the patient to call or sign in.";

const MEASURED: Says = Says {
    category: Category::LabResult,
    level: Level::Sensitive,
    rule: "lab_result.value",
    reason: "It states a measured value.",
    suggestion: BY_PORTAL,
};
const PRESSURE: Says = Says { rule: "vitals.blood_pressure", ..MEASURED };
const DOSE: Says = Says {
    category: Category::Medication,
    level: Level::Detail,
    rule: "medication.dose",
    reason: "It states a dose.",
    suggestion: "Leave the dose out; say “your medicine”.",
};
const AMOUNT: Says = Says {
    category: Category::Billing,
    level: Level::Detail,
    rule: "billing.amount",
    reason: "It states an amount of money.",
    suggestion: "Say only that the billing office asks for a call.",
};

/// How many words may stand between what is measured and its value.
const LINKS: usize = 8;
/// Words that make a frequency one of a medicine.
const TAKES: &[&str] = &[
    "take",
    "taking",
    "takes",
    "use",
    "using",
    "apply",
    "inject",
    "swallow",
    "dose",
    "doses",
    "pill",
    "pills",
    "tablet",
    "tablets",
    "med",
    "meds",
    "medicine",
    "medication",
    "inhale",
    "puffs",
    "tome",
    "tomar",
    "use",
    "aplique",
    "inyecte",
    "pastilla",
    "pastillas",
    "dosis",
    "medicina",
];

/// Adds a finding for each value in the text; spans are bytes of the folded text.
pub(crate) fn find(lexicon: &Lexicon, text: Text<'_>, hits: &[TermHit], out: &mut Vec<Finding>) {
    let scan = Scan { lexicon, text, hits };
    scan.analytes(hits, out);
    scan.frequencies(hits, out);
    for (at, token) in text.tokens.iter().enumerate() {
        match token.kind {
            Kind::Number => {
                scan.pressure(at, out);
                scan.compared(at, token, out);
                scan.counted(at, token, out);
            }
            Kind::Word if scan.is(token, Role::NumberWord) => {
                scan.counted(at, token, out);
                scan.spoken(at, token, out);
            }
            Kind::Sign if text.folded.byte(token.start) == b'$' => scan.dollars(at, token, out),
            _ => {}
        }
    }
    if text.folded.has_digit || text.folded.lower.contains(" code") {
        codes::find(text, out);
    }
}

#[derive(Clone, Copy)]
struct Scan<'a> {
    lexicon: &'a Lexicon,
    text: Text<'a>,
    hits: &'a [TermHit],
}

impl Scan<'_> {
    /// The sentence, or the one before it, speaks of games, weather, prices at a gate …
    fn is_elsewhere(&self, at: usize) -> bool {
        let Some(sentence) = self.token(at).map(|t| t.sentence) else { return false };
        let near = |hit: &&TermHit| {
            self.token(hit.last)
                .is_some_and(|t| t.sentence == sentence || t.sentence.saturating_add(1) == sentence)
        };
        let role = |hit: &TermHit| self.lexicon.group(hit.group).map(|g| g.role);
        self.hits.iter().filter(near).any(|hit| role(hit) == Some(Role::Elsewhere))
    }

    fn token(&self, at: usize) -> Option<&Token> {
        self.text.tokens.get(at)
    }

    fn word(&self, at: usize) -> &str {
        self.token(at).map_or("", |t| self.text.folded.slice(t.span()))
    }

    fn before(&self, at: usize) -> &str {
        at.checked_sub(1).map_or("", |b| self.word(b))
    }

    fn is(&self, token: &Token, role: Role) -> bool {
        (token.roles | self.lexicon.words.roles(token.stem)) & role.bit() != 0
    }

    /// "Your A1c came back at 7.2", "LDL 160", "tu azúcar está en 250".
    fn analytes(&self, hits: &[TermHit], out: &mut Vec<Finding>) {
        let mut covered = 0_usize;
        for hit in hits {
            let Some(group) = self.lexicon.group(hit.group).filter(|g| g.role == Role::Analyte)
            else {
                continue;
            };
            // Sorted longest first: "PHQ" within "PHQ-9" has no value of its own.
            if hit.end <= covered {
                continue;
            }
            covered = hit.end;
            let span = match (self.value_behind(hit.last), self.value_before(hit)) {
                (Some(end), _) => hit.start..end,
                (None, Some(start)) => start..hit.end,
                (None, None) => continue,
            };
            if group.category != Category::Billing || !self.is_elsewhere(hit.last) {
                out.extend(group.findings(&span));
            }
        }
    }

    fn value_behind(&self, last: usize) -> Option<usize> {
        let mut at = last.saturating_add(1);
        let sentence = self.token(last)?.sentence;
        for steps in 0..LINKS {
            // "INR" as a subject, its value at the head of the text.
            let decimal = |t: &&Token| steps == 0 && self.text.folded.slice(t.span()).contains('.');
            let token = self.token(at).filter(|t| t.sentence == sentence || decimal(t))?;
            match token.kind {
                Kind::Number if self.is_quantity(at, token) => {
                    let hour = self.before(at) == "at" && token.end - token.start <= 2;
                    return (!hour || steps > 2).then(|| self.end_of_value(at, token));
                }
                Kind::Number => return None,
                Kind::Word if self.is(token, Role::NumberWord) => {
                    let loose = matches!(self.word(at.saturating_add(1)), "of" | "more" | "or");
                    let plain = matches!(self.word(at), "one" | "una" | "uno" | "once" | "half");
                    return (!(loose || plain && steps == 0)).then_some(token.end);
                }
                Kind::Word if self.is(token, Role::Link) => at = at.saturating_add(1),
                Kind::Sign => at = at.saturating_add(1),
                Kind::Word => return None,
            }
        }
        None
    }

    /// `7.2`, and the second half of `7.2 %`.
    fn end_of_value(&self, at: usize, token: &Token) -> usize {
        let next = self.token(at.saturating_add(1));
        let sign = next.filter(|t| self.text.folded.byte(t.start) == b'%' && t.gap <= Gap::Soft);
        sign.map_or(token.end, |t| t.end)
    }

    /// "a 9.1 A1c": only a number with a point stands before what it measures.
    fn value_before(&self, hit: &TermHit) -> Option<usize> {
        let at = self.text.tokens.partition_point(|t| t.start < hit.start).checked_sub(1)?;
        let token = self.token(at)?;
        let decimal = token.kind == Kind::Number
            && self.text.folded.slice(token.span()).contains('.')
            && self.is_quantity(at, token);
        decimal.then_some(token.start)
    }

    /// A number that is no time, date, telephone or house number.
    fn is_quantity(&self, at: usize, token: &Token) -> bool {
        let folded = self.text.folded;
        let after = folded.byte(token.end);
        let digit_follows = folded.byte(token.end.saturating_add(1)).is_ascii_digit();
        let joined = matches!(after, b':' | b'-') && digit_follows
            || after == b'/'
                && digit_follows
                && !(self.is_pressure(at) || self.is_acuity(at) || self.is_share(at));
        let next = self.word(at.saturating_add(1));
        let behind = at.checked_sub(1).and_then(|b| self.token(b));
        let joined_before = token.gap <= Gap::Soft
            && behind.is_some_and(|b| b.end < token.start && b.kind == Kind::Number)
            && matches!(folded.byte(token.start.saturating_sub(1)), b':' | b'/' | b'-');
        let half_of_day = matches!(next, "am" | "pm" | "oclock" | "o'clock" | "a" | "p")
            && (next.len() > 1
                || folded.slice(token.end..token.end + 4).contains(".m")
                || folded.byte(token.end.saturating_add(2)) == b'.');
        let ordinal = matches!(next, "st" | "nd" | "rd" | "th");
        token.end - token.start <= 8 && !joined && !joined_before && !half_of_day && !ordinal
    }

    /// `20/40`: no month has such a number.
    fn is_acuity(&self, at: usize) -> bool {
        self.number(at) == Some(20)
            && self.number(at.saturating_add(1)).is_some_and(|n| n >= 15 && n.is_multiple_of(5))
    }

    /// `22/30` and `40/2.1`: neither a month and a day nor a day and a month.
    fn is_share(&self, at: usize) -> bool {
        const MONTHS: u32 = 12;
        let next = at.saturating_add(1);
        self.number(at).is_some_and(|n| n > MONTHS)
            && (self.number(next).is_some_and(|n| n > MONTHS) || self.word(next).contains('.'))
    }

    /// "7.4 this time, was 8.1": two values set against each other.
    fn compared(&self, at: usize, token: &Token, out: &mut Vec<Finding>) {
        let decimal = |t: &Token| {
            let number = self.text.folded.slice(t.span());
            t.kind == Kind::Number
                && number.len() <= 5
                && number.bytes().filter(|&b| b == b'.').count() == 1
        };
        if !decimal(token) {
            return;
        }
        let behind = self.text.tokens.get(at.saturating_add(1)..).unwrap_or(&[]);
        let other =
            behind.iter().take(7).take_while(|t| t.sentence == token.sentence).position(decimal);
        let Some(between) = other.filter(|&n| n > 0) else { return };
        let compares = behind.iter().take(between).any(|t| {
            matches!(
                self.text.folded.slice(t.span()),
                "was" | "from" | "time" | "down" | "up" | "era" | "antes"
            )
        });
        let money = self.before(at) == "$" || self.is_elsewhere(at);
        if compares
            && !money
            && let Some(end) = behind.get(between).map(|t| t.end)
        {
            out.push(MEASURED.at(token.start..end));
        }
    }

    fn number(&self, at: usize) -> Option<u32> {
        let token = self.token(at).filter(|t| t.kind == Kind::Number)?;
        self.text.folded.slice(token.span()).parse().ok()
    }

    /// `120/80`, `120 over 80`: the first is too large for a month.
    fn is_pressure(&self, at: usize) -> bool {
        let Some(upper) = self.number(at).filter(|upper| (70..=260).contains(upper)) else {
            return false;
        };
        let next = at.saturating_add(1);
        let (second, joined) = match self.word(next) {
            "over" | "sobre" => (next.saturating_add(1), true),
            _ => {
                let end = self.token(at).map_or(0, |t| t.end);
                let start = self.token(next).map_or(0, |t| t.start);
                (next, self.text.folded.slice(end..start).trim() == "/")
            }
        };
        let Some(lower) = self.number(second) else { return false };
        let after = self.token(second).map_or(b' ', |t| self.text.folded.byte(t.end));
        joined && (35..=150).contains(&lower) && upper > lower && after != b'/'
    }

    /// "One seventy over a hundred and two", "eleven point four".
    fn spoken(&self, at: usize, token: &Token, out: &mut Vec<Finding>) {
        let ahead = |by: usize| at.saturating_add(by);
        let is_number = |at: usize| {
            self.token(at).is_some_and(|t| {
                t.sentence == token.sentence
                    && (t.kind == Kind::Number || self.is(t, Role::NumberWord))
            })
        };
        let says = match self.word(ahead(1)) {
            "over" | "sobre" => {
                let tens = at.checked_sub(1).is_some_and(is_number);
                let second = if self.word(ahead(2)) == "a" { 3 } else { 2 };
                (tens && is_number(ahead(second))).then_some((PRESSURE, ahead(second)))
            }
            "point" | "punto" => {
                let far = matches!(
                    self.word(ahead(3)),
                    "mile" | "miles" | "stars" | "km" | "k" | "hours" | "million" | "millas"
                );
                (is_number(ahead(2)) && !far).then_some((MEASURED, ahead(2)))
            }
            _ => None,
        };
        if let Some((says, last)) = says
            && let Some(end) = self.token(last).map(|t| t.end)
            && !self.is_elsewhere(at)
        {
            out.push(says.at(token.start..end));
        }
    }

    fn pressure(&self, at: usize, out: &mut Vec<Finding>) {
        if !self.is_pressure(at) || self.is_elsewhere(at) {
            return;
        }
        let second =
            if matches!(self.word(at.saturating_add(1)), "over" | "sobre") { 2 } else { 1 };
        let (Some(first), Some(last)) = (self.token(at), self.token(at.saturating_add(second)))
        else {
            return;
        };
        out.push(PRESSURE.at(first.start..last.end));
    }

    /// A number and its unit: `130 mg/dl`, `10mg`, `two puffs`, `forty five dollars`.
    fn counted(&self, at: usize, token: &Token, out: &mut Vec<Finding>) {
        let mut next = at.saturating_add(1);
        // "1 or 2 tablets", "10-20 mg": the last number counts.
        if self.word(next) == "per" {
            next = next.saturating_add(1);
        }
        let Some(unit) = self.token(next).filter(|t| t.gap <= Gap::Soft) else { return };
        if self.is(unit, Role::MoneyUnit) {
            if !self.is_elsewhere(at) {
                out.push(AMOUNT.at(token.start..unit.end));
            }
            return;
        }
        if !self.is(unit, Role::DoseUnit)
            && !self.is(unit, Role::LabUnit)
            && !matches!(
                self.word(next),
                "mmol"
                    | "miu"
                    | "meq"
                    | "ng"
                    | "pg"
                    | "mm"
                    | "g"
                    | "iu"
                    | "ml"
                    | "u"
                    | "cells"
                    | "mu"
                    | "umol"
            )
        {
            return;
        }
        let per =
            self.text.folded.byte(unit.end) == b'/' || self.word(next.saturating_add(1)) == "per";
        let whole = self.token(next.saturating_add(1));
        if per
            && let Some(whole) = whole
            && matches!(
                self.text.folded.slice(whole.span()),
                "dl" | "l" | "ml" | "mm3" | "ul" | "hg" | "min" | "deciliter" | "liter" | "per"
            )
        {
            out.push(MEASURED.at(token.start..whole.end));
        } else if self.is(unit, Role::LabUnit) {
            out.push(MEASURED.at(token.start..unit.end));
        } else if self.is(unit, Role::DoseUnit) {
            out.push(DOSE.at(token.start..unit.end));
        }
    }

    fn dollars(&self, at: usize, sign: &Token, out: &mut Vec<Finding>) {
        if let Some(number) = self.token(at.saturating_add(1))
            && number.kind == Kind::Number
            && number.gap <= Gap::Soft
        {
            let free =
                self.text.folded.slice(number.span()).bytes().all(|b| matches!(b, b'0' | b'.'));
            if !free && !self.is_elsewhere(at) {
                out.push(AMOUNT.at(sign.start..number.end));
            }
        }
    }

    /// "BID" by itself, "twice a day" beside taking something.
    fn frequencies(&self, hits: &[TermHit], out: &mut Vec<Finding>) {
        for hit in hits {
            if self.lexicon.group(hit.group).is_none_or(|g| g.role != Role::Frequency) {
                continue;
            }
            let Some(token) = self.token(hit.last) else { continue };
            let latin =
                hit.end.saturating_sub(hit.start) <= 5 && self.text.folded.is_capital(hit.start);
            let taken = self
                .text
                .tokens
                .iter()
                .filter(|t| t.sentence == token.sentence)
                .any(|t| TAKES.contains(&self.text.folded.slice(t.span())));
            if latin || taken {
                out.push(DOSE.at(hit.start..hit.end));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::Context;
    use crate::guard::by_rules;

    fn rules(text: &str) -> Vec<&'static str> {
        by_rules(text, &Context::default()).findings.iter().map(|f| f.rule).collect()
    }

    #[test]
    fn each_value_is_found() {
        for (text, rule) in [
            ("Your A1c is 7.2", "lab_result.value"),
            ("your LDL is 160", "lab_result.value"),
            ("TSH 4.5", "lab_result.value"),
            ("K 5.9 today", "lab_result.value"),
            ("su azúcar está en 250", "lab_result.value"),
            ("your a1c is seven point two", "lab_result.value"),
            ("BP was 150/95", "vitals.blood_pressure"),
            ("it was 150 over 95", "vitals.blood_pressure"),
            ("your weight was 210", "vitals.value"),
            ("PHQ-9 score of 14", "mental_health.score"),
            ("potassium 5.9", "lab_result.value"),
            ("mmse 22/30", "score.value"),
            ("bun/cr 40/2.1", "lab_result.value"),
            ("it was 130 mg/dl", "lab_result.value"),
            ("take 20 mg at night", "medication.dose"),
            ("10mg BID", "medication.dose"),
            ("two tablets at night", "medication.dose"),
            ("two puffs twice a day", "medication.dose"),
            ("you owe $45.50", "billing.amount"),
            ("forty five dollars", "billing.amount"),
        ] {
            assert!(rules(text).contains(&rule), "{text}: {:?}", rules(text));
        }
    }

    #[test]
    fn ordinary_numbers_are_not_values() {
        for text in [
            "at 3:30 pm on 5/12",
            "suite 210, floor 2",
            "call 555-0100",
            "room 125",
            "One of us will call at 4",
            "24/7",
        ] {
            assert_eq!(rules(text), Vec::<&str>::new(), "{text}");
        }
        assert!(!rules("moca 5/12 at 3").contains(&"score.value"), "a day");
    }
}
