//! What stands on the pages of the choices, in a patient's words.

use gate::facts::Scope;
use gate::{Address, Category, Channel, Kind, Language};

use super::super::page::Tongue;
use super::{Line, clock};
use crate::portal::choices::{ChoiceError, Choices, Elsewhere, Way};

/// The last four digits, or the mailbox with its first letter: enough to know it by.
fn known_by(address: &Address) -> String {
    let text = address.reveal();
    match text.split_once('@') {
        Some((name, host)) => {
            format!("{}…@{host}", name.chars().next().unwrap_or_default())
        }
        None => {
            let digits: Vec<char> = text.chars().filter(char::is_ascii_digit).collect();
            format!("…{}", digits.iter().rev().take(4).rev().collect::<String>())
        }
    }
}

/// "Texts to …0171".
pub(super) fn way_words(l: Tongue, channel: Channel, address: &Address) -> String {
    let at = known_by(address);
    match channel {
        Channel::Sms => format!("{} {at}", l.say("Texts to", "Mensajes de texto a")),
        Channel::Email => format!("{} {at}", l.say("Email to", "Correo a")),
        _ => format!("{} {at}", l.say("Voicemail at", "Mensajes de voz en")),
    }
}

/// What goes this way now, in one line.
pub(super) fn way_note(l: Tongue, way: &Way) -> String {
    let note = match (way.stopped, way.automated.is_some(), way.detail.is_some()) {
        (true, ..) => l.say("Nothing goes here", "No se envía nada aquí"),
        (_, _, true) => l.say("Visits, and words about health", "Citas, y temas de salud"),
        (_, true, _) => l.say("Visits and care, no health detail", "Citas, sin temas de salud"),
        _ => l.say("Only answers to you", "Solo respuestas a usted"),
    };
    note.to_owned()
}

pub(super) fn subject_words(l: Tongue, subject: Category) -> &'static str {
    match subject {
        Category::Medication => l.say("medicines", "medicinas"),
        Category::LabResult => l.say("test results", "resultados de pruebas"),
        Category::Diagnosis => l.say("diagnoses", "diagnósticos"),
        Category::Procedure => l.say("procedures", "procedimientos"),
        Category::Specialty => l.say("which specialist", "qué especialista"),
        Category::Billing => l.say("bills", "facturas"),
        Category::MentalHealth => l.say("mental health", "salud mental"),
        Category::Sud => l.say("alcohol and drugs", "alcohol y drogas"),
        Category::Reproductive => l.say("pregnancy and sexual health", "embarazo y salud sexual"),
        Category::Hiv => l.say("HIV", "VIH"),
        _ => "",
    }
}

pub(super) fn subjects_words(l: Tongue, about: &[Category]) -> String {
    let words: Vec<&str> = about.iter().map(|subject| subject_words(l, *subject)).collect();
    words.join(", ")
}

pub(super) fn scope_words(l: Tongue, scope: Scope) -> &'static str {
    match scope {
        Scope::CallBack => l.say("that you called", "que ustedes llamaron"),
        Scope::Appointments => l.say("my visits", "mis citas"),
        Scope::Billing => l.say("my bills", "mis facturas"),
        Scope::Clinical => l.say("my health", "mi salud"),
    }
}

pub(super) const SCOPES: [Scope; 4] =
    [Scope::CallBack, Scope::Appointments, Scope::Billing, Scope::Clinical];

/// What was just done, as a word of ours, in a sentence.
pub(super) fn done_words(l: Tongue, word: &str) -> Option<&'static str> {
    Some(match word {
        "agreed" => l.say("We wrote down that you agree.", "Anotamos que usted está de acuerdo."),
        "withdrawn" => l.say(
            "You took it back. From now on it is as if you had never agreed.",
            "Lo retiró. Desde ahora es como si nunca lo hubiera aceptado.",
        ),
        "stopped" => l.say("Nothing more goes there.", "Ya no se envía nada ahí."),
        "started" => l.say("Messages go there again.", "Los mensajes van ahí de nuevo."),
        "wishes" => l.say("We wrote down what you like.", "Anotamos lo que prefiere."),
        "elsewhere" => l.say("From now on we keep to it.", "Desde ahora lo respetamos."),
        "people" => l.say("We wrote down what they may hear.", "Anotamos lo que pueden saber."),
        _ => return None,
    })
}

/// What to do about a field, in a sentence; none where it is no field's.
pub(super) fn remedy(l: Tongue, error: &ChoiceError) -> Option<&'static str> {
    Some(match error {
        ChoiceError::NotRead => l.say(
            "Tick that you read the warning, or leave it as it is.",
            "Marque que leyó la advertencia, o déjelo como está.",
        ),
        ChoiceError::Nothing => {
            l.say("Tick what we may write about.", "Marque de qué podemos escribirle.")
        }
        ChoiceError::NotSigned => l.say("Sign with your name.", "Firme con su nombre."),
        ChoiceError::Hours => l.say("Choose two different times.", "Elija dos horas distintas."),
        ChoiceError::SomebodyElses => l.say(
            "Somebody told us that this number is not yours. Call us to put it right.",
            "Alguien nos dijo que este número no es suyo. Llámenos para corregirlo.",
        ),
        _ => return None,
    })
}

pub(super) fn elsewhere_line(l: Tongue, wish: &Elsewhere) -> Line {
    let by = match wish.channel {
        Some(Channel::Sms) => l.say("Texts", "Mensajes de texto"),
        Some(Channel::Email) => l.say("Email", "Correo"),
        Some(_) => l.say("Calls", "Llamadas"),
        None => l.say("Everything", "Todo"),
    };
    let note = match &wish.address {
        Some(address) => format!("{} {}", l.say("only to", "solo a"), known_by(address)),
        None => l.say("not at all", "nunca").to_owned(),
    };
    Line { to: wish.id.to_string(), words: by.to_owned(), note }
}

pub(super) fn wishes_words(l: Tongue, chosen: &Choices) -> String {
    let mut all = Vec::new();
    match chosen.language {
        Some(Language::Spanish) => all.push(l.say("in Spanish", "en español").to_owned()),
        Some(Language::English) => all.push(l.say("in English", "en inglés").to_owned()),
        None => {}
    }
    if let Some((from, until)) = chosen.wishes.hours {
        let (from, until) = (clock(from), clock(until));
        all.push(match l.0 {
            Language::English => format!("between {from} and {until}"),
            Language::Spanish => format!("entre {from} y {until}"),
        });
    }
    if !chosen.wishes.kinds_off.is_empty() {
        all.push(l.say("without some kinds", "sin algunos tipos").to_owned());
    }
    if all.is_empty() {
        l.say("You told us nothing special.", "No nos ha dicho nada especial.").to_owned()
    } else {
        all.join(", ")
    }
}

/// What a patient may leave out, in their words; none for what has no plain name.
pub(super) fn kind_words(l: Tongue, kind: Kind) -> Option<&'static str> {
    Some(match kind {
        Kind::AppointmentReminder => l.say("reminders of visits", "recordatorios de citas"),
        Kind::Recall => l.say("when a check-up is due", "cuando toca un chequeo"),
        Kind::Survey => l.say("how it was: short questions", "cómo le fue: preguntas cortas"),
        Kind::RxReady => l.say("a prescription is ready", "una receta está lista"),
        _ => return None,
    })
}
