//! What something that was said is about: who may read it (RULEBOOK §8, least privilege). The inbox,
//! the patient's page and a call ask the same functions, so that none shows what another covers.

use gate::{Kind, Level};
use guard::Guard;

use super::tasks::TaskKind;
use crate::access::policies::About;
use crate::office::Office;

/// What a task is about.
#[must_use]
pub const fn task(kind: TaskKind) -> About {
    match kind {
        TaskKind::Emergency | TaskKind::ClinicalQuestion | TaskKind::SealedMessage => {
            About::Clinical
        }
        _ => About::Schedule,
    }
}

/// What a message to us is about: by what it was read as, and by what its words reveal. The desk that
/// moves a mammogram must read of it; a diagnosis is the nurses', also beside "I can't come". Words
/// that are gone may have been about health.
#[must_use]
pub fn heard(office: &Office, intents: &str, words: Option<&str>) -> About {
    let mut schedule = !intents.is_empty();
    for intent in intents.split_whitespace() {
        match intent {
            "emergency" | "question_clinical" => return About::Clinical,
            "confirm" | "decline_or_cancel" | "reschedule" | "opt_out" | "opt_in" | "help"
            | "wrong_number" | "thanks" => {}
            _ => schedule = false,
        }
    }
    let closed = if schedule { Level::Sensitive } else { Level::Detail };
    let harmless = |words| reveals(office, words) < closed;
    if words.is_some_and(harmless) { About::Schedule } else { About::Clinical }
}

/// What a message of ours is about: its kind, and the level the guard found in its words. A free
/// text without one was refused: nobody knows what it would have revealed.
#[must_use]
pub fn said(kind: Kind, level: Option<Level>) -> About {
    match (kind, level) {
        _ if kind.is_billing() => About::Account,
        (_, Some(level)) if level >= Level::Detail => About::Clinical,
        (Kind::FreeText, None)
        | (
            Kind::ResultsReady
            | Kind::RefillReminder
            | Kind::RxReady
            | Kind::Aftercare
            | Kind::EmergencyAutoreply
            | Kind::ClinicalQuestionAutoreply,
            _,
        ) => About::Clinical,
        _ => About::Schedule,
    }
}

/// The level of words, as the practice's guard judges them.
#[must_use]
pub fn reveals(office: &Office, words: &str) -> Level {
    Guard::standard().check(words, &office.profile().context).level
}
