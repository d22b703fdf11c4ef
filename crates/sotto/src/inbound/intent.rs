//! What does a patient's text want? The names are the public contract's (DESIGN §5), the order of
//! several is RULEBOOK TEL-19.

use std::collections::HashSet;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::emergency::Family;
use super::grammar::{self, Cue};
use super::intent_phrases::{self, NOT_WRONG, THANKS, WRONG};
use super::words::Words;
use super::{emergency, intent_model, revocation};

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
    /// In doubt: a person should read it, and nothing in the schedule changes.
    Guess,
    /// A known wording.
    Likely,
    /// The text is a reserved word.
    Exact,
}

/// In which language a text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// English, or too little to tell.
    English,
    /// Spanish, or more Spanish than English.
    Spanish,
}

/// What a text was read as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Most urgent first; never empty.
    pub intents: Vec<Intent>,
    /// The reserved word that the whole text is.
    pub exact_keyword: Option<Keyword>,
    /// The danger, when the first intent is an emergency.
    pub danger: Option<Family>,
    /// How sure.
    pub confidence: Confidence,
    /// In which language.
    pub language: Language,
}

impl Reading {
    /// The intent to act on first.
    #[must_use]
    pub fn primary(&self) -> Intent {
        self.intents.first().copied().unwrap_or(Intent::Other)
    }
}

/// Reads one inbound text. Pure; linear in the text; never fails.
///
/// Rules decide the reserved words and what a clear phrase says: danger, a stop, somebody else's
/// number. For the rest, for what the rules overlook and against what they take too literally, a
/// learned network over the words and the phrases found (`intent_model`).
#[must_use]
pub fn classify(text: &str) -> Reading {
    let words = Words::new(text);
    let hits = grammar::find(&words);
    let language = language(&words);
    let danger = emergency::among(&hits);
    let exact_keyword = keyword(&words);
    if let Some(keyword) = exact_keyword {
        let intents = vec![keyword.intent()];
        let confidence = Confidence::Exact;
        return Reading { intents, exact_keyword, danger: None, confidence, language };
    }
    let odds = intent_model::odds(&words, &hits, text);
    let of = |intent: Intent| odds.get(intent as usize).copied().unwrap_or(0.0);
    let stop_said = revocation::says_so(&hits);
    let short = words.len() <= SHORT;
    let few_words = words.len() <= 2;
    let figure = emergency::only_a_figure(&hits);
    let danger = danger.filter(|_| of(Intent::Emergency) >= DANGER.with_a_phrase).or_else(|| {
        // A figure of speech and little else is known for what it is.
        let enough = if figure && short {
            FIGURE_ALONE
        } else if few_words {
            A_THING
        } else {
            DANGER.alone(figure || stop_said || short)
        };
        let said = of(Intent::Emergency) >= enough;
        (said || emergency::in_another_language(text)).then_some(Family::Said)
    });
    let goes_on = !stop_said && revocation::wants_no_stop(&words);
    let names_none = revocation::names_none(&words);
    let stop = revocation::in_another_language(text)
        || (stop_said && of(Intent::OptOut) >= STOP.with_a_phrase)
        || of(Intent::OptOut) >= STOP.alone(words.len() == 1) && !goes_on && !names_none;
    let wrong = revocation::standing(&hits, WRONG, NOT_WRONG)
        && of(Intent::WrongNumber) >= STRANGER.with_a_phrase;
    let wrong = wrong || of(Intent::WrongNumber) >= STRANGER.alone(few_words);
    let has_phrase = |intent: Intent| hits.iter().any(|hit| Some(hit.cue) == intent.cue());
    // "No way I can make it": who is taken for coming and does not come leaves a chair empty.
    let refused = has_phrase(Intent::DeclineOrCancel) && of(Intent::DeclineOrCancel) >= REFUSED;
    let weight = |intent: Intent| of(intent) * if has_phrase(intent) { PHRASE } else { 1.0 };
    let best = ALL
        .into_iter()
        .filter(|i| !matches!(i, Intent::Emergency | Intent::WrongNumber | Intent::OptOut))
        .filter(|i| !refused || *i != Intent::Confirm)
        .max_by(|a, b| weight(*a).total_cmp(&weight(*b)))
        // Who wants the messages to go on asks for nothing.
        .filter(|best| !goes_on || *best != Intent::OptIn)
        .unwrap_or(Intent::Other);
    let primary = if danger.is_some() {
        Intent::Emergency
    } else if wrong {
        Intent::WrongNumber
    } else if stop {
        Intent::OptOut
    } else {
        best
    };
    let besides = |intent: Intent| match intent {
        Intent::Emergency => false,
        Intent::WrongNumber => wrong,
        // CLIN-04: in danger, only a plain request to stop counts.
        Intent::OptOut if danger.is_some() => stop_said && words.len() <= 8,
        Intent::OptOut => stop || stop_said,
        Intent::Thanks => hits.iter().any(|hit| hit.cue == THANKS),
        _ => {
            let phrase = has_phrase(intent);
            // The odds are of the first wish; what follows from it, they leave to it.
            let follows = matches!(
                (primary, intent),
                (Intent::Emergency, Intent::QuestionClinical)
                    | (Intent::Reschedule, Intent::DeclineOrCancel)
            );
            phrase && follows
                || of(intent) >= if phrase { ALSO.with_a_phrase } else { ALSO.without }
        }
    };
    let mut intents = vec![primary];
    intents.extend(ALL.into_iter().filter(|i| *i > primary && besides(*i)));
    if intents.len() > 1 {
        intents.retain(|i| *i != Intent::Other);
    }
    let sure = primary <= Intent::OptOut || of(primary) >= LIKELY;
    let confidence = if sure { Confidence::Likely } else { Confidence::Guess };
    Reading { intents, exact_keyword, danger, confidence, language }
}

/// From which odds on a text says something; chosen on authors whose texts were not learned from
/// (docs/replies.md).
struct Enough {
    /// Where a phrase says so too. Only below this is the phrase overruled.
    with_a_phrase: f32,
    /// Where no phrase does.
    without: f32,
    /// Where none does and something speaks against it.
    against: f32,
}

impl Enough {
    const fn alone(&self, against: bool) -> f32 {
        if against { self.against } else { self.without }
    }
}

/// A text of so many words holds little to be sure by; the phrases know the short ways to say it.
const SHORT: usize = 8;
/// A danger overlooked costs a life, a false alarm a call (CLIN-01). Against it speak a figure of
/// speech ("kill for a coffee"), a plain request to stop, and that the text is short.
const DANGER: Enough = Enough { with_a_phrase: 0.07, without: 0.15, against: 0.3 };
/// What outweighs a figure of speech that is nearly the whole text ("she stopped breathing for a
/// sec").
const FIGURE_ALONE: f32 = 0.6;
/// A word or two that no phrase of danger is in name a thing ("Aspirin"), and tell nothing of it.
const A_THING: f32 = 0.7;
/// A stop overlooked breaks the law (TEL-11), a false one ends messages that were wanted. Against it
/// speaks that the text is one word ("No"): those that stop are reserved.
const STOP: Enough = Enough { with_a_phrase: 0.15, without: 0.35, against: 0.6 };
/// The number is closed then. A word or two say too little.
const STRANGER: Enough = Enough { with_a_phrase: 0.3, without: 0.5, against: 0.6 };
/// A phrase for one of the other wishes counts so many times its odds.
const PHRASE: f32 = 2.0;
/// Beside the phrase of a refusal that is at least so likely, nothing is a confirmation.
const REFUSED: f32 = 0.1;
/// A confirmation that is less likely than this goes to staff.
const LIKELY: f32 = 0.55;
/// What else a text wants.
const ALSO: Enough = Enough { with_a_phrase: 0.01, without: 0.25, against: 0.25 };

/// In the order of TEL-19.
pub(super) const ALL: [Intent; 12] = [
    Intent::Emergency,
    Intent::WrongNumber,
    Intent::OptOut,
    Intent::OptIn,
    Intent::QuestionClinical,
    Intent::Reschedule,
    Intent::DeclineOrCancel,
    Intent::Confirm,
    Intent::Help,
    Intent::QuestionAdmin,
    Intent::Thanks,
    Intent::Other,
];

impl Intent {
    /// Its list of phrases.
    fn cue(self) -> Option<Cue> {
        Some(match self {
            Self::OptIn => intent_phrases::OPT_IN,
            Self::QuestionClinical => intent_phrases::CLINICAL,
            Self::Reschedule => intent_phrases::RESCHEDULE,
            Self::DeclineOrCancel => intent_phrases::DECLINE,
            Self::Confirm => intent_phrases::CONFIRM,
            Self::Help => intent_phrases::HELP,
            Self::QuestionAdmin => intent_phrases::ADMIN,
            _ => return None,
        })
    }
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

/// The text is one reserved word.
fn keyword(words: &Words) -> Option<Keyword> {
    match revocation::keyword(words) {
        Some(revocation::Revocation::Keyword) => return Some(Keyword::Stop),
        Some(revocation::Revocation::AmbiguousKeyword) => return Some(Keyword::Cancel),
        Some(revocation::Revocation::Wording) | None => {}
    }
    if words.len() > 2 {
        return None;
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

/// The language of more of its words; English when neither has more.
fn language(words: &Words) -> Language {
    let count = |list: &HashSet<&str>| {
        words.tokens().iter().filter(|token| list.contains(token.word.as_str())).count()
    };
    let (spanish, english) = (&COMMON.0, &COMMON.1);
    if count(spanish) > count(english) { Language::Spanish } else { Language::English }
}

static COMMON: LazyLock<(HashSet<&str>, HashSet<&str>)> =
    LazyLock::new(|| (SPANISH.iter().copied().collect(), ENGLISH.iter().copied().collect()));

/// Common words that only Spanish has.
const SPANISH: &[&str] = &[
    "el",
    "la",
    "los",
    "las",
    "un",
    "una",
    "de",
    "que",
    "y",
    "en",
    "mi",
    "es",
    "no",
    "por",
    "con",
    "para",
    "se",
    "lo",
    "su",
    "al",
    "del",
    "ya",
    "si",
    "pero",
    "mas",
    "muy",
    "esta",
    "estoy",
    "voy",
    "puedo",
    "quiero",
    "tengo",
    "cita",
    "hola",
    "gracias",
    "bueno",
    "favor",
    "manana",
    "hoy",
    "como",
    "cuando",
    "donde",
    "quien",
    "cual",
    "porque",
    "me",
    "te",
    "le",
    "nos",
    "este",
    "ese",
    "eso",
    "esto",
    "soy",
    "hay",
    "ir",
    "ahi",
    "dia",
    "hora",
    "otro",
    "otra",
    "necesito",
    "duele",
    "dolor",
    "bien",
    "tambien",
    "confirmo",
    "cancelar",
    "reprogramar",
    "cambiar",
    "numero",
    "ayuda",
    "basta",
    "paren",
    "manden",
    "equivocado",
    "claro",
    "vale",
    "listo",
    "perfecto",
    "puede",
    "son",
    "ser",
    "estare",
    "alli",
    "nada",
    "nunca",
    "sin",
    "sobre",
    "mucho",
    "mucha",
    "ayudeme",
    "buenos",
    "buenas",
    "dias",
    "tardes",
    "noches",
    "doy",
    "quitenme",
    "dejen",
    "alto",
    "parar",
    "siento",
];

/// Common words that only English has.
const ENGLISH: &[&str] = &[
    "the",
    "a",
    "i",
    "you",
    "to",
    "and",
    "is",
    "my",
    "it",
    "of",
    "in",
    "on",
    "for",
    "that",
    "this",
    "im",
    "ill",
    "be",
    "have",
    "can",
    "cant",
    "dont",
    "will",
    "not",
    "what",
    "when",
    "where",
    "who",
    "how",
    "do",
    "at",
    "with",
    "we",
    "he",
    "she",
    "are",
    "was",
    "but",
    "so",
    "if",
    "please",
    "thanks",
    "yes",
    "ok",
    "appointment",
    "need",
    "want",
    "get",
    "just",
    "up",
    "out",
    "there",
    "your",
    "or",
    "come",
    "make",
    "today",
    "tomorrow",
    "time",
    "any",
    "am",
    "pm",
    "stop",
    "text",
    "me",
    "no",
];
