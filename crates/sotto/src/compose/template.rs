//! One template: its file form, its parsed form and its digest.

use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use gate::{Channel, Kind, Language, TemplateRef};
use guard::Level;
use jiff::civil::Date;
use serde::Deserialize;

use super::error::ComposeError;
use super::variable::{Variable, Variant};

/// What identifies the text to use: one template in force for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Which of RULEBOOK §12.
    pub kind: Kind,
    /// Which wording of it.
    pub variant: Variant,
    /// Which channel.
    pub channel: Channel,
    /// Which language.
    pub language: Language,
}

impl Key {
    /// The template's name: `appt_reminder.sms.en`, `appt_reply_ack.confirmed.sms.es`.
    #[must_use]
    pub fn name(&self) -> String {
        let (kind, channel, language) =
            (self.kind.as_str(), self.channel.as_str(), self.language.as_str());
        match self.variant {
            Variant::Plain => format!("{kind}.{channel}.{language}"),
            variant => format!("{kind}.{}.{channel}.{language}", variant.as_str()),
        }
    }
}

impl std::str::FromStr for Key {
    type Err = ComposeError;

    /// From its name.
    ///
    /// # Errors
    /// [`ComposeError::NoName`] where no template can have it.
    fn from_str(name: &str) -> Result<Self, ComposeError> {
        let parts: Vec<&str> = name.split('.').collect();
        let (kind, variant, channel, language) = match *parts.as_slice() {
            [kind, channel, language] => (kind, "", channel, language),
            [kind, variant, channel, language] if !variant.is_empty() => {
                (kind, variant, channel, language)
            }
            _ => return Err(ComposeError::NoName),
        };
        let key = Self {
            kind: Kind::from_word(kind).ok_or(ComposeError::NoName)?,
            variant: Variant::ALL
                .into_iter()
                .find(|one| one.as_str() == variant)
                .ok_or(ComposeError::NoName)?,
            channel: Channel::from_word(channel).ok_or(ComposeError::NoName)?,
            language: Language::from_word(language).ok_or(ComposeError::NoName)?,
        };
        let written = matches!(key.channel, Channel::Sms | Channel::Email | Channel::Portal);
        let ruled = super::kinds::rules(key.kind).is_some();
        if written && ruled { Ok(key) } else { Err(ComposeError::NoName) }
    }
}

/// A part of a parsed text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// As it stands.
    Text(String),
    /// A place for a value.
    Place(Variable),
}

/// Who wrote and who approved a practice's own templates (RULEBOOK §12: two people).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// Who wrote them. "sotto built-in" for ours.
    pub author: String,
    /// Who approved them.
    pub approved_by: String,
}

/// One template.
#[derive(Debug, Clone)]
pub struct Template {
    /// What it is for.
    pub key: Key,
    /// Its version in this practice, counted from 1, by [`store`](super::store).
    pub version: u32,
    /// Email only.
    pub subject: Option<Vec<Piece>>,
    /// The text.
    pub body: Vec<Piece>,
    /// The subject as written.
    pub subject_source: Option<String>,
    /// The text as written.
    pub body_source: String,
    /// The most it may reveal.
    pub max_level: Level,
    /// Who answers for it.
    pub approval: Approval,
    /// Its last day.
    pub expires: Option<Date>,
}

/// Words as somebody writes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wording {
    /// Email and portal.
    pub subject: Option<String>,
    /// The text, variables in braces.
    pub body: String,
    /// Their last day.
    pub expires: Option<Date>,
}

impl Template {
    /// From words that somebody wrote; version 0, until it has one.
    ///
    /// # Errors
    /// [`ComposeError::Written`] where a brace belongs to no variable, [`ComposeError::NoName`]
    /// where nothing may be said under this key.
    pub fn written(key: Key, wording: &Wording, approval: Approval) -> Result<Self, ComposeError> {
        let rules = super::kinds::rules(key.kind).ok_or(ComposeError::NoName)?;
        let read = |text: &str| pieces(text).map_err(ComposeError::Written);
        let body_source = wording.body.trim_end().to_owned();
        Ok(Self {
            key,
            version: 0,
            subject: wording.subject.as_deref().map(read).transpose()?,
            body: read(&body_source)?,
            subject_source: wording.subject.clone(),
            body_source,
            max_level: rules.max_level,
            approval,
            expires: wording.expires,
        })
    }

    /// Its words as somebody would write them.
    #[must_use]
    pub fn wording(&self) -> Wording {
        Wording {
            subject: self.subject_source.clone(),
            body: self.body_source.clone(),
            expires: self.expires,
        }
    }

    /// The exact version, as messages carry it.
    #[must_use]
    pub fn reference(&self) -> TemplateRef {
        TemplateRef { name: self.key.name(), version: self.version }
    }

    /// SHA-256 of all that makes it what it is; each field is preceded by its length.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut bytes = Vec::new();
        let name = self.key.name();
        let level = u8::from(self.max_level).to_string();
        let subject = self.subject_source.as_deref().unwrap_or("\u{0}");
        for field in [name.as_str(), &level, subject, &self.body_source] {
            let length = u64::try_from(field.len()).unwrap_or(u64::MAX);
            bytes.extend(length.to_be_bytes());
            bytes.extend(field.as_bytes());
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, &bytes).as_ref());
        hash
    }

    /// The variables with a place in it.
    pub fn places(&self) -> impl Iterator<Item = Variable> {
        let pieces = self.subject.iter().flatten().chain(&self.body);
        pieces.filter_map(|piece| match piece {
            Piece::Place(variable) => Some(*variable),
            Piece::Text(_) => None,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    kind: Kind,
    author: Option<String>,
    approved_by: Option<String>,
    text: Vec<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    channel: Channel,
    language: Language,
    #[serde(default)]
    variant: Variant,
    subject: Option<String>,
    body: String,
    /// The portal shows the same words.
    #[serde(default)]
    portal: bool,
    expires: Option<Date>,
}

/// The most a template file may weigh.
pub(super) const LARGEST_FILE: usize = 256 * 1024;

/// Parses a template file. `builtin`: ours; otherwise author and approver must be two people.
/// [`Templates::load`](super::Templates::load) lints what it reads.
///
/// # Errors
/// [`ComposeError::Syntax`], naming `path` and the field.
pub fn parse(path: &Path, text: &str, builtin: bool) -> Result<Vec<Template>, ComposeError> {
    let wrong = |because: String| ComposeError::Syntax { path: path.to_owned(), because };
    if text.len() > LARGEST_FILE {
        return Err(wrong("is larger than 256 KiB; split it by kind".to_owned()));
    }
    let file: File = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
    let rules = super::kinds::rules(file.kind).ok_or_else(|| {
        wrong(format!("kind: {} has no text, email or portal template", file.kind.as_str()))
    })?;
    let approval = match (builtin, file.author, file.approved_by) {
        (true, _, _) => Approval { author: BUILT_IN.to_owned(), approved_by: BUILT_IN.to_owned() },
        (false, Some(author), Some(approved_by)) if author.trim() != approved_by.trim() => {
            Approval { author, approved_by }
        }
        (false, Some(_), Some(_)) => {
            return Err(wrong("approved_by: must be someone other than author".to_owned()));
        }
        (false, _, _) => {
            return Err(wrong("author, approved_by: say who wrote and who approved it".to_owned()));
        }
    };
    let mut templates = Vec::new();
    for text in file.text {
        let channels: &[Channel] = match (text.channel, text.portal) {
            (Channel::Email, true) => &[Channel::Email, Channel::Portal],
            (Channel::Sms, false) => &[Channel::Sms],
            (Channel::Email, false) => &[Channel::Email],
            (Channel::Portal, false) => &[Channel::Portal],
            (_, true) => return Err(wrong("portal: only an email can say so".to_owned())),
            _ => return Err(wrong("channel: must be sms, email or portal".to_owned())),
        };
        let body_source = text.body.trim_end().to_owned();
        for &channel in channels {
            let key =
                Key { kind: file.kind, variant: text.variant, channel, language: text.language };
            let in_template = |because: String| wrong(format!("{}: {because}", key.name()));
            templates.push(Template {
                key,
                version: 1,
                subject: text.subject.as_deref().map(pieces).transpose().map_err(in_template)?,
                body: pieces(&body_source).map_err(in_template)?,
                subject_source: text.subject.clone(),
                body_source: body_source.clone(),
                max_level: rules.max_level,
                approval: approval.clone(),
                expires: text.expires,
            });
        }
    }
    Ok(templates)
}

/// Who answers for the templates in this program.
pub const BUILT_IN: &str = "sotto built-in";

/// Splits a text at its places. Every brace belongs to one; an unknown name is named.
fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (word, after) = after.split_once('}').ok_or("a `{` is never closed")?;
        if before.contains('}') {
            return Err("a `}` was never opened".to_owned());
        }
        let variable = Variable::from_word(word).ok_or_else(|| {
            let known: Vec<_> = Variable::ALL.iter().map(|v| v.as_str()).collect();
            format!("there is no variable `{word}`; there are {}", known.join(", "))
        })?;
        if !before.is_empty() {
            pieces.push(Piece::Text(before.to_owned()));
        }
        pieces.push(Piece::Place(variable));
        rest = after;
    }
    if rest.contains('}') {
        return Err("a `}` was never opened".to_owned());
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.to_owned()));
    }
    Ok(pieces)
}
