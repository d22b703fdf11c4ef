//! What does a patient's text want? The names are the public contract's (DESIGN §5), the order of
//! several is RULEBOOK TEL-19.

use serde::{Deserialize, Serialize};

use super::intent_phrases::{
    ADMIN, ASKING, CLINICAL_QUESTION, CONFIRM, CONFIRM_ALONE, DECLINE, DECLINE_ALONE, HELP,
    HELP_ALONE, LOGISTICS, NOT_CONFIRM, OPT_IN, OPT_IN_ALONE, REASON, RESCHEDULE, WRONG_NUMBER,
};
use super::words::{Pattern, Words};
use super::{emergency, revocation};

/// What a text wants. Ordered: the more urgent first (TEL-19).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intent {
    /// Danger to life (§13).
    Emergency,
    /// The number is not the patient's.
    WrongNumber,
    /// No more messages (TEL-10, TEL-11).
    OptOut,
    /// Messages again (TEL-18).
    OptIn,
    /// A question or complaint about health.
    QuestionClinical,
    /// Another time for the appointment, or late for it.
    Reschedule,
    /// Will not come.
    DeclineOrCancel,
    /// Will come.
    Confirm,
    /// Who is this, and how do I get help.
    Help,
    /// Any other question.
    QuestionAdmin,
    /// Thanks, and nothing else.
    Thanks,
    /// None of these.
    Other,
}

/// A text that is one reserved word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keyword {
    /// The STOP family.
    Stop,
    /// Bare CANCEL, END or QUIT: an opt-out, and a task about the appointment (TEL-16).
    Cancel,
    /// START, UNSTOP, JOIN.
    Start,
    /// HELP, INFO.
    Help,
    /// C.
    Confirm,
    /// R.
    Reschedule,
    /// X.
    CannotCome,
}

/// How sure the reading is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Nothing was recognised, or only the form of a question.
    Guess,
    /// A known wording.
    Likely,
    /// The text is a reserved word.
    Exact,
}

/// What a text was read as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Most urgent first; never empty.
    pub intents: Vec<Intent>,
    /// The reserved word that the whole text is.
    pub exact_keyword: Option<Keyword>,
    /// The danger, when the first intent is an emergency.
    pub danger: Option<emergency::Family>,
    /// How sure.
    pub confidence: Confidence,
}

impl Reading {
    /// The intent to act on first.
    #[must_use]
    pub fn primary(&self) -> Intent {
        self.intents.first().copied().unwrap_or(Intent::Other)
    }
}

/// Reads one inbound text. Pure; linear in the text; never fails.
#[must_use]
pub fn classify(text: &str) -> Reading {
    let words = Words::new(text);
    let danger = emergency::find(text);
    let exact_keyword = keyword(text, &words);
    let mut intents: Vec<Intent> = danger.map(|_| Intent::Emergency).into_iter().collect();
    match exact_keyword {
        Some(keyword) => intents.push(keyword.intent()),
        None => intents.extend(wordings(text, &words, danger.is_some())),
    }
    intents.sort_unstable();
    intents.dedup();
    let confidence = match (exact_keyword, intents.first()) {
        (Some(_), _) => Confidence::Exact,
        (None, None | Some(Intent::Other | Intent::QuestionAdmin)) => Confidence::Guess,
        (None, Some(_)) => Confidence::Likely,
    };
    if intents.is_empty() {
        intents.push(Intent::Other);
    }
    Reading { intents, exact_keyword, danger, confidence }
}

impl Keyword {
    /// The intent that the word stands for.
    #[must_use]
    pub fn intent(self) -> Intent {
        match self {
            Self::Stop | Self::Cancel => Intent::OptOut,
            Self::Start => Intent::OptIn,
            Self::Help => Intent::Help,
            Self::Confirm => Intent::Confirm,
            Self::Reschedule => Intent::Reschedule,
            Self::CannotCome => Intent::DeclineOrCancel,
        }
    }
}

fn keyword(text: &str, words: &Words) -> Option<Keyword> {
    match revocation::find(text) {
        Some(revocation::Revocation::Keyword) => return Some(Keyword::Stop),
        Some(revocation::Revocation::AmbiguousKeyword) => return Some(Keyword::Cancel),
        Some(revocation::Revocation::Wording) | None => {}
    }
    Some(match words.joined().as_str() {
        "start" | "unstop" | "join" | "comenzar" | "iniciar" => Keyword::Start,
        "help" | "info" | "ayuda" => Keyword::Help,
        "c" => Keyword::Confirm,
        "r" => Keyword::Reschedule,
        "x" => Keyword::CannotCome,
        _ => return None,
    })
}

/// Words of so many letters may hold one slip.
const FORGIVE_FROM: usize = 6;

fn wordings(text: &str, words: &Words, in_danger: bool) -> Vec<Intent> {
    let says = |patterns: &[Pattern]| words.match_any(patterns, FORGIVE_FROM);
    let mut intents = Vec::new();
    if words.match_any(WRONG_NUMBER, 5) || denies_the_name(text) {
        intents.push(Intent::WrongNumber);
    }
    // CLIN-04: in danger, only a plain request to stop counts.
    if revocation::find(text).is_some() && !(in_danger && words.len() > 8) {
        intents.push(Intent::OptOut);
    }
    if words.are_only(OPT_IN_ALONE) || says(OPT_IN) {
        intents.push(Intent::OptIn);
    }
    let asks_when_free = says(RESCHEDULE);
    let declines =
        (words.are_only(DECLINE_ALONE) || says(DECLINE) || shows(text, words, &['👎', '❌']))
            && !intents.contains(&Intent::OptOut);
    if asks_when_free {
        intents.push(Intent::Reschedule);
    }
    if declines {
        intents.push(Intent::DeclineOrCancel);
    }
    let confirms = (words.are_only(CONFIRM_ALONE)
        || says(CONFIRM)
        || shows(text, words, &['👍', '✅', '👌', '✔']))
        && !says(NOT_CONFIRM)
        && !declines;
    if confirms {
        intents.push(Intent::Confirm);
    }
    if words.are_only(HELP_ALONE) || says(HELP) {
        intents.push(Intent::Help);
    }
    let settled = !intents.is_empty();
    if is_clinical(text, words, settled) {
        intents.push(Intent::QuestionClinical);
    } else if (!settled || confirms) && is_question(text, words) {
        intents.push(Intent::QuestionAdmin);
    }
    if says(&["thanks", "thank you", "gracias", "appreciate it|you|that"])
        || shows(text, words, &['🙏'])
    {
        intents.push(Intent::Thanks);
    }
    intents
}

/// "This isn't Maria", "I'm not Mr. Lee": a name, so a capital, follows the denial.
fn denies_the_name(text: &str) -> bool {
    let folded = guard::fold(text).replace('\'', "");
    let all_capitals = !text.chars().any(char::is_lowercase);
    let plain: Vec<&str> =
        folded.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty()).collect();
    let capitals: Vec<bool> = text
        .replace(['\'', '’'], "")
        .split(|c: char| !c.is_alphanumeric())
        .filter(|w| !w.is_empty())
        .map(|w| w.starts_with(char::is_uppercase))
        .collect();
    if all_capitals || capitals.len() != plain.len() {
        return false;
    }
    const DENIALS: &[&[&str]] = &[
        &["this", "is", "not"],
        &["this", "isnt"],
        &["im", "not"],
        &["i", "am", "not"],
        &["not"],
        &["no", "soy"],
        &["yo", "no", "soy"],
        &["i", "dont", "know"],
        &["there", "is", "no"],
        &["theres", "no"],
        &["no", "hay", "ninguna"],
        &["no", "conozco", "a"],
        &["esta", "no", "es"],
        &["este", "no", "es"],
        &["no", "es"],
    ];
    DENIALS.iter().any(|denial| {
        plain.windows(denial.len()).enumerate().any(|(at, window)| {
            let next = at.saturating_add(denial.len());
            let alone = denial.len() > 1 || at == 0;
            let name = plain.get(next).is_some_and(|w| !is_calendar_word(w) && *w != "i");
            window == *denial && alone && name && capitals.get(next) == Some(&true)
        })
    })
}

fn is_calendar_word(word: &str) -> bool {
    matches!(
        word,
        "monday"
            | "tuesday"
            | "wednesday"
            | "thursday"
            | "friday"
            | "saturday"
            | "sunday"
            | "january"
            | "february"
            | "march"
            | "april"
            | "may"
            | "june"
            | "july"
            | "august"
            | "september"
            | "october"
            | "november"
            | "december"
            | "lunes"
            | "martes"
            | "miercoles"
            | "jueves"
            | "viernes"
            | "ok"
            | "sure"
            | "today"
            | "tomorrow"
            | "until"
            | "dr"
            | "covid"
            | "english"
            | "spanish"
    )
}

/// A sign, alone or with a few words.
fn shows(text: &str, words: &Words, signs: &[char]) -> bool {
    words.len() <= 3 && text.chars().any(|c| signs.contains(&c))
}

/// A question or complaint about health. Beside a wish for the appointment ("have a fever, can't
/// come") only an outright clinical question counts.
fn is_clinical(text: &str, words: &Words, settled: bool) -> bool {
    if words.match_any(CLINICAL_QUESTION, FORGIVE_FROM) {
        return !settled || !words.match_any(REASON, FORGIVE_FROM);
    }
    if settled {
        return false;
    }
    guard::check(text, &guard::Context::default()).findings.iter().any(|finding| {
        use guard::Category::*;
        match finding.category {
            Diagnosis | Medication | LabResult | MentalHealth | Sud | Reproductive | Hiv => true,
            Procedure => !words.match_any(LOGISTICS, FORGIVE_FROM),
            Specialty | Billing | IdentifierSsn | IdentifierMrn | IdentifierDob
            | IdentifierAddress | IdentifierOther => false,
        }
    })
}

fn is_question(text: &str, words: &Words) -> bool {
    let first = words.joined();
    let first = first.split(' ').next().unwrap_or("");
    text.contains(['?', '¿', '？'])
        || (words.len() > 1 && ASKING.contains(&first))
        || words.match_any(ADMIN, FORGIVE_FROM)
        || (words.len() <= 2
            && [
                "directions",
                "address",
                "hours",
                "parking",
                "cost",
                "insurance",
                "direccion",
                "horario",
            ]
            .iter()
            .any(|w| words.has_word(w)))
}
