//! What a form asks, in the terms of FHIR's Questionnaire (R4: `linkId`, `text`, `type`, `required`,
//! `answerOption`), each text in English and Spanish; and whether what was typed answers it.

use std::collections::BTreeMap;

use gate::Language;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::db::appointment::AppointmentRow;
use crate::ids::{ClinicianId, SiteId};

/// The most questions of one form.
pub const MOST: usize = 20;
/// The longest answer, in characters.
pub const LONGEST: usize = 2_000;

/// A text in both languages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Both {
    /// English.
    pub en: String,
    /// Spanish.
    pub es: String,
}

impl Both {
    /// The one in this language.
    #[must_use]
    pub fn said(&self, language: Language) -> &str {
        match language {
            Language::English => &self.en,
            Language::Spanish => &self.es,
        }
    }
}

/// How a question is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Type {
    /// In words.
    Text,
    /// With one of a list.
    Choice,
    /// With yes or no.
    Boolean,
    /// With a day.
    Date,
}

impl Type {
    /// Each, with its word.
    pub const ALL: [(Self, &'static str); 4] = [
        (Self::Text, "text"),
        (Self::Choice, "choice"),
        (Self::Boolean, "boolean"),
        (Self::Date, "date"),
    ];

    /// The word in a definition.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Choice => "choice",
            Self::Boolean => "boolean",
            Self::Date => "date",
        }
    }
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// Its name through all versions.
    pub link_id: String,
    /// How it is answered.
    #[serde(rename = "type")]
    pub kind: Type,
    /// It must be.
    pub required: bool,
    /// The question.
    pub text: Both,
    /// What helps to answer it; may be empty.
    pub help: Both,
    /// The answers to choose from.
    pub answer_option: Vec<Both>,
}

/// Before which visits a form is asked; by itself before each. It stands in the version, beside what
/// FHIR has; a definition that says nothing of it is of before there was a choice.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Asked {
    /// Only before somebody's first visit.
    pub first_only: bool,
    /// Only before visits at one of these; anywhere where there is none.
    pub sites: Vec<SiteId>,
    /// Only before visits with one of these; with anybody where there is none.
    pub clinicians: Vec<ClinicianId>,
}

impl Asked {
    /// Whether it is asked before every visit.
    #[must_use]
    pub fn always(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it is asked before this visit; `first`: it is the patient's first.
    #[must_use]
    pub fn before(&self, visit: &AppointmentRow, first: bool) -> bool {
        let at = visit.site_id.is_some_and(|id| self.sites.contains(&id));
        let with = visit.clinician_id.is_some_and(|id| self.clinicians.contains(&id));
        (first || !self.first_only)
            && (at || self.sites.is_empty())
            && (with || self.clinicians.is_empty())
    }
}

/// A form.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Form {
    /// Its name.
    pub title: Both,
    /// What it is for; may be empty.
    pub help: Both,
    /// What it asks.
    pub item: Vec<Item>,
    /// Before which visits.
    #[serde(default, skip_serializing_if = "Asked::always")]
    pub asked: Asked,
}

/// Why a definition is none: at which question, from 1, or at the title (0), and what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unfit(pub usize, pub &'static str);

impl Form {
    /// Whether everything is there that a patient needs, in both languages.
    ///
    /// # Errors
    /// [`Unfit`].
    pub fn check(&self) -> Result<(), Unfit> {
        let whole = |both: &Both| !both.en.is_empty() && !both.es.is_empty();
        let even = |both: &Both| both.en.is_empty() == both.es.is_empty();
        if !whole(&self.title) {
            return Err(Unfit(0, "Give the form a title in English and in Spanish."));
        }
        if !even(&self.help) {
            return Err(Unfit(0, "Write what it is for in both languages, or in none."));
        }
        if self.item.is_empty() || self.item.len() > MOST {
            return Err(Unfit(0, "Ask at least one question, and at most twenty."));
        }
        for (item, nth) in self.item.iter().zip(1..) {
            if !whole(&item.text) {
                return Err(Unfit(nth, "Write the question in English and in Spanish."));
            }
            if !even(&item.help) {
                return Err(Unfit(nth, "Write the help in both languages, or in none."));
            }
            let options = &item.answer_option;
            if item.kind == Type::Choice && (options.len() < 2 || !options.iter().all(whole)) {
                let words =
                    "Give at least two answers, one a line, as many in Spanish as in English.";
                return Err(Unfit(nth, words));
            }
        }
        Ok(())
    }
}

/// What was answered, by `linkId`: words; the number of the option, from 0; `yes` or `no`; a day as
/// 2027-03-31. What was left empty is not there.
pub type Answers = BTreeMap<String, String>;

/// What is wrong with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// It must be given.
    Missing,
    /// It is none of the list.
    NotOfTheList,
    /// No calendar has that day.
    NoDay,
    /// It is longer than [`LONGEST`].
    TooLong,
}

impl Form {
    /// Reads what was typed, question by question; `typed` knows the fields by name.
    ///
    /// # Errors
    /// Each question that is not answered as it must be, in their order.
    pub fn read<'a>(
        &self,
        typed: impl Fn(&str) -> &'a str,
    ) -> Result<Answers, Vec<(String, Wrong)>> {
        let (mut answers, mut wrong) = (Answers::new(), Vec::new());
        for item in &self.item {
            let read = item.read(&typed);
            match read {
                Ok(Some(answer)) => drop(answers.insert(item.link_id.clone(), answer)),
                Ok(None) if item.required => wrong.push((item.link_id.clone(), Wrong::Missing)),
                Ok(None) => {}
                Err(why) => wrong.push((item.link_id.clone(), why)),
            }
        }
        if wrong.is_empty() { Ok(answers) } else { Err(wrong) }
    }
}

impl Item {
    fn read<'a>(&self, typed: &impl Fn(&str) -> &'a str) -> Result<Option<String>, Wrong> {
        let text = typed(&self.link_id).trim();
        let one = Some(text.to_owned()).filter(|text| !text.is_empty());
        match self.kind {
            Type::Text if text.chars().count() > LONGEST => Err(Wrong::TooLong),
            Type::Text => Ok(one),
            Type::Choice => {
                let known = |text: &str| {
                    text.parse::<usize>().is_ok_and(|nth| self.answer_option.get(nth).is_some())
                };
                if one.as_deref().is_none_or(known) { Ok(one) } else { Err(Wrong::NotOfTheList) }
            }
            Type::Boolean if text.is_empty() || text == "yes" || text == "no" => Ok(one),
            Type::Boolean => Err(Wrong::NotOfTheList),
            Type::Date => {
                let part = |name: &str| typed(&format!("{}-{name}", self.link_id)).trim();
                let (year, month, day) = (part("year"), part("month"), part("day"));
                if [year, month, day].iter().all(|part| part.is_empty()) {
                    return Ok(None);
                }
                let year = year.parse().ok().filter(|year| (1850..=2200).contains(year));
                let date = year
                    .zip(month.parse().ok().zip(day.parse().ok()))
                    .and_then(|(year, (month, day))| Date::new(year, month, day).ok());
                date.map(|date| Some(date.to_string())).ok_or(Wrong::NoDay)
            }
        }
    }

    /// An answer in words, as staff read it.
    #[must_use]
    pub fn words(&self, answer: &str) -> String {
        match self.kind {
            Type::Text | Type::Date => answer.to_owned(),
            Type::Boolean => if answer == "yes" { "Yes" } else { "No" }.to_owned(),
            Type::Choice => {
                let nth = answer.parse::<usize>().ok();
                let option = nth.and_then(|nth| self.answer_option.get(nth));
                option.map_or_else(String::new, |option| option.en.clone())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(text: &str) -> Both {
        Both { en: text.to_owned(), es: format!("{text} (es)") }
    }

    fn item(link_id: &str, kind: Type, required: bool) -> Item {
        let options = if kind == Type::Choice { vec![both("a"), both("b")] } else { Vec::new() };
        let (text, help) = (both(link_id), Both::default());
        Item { link_id: link_id.to_owned(), kind, required, text, help, answer_option: options }
    }

    fn form() -> Form {
        let item = vec![
            item("1", Type::Text, true),
            item("2", Type::Choice, false),
            item("3", Type::Boolean, false),
            item("4", Type::Date, false),
        ];
        Form { title: both("Before"), help: Both::default(), item, asked: Asked::default() }
    }

    #[test]
    fn each_kind_is_read_and_each_mistake_is_named() {
        let read = |typed: &[(&str, &str)]| {
            let typed: BTreeMap<String, String> =
                typed.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            form().read(|name| typed.get(name).map_or("", String::as_str).to_owned().leak())
        };
        let good = read(&[
            ("1", " fine "),
            ("2", "1"),
            ("3", "no"),
            ("4-month", "3"),
            ("4-day", "31"),
            ("4-year", "2027"),
        ]);
        let words: Vec<String> = good.unwrap().into_values().collect();
        assert_eq!(words, ["fine", "1", "no", "2027-03-31"]);
        assert_eq!(read(&[("1", "x")]).unwrap().len(), 1, "the rest may stay empty");
        let long = "x".repeat(LONGEST + 1);
        for (typed, wrong) in [
            (vec![], ("1", Wrong::Missing)),
            (vec![("1", long.as_str())], ("1", Wrong::TooLong)),
            (vec![("1", "x"), ("2", "2")], ("2", Wrong::NotOfTheList)),
            (vec![("1", "x"), ("3", "maybe")], ("3", Wrong::NotOfTheList)),
            (
                vec![("1", "x"), ("4-day", "31"), ("4-month", "2"), ("4-year", "2027")],
                ("4", Wrong::NoDay),
            ),
            (vec![("1", "x"), ("4-day", "31")], ("4", Wrong::NoDay)),
        ] {
            assert_eq!(read(&typed).unwrap_err(), [(wrong.0.to_owned(), wrong.1)]);
        }
    }

    #[test]
    fn a_form_of_before_there_was_a_choice_is_asked_before_every_visit() {
        let json = serde_json::to_string(&form()).unwrap();
        assert!(!json.contains("asked"), "{json}");
        assert!(serde_json::from_str::<Form>(&json).unwrap().asked.always());
        let asked = Asked { first_only: true, ..Asked::default() };
        let chosen = Form { asked, ..form() };
        let json = serde_json::to_string(&chosen).unwrap();
        assert_eq!(serde_json::from_str::<Form>(&json).unwrap(), chosen);
    }

    #[test]
    fn a_form_is_whole_in_both_languages() {
        assert_eq!(form().check(), Ok(()));
        let json = serde_json::to_string(&form()).unwrap();
        assert!(json.contains("\"linkId\":\"2\",\"type\":\"choice\",\"required\":false"), "{json}");
        assert_eq!(serde_json::from_str::<Form>(&json).unwrap(), form());
        let mut half = form();
        half.item[1].answer_option[1].es.clear();
        assert_eq!(half.check().unwrap_err().0, 2);
        let mut mute = form();
        mute.item[3].text.es.clear();
        assert_eq!(mute.check().unwrap_err().0, 4);
        assert_eq!(Form { item: Vec::new(), ..form() }.check().unwrap_err().0, 0);
    }
}
