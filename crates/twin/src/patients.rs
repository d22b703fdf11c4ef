//! Simulated patients, who answer like people: mostly not at all, and rarely with the keyword.
//!
//! What a persona answers is a function of the world's seed, the persona and how many messages it
//! has had, so that a run can be repeated whatever the network does.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::chance::Chance;
use crate::number::address_key;
use crate::phrases;

/// What is at the other end of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// A mobile phone.
    Mobile,
    /// A landline: a text is taken by the carrier and then reported as undeliverable.
    Landline,
    /// A mailbox.
    Mailbox,
    /// A mailbox that does not exist: refused with 550 5.1.1 while the mail is handed over.
    DeadMailbox,
    /// A mailbox that takes the mail and bounces it later (RFC 3464).
    BouncingMailbox,
}

/// The language a persona writes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// English.
    English,
    /// Spanish.
    Spanish,
}

/// What a reply means: the truth that a classifier is measured against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplyKind {
    /// Will come: "C", "yes see you then".
    Confirm,
    /// Cannot come: "X", "sitter cancelled, no way today".
    Decline,
    /// Wants another time: "R".
    Reschedule,
    /// "running late, is 3 ok".
    RunningLate,
    /// A wish to get no more messages: "STOP", "please stop texting me", "PARAR".
    OptOut,
    /// The bare word CANCEL: an opt-out by rule, though perhaps meant otherwise (TEL-16).
    BareCancel,
    /// "wrong number, this is not Maria".
    WrongNumber,
    /// "thanks!".
    Thanks,
    /// Emoji and nothing else.
    Emoji,
    /// A danger to life.
    Emergency,
    /// A long answer in several parts.
    Long,
    /// A question for the office.
    Question,
    /// A wish to get messages again: "START".
    OptIn,
    /// Scripted by the caller.
    Scripted,
}

impl ReplyKind {
    /// The intent of RULEBOOK §5.4 that a right classifier finds, by its name in the command line's
    /// JSON; `None` where people themselves would not agree.
    pub fn intent(self) -> Option<&'static str> {
        match self {
            Self::Confirm => Some("confirm"),
            Self::Decline => Some("decline_or_cancel"),
            Self::Reschedule | Self::RunningLate => Some("reschedule"),
            Self::OptOut | Self::BareCancel => Some("opt_out"),
            Self::WrongNumber => Some("wrong_number"),
            Self::Thanks => Some("thanks"),
            Self::Emergency => Some("emergency"),
            Self::Question => Some("question_admin"),
            Self::OptIn => Some("opt_in"),
            Self::Emoji | Self::Long | Self::Scripted => None,
        }
    }

    /// Whether people say this only where they were asked to choose.
    fn answers_a_choice(self) -> bool {
        matches!(self, Self::Confirm | Self::Decline | Self::Reschedule | Self::RunningLate)
    }

    /// Whether a later automated text to this number is a breach of TEL-10 to TEL-12.
    pub fn is_opt_out(self) -> bool {
        matches!(self, Self::OptOut | Self::BareCancel | Self::WrongNumber)
    }
}

/// How a persona behaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Behaviour {
    /// Never answers.
    Silent,
    /// Answers some of the messages that offer a choice, mostly by confirming, sometimes by
    /// declining, asking or thanking; never opts out.
    Ordinary,
    /// Answers in this way the first message that it makes sense to answer so, then never again.
    Once(ReplyKind),
    /// Blocks the sender at the carrier on its first message; no reply is sent.
    OptsOutAtCarrier,
    /// Answers its first messages with exactly these texts, one each; an empty text is silence.
    Says(Vec<String>),
    /// For a mailbox: presses one-click unsubscribe (RFC 8058) on the first mail that offers it.
    Unsubscribes,
}

/// One simulated person behind one number or address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Persona {
    /// Phone number (E.164) or mail address.
    pub address: String,
    /// What is at the other end.
    pub line: Line,
    /// What the person writes in.
    pub language: Language,
    /// How the person behaves.
    pub behaviour: Behaviour,
}

impl Persona {
    /// A mobile phone whose owner behaves like this, in English.
    pub fn mobile(address: impl Into<String>, behaviour: Behaviour) -> Self {
        Self { address: address.into(), line: Line::Mobile, language: Language::English, behaviour }
    }

    /// A mailbox whose owner behaves like this, in English.
    pub fn mailbox(address: impl Into<String>, behaviour: Behaviour) -> Self {
        Self {
            address: address.into(),
            line: Line::Mailbox,
            language: Language::English,
            behaviour,
        }
    }

    /// The same person, writing Spanish.
    #[must_use]
    pub fn in_spanish(mut self) -> Self {
        self.language = Language::Spanish;
        self
    }

    /// The same person, at the other end of this kind of line.
    #[must_use]
    pub fn on(mut self, line: Line) -> Self {
        self.line = line;
        self
    }

    /// Gives mobile numbers the mix of a real practice: from 20 numbers on, one each of the rare
    /// kinds (STOP, polite stop, bare CANCEL, wrong number, emergency, long answer, emoji,
    /// block at the carrier); half of the others answer, half never do. Repeats with the seed.
    pub fn population(seed: u64, people: &[(String, Language)]) -> Vec<Self> {
        let mut order: Vec<usize> = (0..people.len()).collect();
        order.sort_by_key(|&at| {
            people.get(at).map_or(0, |(address, _)| Chance::of(seed, address, 0).next())
        });
        let rare = if people.len() >= 20 { RARE } else { &[] };
        let mut population = Vec::with_capacity(people.len());
        for (turn, at) in order.into_iter().enumerate() {
            let Some((address, language)) = people.get(at) else { continue };
            let behaviour = match rare.get(turn) {
                Some(rare) => rare.clone(),
                None if Chance::of(seed, address, 1).below(2) == 0 => Behaviour::Silent,
                None => Behaviour::Ordinary,
            };
            let persona = Self::mobile(address.clone(), behaviour);
            population.push(Self { language: *language, ..persona });
        }
        population
    }

    /// What this person does about the `nth` message (the first is 0), if anything.
    pub(crate) fn react(&self, seed: u64, nth: u64, text: &str) -> Option<Reaction> {
        let mut chance = Chance::of(seed, &address_key(&self.address), nth + 2);
        match &self.behaviour {
            Behaviour::Silent | Behaviour::Unsubscribes => None,
            Behaviour::OptsOutAtCarrier => {
                Some(Reaction::Block { after: delay(&mut chance, ReplyKind::OptOut) })
            }
            Behaviour::Says(script) => {
                let said = script.get(usize::try_from(nth).ok()?)?;
                (!said.is_empty()).then(|| Reaction::Say {
                    text: said.clone(),
                    kind: ReplyKind::Scripted,
                    after: delay(&mut chance, ReplyKind::Scripted),
                })
            }
            Behaviour::Once(kind) => {
                let moved = if kind.answers_a_choice() {
                    offers_a_choice(text)
                } else {
                    !is_a_goodbye(text)
                };
                moved.then(|| self.say(*kind, &mut chance)).flatten()
            }
            Behaviour::Ordinary => {
                let kind = offers_a_choice(text).then(|| ordinary(&mut chance)).flatten()?;
                self.say(kind, &mut chance)
            }
        }
    }

    /// Whether this persona answers once only, so that its first answer is its last.
    pub(crate) fn answers_once(&self) -> bool {
        matches!(self.behaviour, Behaviour::Once(_))
    }

    fn say(&self, kind: ReplyKind, chance: &mut Chance) -> Option<Reaction> {
        let text = (*chance.pick(phrases::of(kind, self.language))?).to_owned();
        let after = delay(chance, kind);
        Some(Reaction::Say { text, kind, after })
    }
}

const RARE: &[Behaviour] = &[
    Behaviour::Once(ReplyKind::OptOut),
    Behaviour::Once(ReplyKind::Emergency),
    Behaviour::Once(ReplyKind::WrongNumber),
    Behaviour::Once(ReplyKind::BareCancel),
    Behaviour::Once(ReplyKind::RunningLate),
    Behaviour::Once(ReplyKind::Decline),
    Behaviour::Once(ReplyKind::Reschedule),
    Behaviour::Once(ReplyKind::Long),
    Behaviour::Once(ReplyKind::Emoji),
    Behaviour::OptsOutAtCarrier,
    Behaviour::Once(ReplyKind::OptOut),
];

/// What a person does about a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reaction {
    Say { text: String, kind: ReplyKind, after: SignedDuration },
    Block { after: SignedDuration },
}

/// Shares of an ordinary person's reactions to a reminder, in hundredths; the rest is silence.
fn ordinary(chance: &mut Chance) -> Option<ReplyKind> {
    match chance.below(100) {
        0..=27 => Some(ReplyKind::Confirm),
        28..=32 => Some(ReplyKind::Decline),
        33..=36 => Some(ReplyKind::Reschedule),
        37..=38 => Some(ReplyKind::RunningLate),
        39..=42 => Some(ReplyKind::Thanks),
        43..=44 => Some(ReplyKind::Emoji),
        45..=46 => Some(ReplyKind::Question),
        _ => None,
    }
}

/// How long a person takes: half within five minutes, the slowest tenth hours; an emergency or a
/// stop comes quickly.
fn delay(chance: &mut Chance, kind: ReplyKind) -> SignedDuration {
    if matches!(kind, ReplyKind::Emergency | ReplyKind::OptOut | ReplyKind::Scripted) {
        return SignedDuration::from_secs(10 + chance.below(50) as i64);
    }
    let seconds = match chance.below(10) {
        0..=4 => 15 + chance.below(285),
        5..=6 => 300 + chance.below(900),
        7..=8 => 1_200 + chance.below(2_400),
        _ => 3_600 + chance.below(10_800),
    };
    SignedDuration::from_secs(seconds as i64)
}

/// Whether a text asks to choose: it names the keyword C, or asks to confirm.
fn offers_a_choice(text: &str) -> bool {
    let keyword = text.split(|c: char| !c.is_alphanumeric()).any(|word| word == "C");
    let text = text.to_lowercase();
    !is_a_goodbye(&text)
        && (keyword || text.contains("to confirm") || text.contains("para confirmar"))
}

/// Whether a text ends the talk: nobody replies "C" to "no more texts will be sent".
fn is_a_goodbye(text: &str) -> bool {
    const GOODBYES: [&str; 9] = [
        "texts are off",
        "no more",
        "not text it again",
        "unsubscribed",
        "opted out",
        "ya no le mandaremos",
        "no recibirá más",
        "otro texto",
        "911",
    ];
    let text = text.to_lowercase();
    GOODBYES.iter().any(|words| text.contains(words))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const REMINDER: &str = "Reminder: visit on Tue Mar 3 at 9:00. Reply C to confirm. STOP to end.";

    fn people(n: usize) -> Vec<(String, Language)> {
        (0..n)
            .map(|i| {
                let language = if i % 4 == 0 { Language::Spanish } else { Language::English };
                (format!("+1206555{:04}", 100 + i), language)
            })
            .collect()
    }

    #[test]
    fn a_population_repeats_with_its_seed_and_has_each_rare_kind() {
        let one = Persona::population(1, &people(200));
        assert_eq!(one, Persona::population(1, &people(200)));
        assert_ne!(one, Persona::population(2, &people(200)));
        for rare in RARE {
            assert!(one.iter().any(|p| p.behaviour == *rare), "{rare:?}");
        }
        let emergencies =
            one.iter().filter(|p| p.behaviour == Behaviour::Once(ReplyKind::Emergency)).count();
        assert_eq!(emergencies, 1);
    }

    #[test]
    fn most_messages_get_no_answer_and_the_answers_vary() {
        let mut kinds = BTreeMap::new();
        let mut silent = 0;
        for persona in Persona::population(3, &people(1000)) {
            match persona.react(3, 0, REMINDER) {
                Some(Reaction::Say { kind, .. }) => *kinds.entry(kind).or_insert(0) += 1,
                _ => silent += 1,
            }
        }
        assert!(silent > 500, "{silent}");
        assert!(kinds[&ReplyKind::Confirm] > 80, "{kinds:?}");
        assert!(kinds.len() >= 9, "{kinds:?}");
    }

    #[test]
    fn reactions_do_not_depend_on_the_order_of_asking() {
        let persona = Persona::mobile("+12065550100", Behaviour::Ordinary);
        let forward: Vec<_> = (0..50).map(|n| persona.react(9, n, REMINDER)).collect();
        let mut backward: Vec<_> = (0..50).rev().map(|n| persona.react(9, n, REMINDER)).collect();
        backward.reverse();
        assert_eq!(forward, backward);
        assert!(forward.iter().any(Option::is_some) && forward.iter().any(Option::is_none));
    }

    #[test]
    fn people_answer_what_was_asked_and_not_a_goodbye() {
        let spanish = "Cita el lunes 2 mar, 9:00. C = iré, R = otra hora. STOP para salir.";
        let english = "Visit Mon Mar 2, 9:00. C = I will come, X = cannot come. STOP ends texts.";
        let notice = "A private message is waiting for you. Sign in. STOP ends texts.";
        let answer = "Thank you. Your visit on Mon Mar 2, 9:00 is confirmed.";
        let goodbye = "Texts are off. No more will be sent. START turns them on.";
        let adios = "Ya no le mandaremos textos. Con START los recibe otra vez.";
        for (text, confirms, stops) in [
            (REMINDER, true, true),
            (spanish, true, true),
            (english, true, true),
            (notice, false, true),
            (answer, false, true),
            (goodbye, false, false),
            (adios, false, false),
        ] {
            for (kind, expected) in [(ReplyKind::Confirm, confirms), (ReplyKind::OptOut, stops)] {
                let persona = Persona::mobile("+12065550100", Behaviour::Once(kind));
                assert_eq!(persona.react(1, 0, text).is_some(), expected, "{kind:?}: {text}");
            }
        }
    }

    #[test]
    fn a_script_is_said_word_for_word() {
        let says = Behaviour::Says(vec!["C".into(), String::new(), "STOP".into()]);
        let persona = Persona::mobile("+12065550100", says);
        let said = |nth| match persona.react(1, nth, "anything") {
            Some(Reaction::Say { text, .. }) => Some(text),
            _ => None,
        };
        assert_eq!(said(0).as_deref(), Some("C"));
        assert_eq!(said(1), None);
        assert_eq!(said(2).as_deref(), Some("STOP"));
        assert_eq!(said(3), None);
    }

    #[test]
    fn every_kind_has_words_in_both_languages() {
        for kind in RARE.iter().filter_map(|b| match b {
            Behaviour::Once(kind) => Some(*kind),
            _ => None,
        }) {
            for language in [Language::English, Language::Spanish] {
                assert!(!phrases::of(kind, language).is_empty(), "{kind:?} {language:?}");
            }
        }
        for text in phrases::of(ReplyKind::Long, Language::English) {
            assert!(text.len() > 160);
        }
    }
}
