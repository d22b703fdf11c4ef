//! The rules every template keeps, checked when it is loaded (RULEBOOK §12, §5.9, §11).

use gate::{Channel, Content, Kind, Language};
use guard::{Context, Level};
use jiff::tz::TimeZone;
use smpp::segment::{self, Encoding};

use super::kinds::{self, Rules};
use super::template::Piece;
use super::variable::{Values, Variable, hidden};
use super::{Template, Templates, grade, render};
use crate::portal::link;

/// A rule that a template breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The template's name.
    pub template: String,
    /// The rule's stable name.
    pub rule: &'static str,
    /// What is wrong, and what to do.
    pub because: String,
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}: {}", self.template, self.rule, self.because)
    }
}

/// The longest plausible values, with which lengths are counted.
#[derive(Debug, Clone)]
pub struct Samples {
    /// The practice's display name.
    pub practice: String,
    /// Its number, as printed.
    pub phone: String,
    /// Its portal.
    pub portal_url: String,
    /// A place of the practice.
    pub site: String,
    /// Its hours in English.
    pub hours: String,
    /// Its hours in Spanish.
    pub hours_spanish: String,
}

impl Default for Samples {
    fn default() -> Self {
        Self {
            practice: "Harborview Family Health".to_owned(),
            phone: "(202) 555-0123".to_owned(),
            portal_url: "https://portal.harborview.example".to_owned(),
            site: "Northgate Health Center".to_owned(),
            hours: "Mon-Fri 8:30 am-5:30 pm".to_owned(),
            hours_spanish: "lun-vie 8:30 a. m.-5:30 p. m.".to_owned(),
        }
    }
}

/// As long as first names plausibly are, in the alphabet of texts.
const LONG_NAME: &str = "Christopher";
/// One that needs UCS-2, where a part holds less than half.
const LONG_NAME_UCS2: &str = "Sebastián";
/// A text with such a name may take this many parts: what the gate's cap allows.
const MOST_SEGMENTS_UCS2: usize = 3;

impl Samples {
    fn values(&self, name: &str) -> Option<Values> {
        // Half past noon on the last Wednesday of a December: no date and time is longer.
        let at = "2026-12-30T17:30:00Z".parse().ok()?;
        let link = format!("{}/f/0123456789abcdefghijkl", self.portal_url);
        Values::new()
            .when(at, &TimeZone::get("America/New_York").ok()?, false)
            .set(Variable::FirstName, name)
            .ok()?
            .set(Variable::Practice, &*self.practice)
            .ok()?
            .set(Variable::Phone, &*self.phone)
            .ok()?
            .set(Variable::AltPhone, &*self.phone)
            .ok()?
            .set(Variable::Site, &*self.site)
            .ok()?
            .set(Variable::ClinicianSurname, "Featherstonehaugh")
            .ok()?
            // As it goes to a patient: with a token of its own.
            .set(Variable::PortalUrl, format!("{}/w/{}", self.portal_url, "0".repeat(link::LENGTH)))
            .ok()?
            .set(Variable::Link, link)
            .ok()?
            .set(Variable::Code, "00000000")
            .ok()?
            .set(Variable::Minutes, "10")
            .ok()?
            .hours(&*self.hours, &*self.hours_spanish)
            .ok()
    }

    fn context(&self, name: &str) -> Context {
        let host = self.portal_url.split("://").nth(1).unwrap_or_default();
        let host = host.split(['/', ':']).next().unwrap_or_default();
        Context {
            practice_names: vec![self.practice.clone()],
            places: vec![self.site.clone()],
            practice_phones: vec![self.phone.chars().filter(char::is_ascii_digit).collect()],
            hosts: vec![host.to_owned()],
            clinicians: vec!["Featherstonehaugh".to_owned()],
            recipient_names: vec![name.to_owned()],
            ..Context::default()
        }
    }
}

/// A text with the values of somebody made up, and what the guard sees in it.
#[derive(Debug)]
pub struct Sample {
    /// The words.
    pub content: Content,
    /// What they reveal.
    pub seen: guard::Assessment,
}

/// The first name in a [`Sample`].
const SAMPLE_NAME: &str = "Maria";

/// How a template reads with values in place; none where a value has no place or a place no value.
/// `templates` must hold it.
#[must_use]
pub fn sample(templates: &Templates, template: &Template, samples: &Samples) -> Option<Sample> {
    let content = rendered(templates, template, samples, SAMPLE_NAME)?;
    let context = Context { fields: content.fields.clone(), ..samples.context(SAMPLE_NAME) };
    let seen = guard::check(&content.body, &context);
    Some(Sample { content, seen })
}

/// Every rule that `template` breaks. `templates` must hold it.
#[must_use]
pub fn check(templates: &Templates, template: &Template, samples: &Samples) -> Vec<Broken> {
    let Some(rules) = kinds::rules(template.key.kind) else { return Vec::new() };
    let mut found = Found { template, broken: Vec::new() };
    places(&mut found, rules);
    shape(&mut found);
    words(&mut found, rules);
    for (name, most) in [
        (LONG_NAME, rules.max_segments),
        (LONG_NAME_UCS2, rules.max_segments.max(MOST_SEGMENTS_UCS2)),
    ] {
        match rendered(templates, template, samples, name) {
            Some(content) => with_values(&mut found, &content, samples.context(name), most),
            None => found.add(
                "values",
                "cannot be rendered with sample values; shorten the \
                practice's own name, number or address",
            ),
        }
    }
    found.broken.dedup();
    found.broken
}

struct Found<'a> {
    template: &'a Template,
    broken: Vec<Broken>,
}

impl Found<'_> {
    fn add(&mut self, rule: &'static str, because: impl Into<String>) {
        let template = self.template.key.name();
        self.broken.push(Broken { template, rule, because: because.into() });
    }
}

fn rendered(
    templates: &Templates,
    template: &Template,
    samples: &Samples,
    name: &str,
) -> Option<Content> {
    let values = samples.values(name)?.only(kinds::rules(template.key.kind)?.allowed);
    let key = template.key;
    render(templates, key.kind, key.channel, key.language, &values.variant(key.variant)).ok()
}

/// Which variables stand in it.
fn places(found: &mut Found<'_>, rules: Rules) {
    let places: Vec<_> = found.template.places().collect();
    for variable in &places {
        if !rules.allowed.contains(variable) {
            found.add(
                "allowed",
                format!("`{{{}}}` may not stand in this kind; take it out", variable.as_str()),
            );
        }
    }
    for variable in rules.required {
        if !places.contains(variable) {
            let because = format!("`{{{}}}` must stand in it", variable.as_str());
            found.add("required", because);
        }
    }
    let subject = found.template.subject.clone().unwrap_or_default();
    if subject.iter().any(|piece| matches!(piece, Piece::Place(v) if *v != Variable::Practice)) {
        found.add("subject", "a subject may hold `{practice}` and no other variable (EML-03)");
    }
}

/// Subject where there must be one, no hidden characters, nothing that is not text.
fn shape(found: &mut Found<'_>) {
    let template = found.template;
    let is_sms = template.key.channel == Channel::Sms;
    match (&template.subject_source, is_sms) {
        (Some(_), true) => found.add("subject", "a text message has no subject"),
        (None, false) => found.add("subject", "an email needs a subject"),
        (Some(subject), false) if subject.chars().any(hidden) => {
            found.add("characters", "the subject holds a control or invisible character");
        }
        _ => {}
    }
    let line_break = |c: char| c == '\n' && !is_sms;
    if template.body_source.chars().any(|c| hidden(c) && !line_break(c)) {
        found.add("characters", "the body holds a control or invisible character");
    }
    if template.body_source.trim().is_empty() {
        found.add("characters", "the body is empty");
    }
    if is_sms && Encoding::of(&literals(template)) != Encoding::Gsm7 {
        let odd: String = literals(template)
            .chars()
            .filter(|c| Encoding::of(&c.to_string()) != Encoding::Gsm7)
            .collect();
        found.add("gsm7", format!("`{odd}` would halve what fits a text message; reword it"));
    }
}

fn literals(template: &Template) -> String {
    let text = |piece: &Piece| match piece {
        Piece::Text(text) => text.clone(),
        Piece::Place(_) => "it".to_owned(),
    };
    template.body.iter().map(text).collect()
}

/// Words that carriers act on, and that must or may not be printed.
const NEVER_ASKED_FOR: [&str; 9] =
    ["CANCEL", "END", "QUIT", "YES", "REVOKE", "UNSUBSCRIBE", "CANCELAR", "FIN", "SI"];

/// What it says and does not say.
fn words(found: &mut Found<'_>, rules: Rules) {
    let template = found.template;
    let key = template.key;
    let text = literals(template);
    let is_sms = key.channel == Channel::Sms;
    let way_out = match (key.channel, key.language) {
        (Channel::Sms, Language::English) => Some("STOP ends texts"),
        (Channel::Sms, Language::Spanish) => Some("STOP para "),
        (Channel::Email, Language::English) => Some("To stop these emails"),
        (Channel::Email, Language::Spanish) => Some("Para no recibir más"),
        _ => None,
    };
    // Portal security mail and the risk warning are part of care, not of a programme, by email.
    let programme = rules.programme
        && (is_sms || !matches!(key.kind, Kind::SecureMessageNotice | Kind::RiskWarning));
    if let Some(way_out) = way_out.filter(|way_out| programme && !text.contains(way_out)) {
        found.add("opt_out", format!("must say how to stop: \"{way_out}…\" (RULEBOOK §5.9)"));
    }
    for must in rules.must_say {
        if !text.contains(must) {
            found.add("must_say", format!("must say \"{must}\""));
        }
    }
    let capitals = |word: &&&str| text.split(|c: char| !c.is_alphabetic()).any(|w| w == **word);
    if let Some(word) = NEVER_ASKED_FOR.iter().find(capitals).filter(|_| is_sms) {
        found.add(
            "reply_words",
            format!(
                "\"{word}\" is a command to carriers (TEL-16, TEL-17); \
            use C, R and X"
            ),
        );
    }
    let keys = ["C = ", "R = ", "X = "].map(|key| text.contains(key));
    if keys != [rules.reply_keys && is_sms; 3] {
        found.add(
            "reply_keys",
            "C, R and X stand together, in text reminders and nowhere else (RULEBOOK §12)",
        );
    }
    if text.contains("://") || text.contains("www.") {
        found.add("links", "a link is a variable, never part of the text (EML-08)");
    }
    let digits = |run: &str| run.chars().filter(char::is_ascii_digit).count();
    let number = text
        .replace("1-800-222-1222", "")
        .split(|c: char| !c.is_ascii_digit() && !"-. ()".contains(c))
        .any(|run| digits(run) >= 7);
    if number {
        found.add("numbers", "a phone number is a variable, never part of the text");
    }
    if let Some(because) = grade::too_hard(&text, key.language) {
        found.add("grade", format!("{because}; use shorter words and sentences (ACC-06)"));
    }
}

/// What it reveals and costs with values in place.
fn with_values(found: &mut Found<'_>, content: &Content, context: Context, most: usize) {
    let declared = found.template.max_level;
    let context = Context { fields: content.fields.clone(), ..context };
    let body = guard::check(&content.body, &context);
    if body.level > declared {
        let rules: Vec<_> = body.findings.iter().map(|finding| finding.rule).collect();
        found.add(
            "level",
            format!(
                "reveals level {} by {}, and {} is declared; reword it",
                u8::from(body.level),
                rules.join(", "),
                u8::from(declared)
            ),
        );
    }
    if let Some(subject) = &content.subject {
        let context = Context { fields: Vec::new(), ..context };
        if guard::check(subject, &context).level > Level::Administrative {
            found.add("subject", "says more than level 0, and a subject is read by all (EML-03)");
        }
        if subject.chars().count() > 78 {
            found.add("subject", "is longer than 78 characters (RFC 5322 2.1.1)");
        }
    }
    if found.template.key.channel == Channel::Sms {
        let parts = segment::count(&content.body).parts;
        if parts > most {
            let because =
                format!("needs {parts} parts with long values, and {most} is the most; shorten it");
            found.add("segments", because);
        }
    } else if content.body.chars().count() > 2_000 {
        found.add("length", "is longer than 2000 characters; shorten it");
    }
}
