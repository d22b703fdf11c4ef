//! The words of a message: templates, and the values that fill them.
//!
//! Pure but for [`store`] and [`proposals`]. A template is linted when it is loaded or proposed, and
//! guarded again, with its real values, by the gate. Read in this order: [`variable`], [`kinds`]
//! (RULEBOOK §12 as data), [`template`], [`lint`], [`dates`], [`proposals`].

pub mod variable;

pub mod kinds;

pub mod template;

pub mod lint;

pub mod dates;

pub mod store;

pub mod proposals;

pub mod changes;

pub mod prices;

pub mod neutral_name;

mod builtin;
mod error;
mod grade;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use gate::{Channel, Content, Kind, Language};
use guard::Field;

pub use error::ComposeError;
pub use template::{Key, Template};
pub use variable::{Values, Variable, Variant};

use dates::Style;
use template::Piece;

/// Every template in force in a practice, one for each [`Key`].
#[derive(Debug, Clone, Default)]
pub struct Templates(BTreeMap<Key, Arc<Template>>);

impl Templates {
    /// The templates in this program.
    ///
    /// # Errors
    /// [`ComposeError`] as for a practice's own; a test keeps it from happening.
    pub fn builtin() -> Result<Self, ComposeError> {
        let mut templates = Self::default();
        for (name, text) in builtin::FILES {
            templates.add(template::parse(Path::new(name), text, true)?);
        }
        templates.linted(&lint::Samples::default())
    }

    /// The built-in templates, replaced or joined by the practice's own: each `*.toml` in
    /// `directory`.
    ///
    /// # Errors
    /// [`ComposeError::Read`], [`ComposeError::Syntax`] or [`ComposeError::Lint`]; then none is used.
    pub fn load(directory: &Path) -> Result<Self, ComposeError> {
        let mut templates = Self::builtin()?;
        let read = |source| ComposeError::Read { path: directory.to_owned(), source };
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(directory).map_err(read)? {
            let path = entry.map_err(read)?.path();
            if path.extension().is_some_and(|extension| extension == "toml") {
                paths.push(path);
            }
        }
        paths.sort();
        for path in paths {
            let weight = std::fs::metadata(&path).map(|data| data.len());
            if weight.is_ok_and(|bytes| bytes > template::LARGEST_FILE as u64) {
                let because = "is larger than 256 KiB; split it by kind".to_owned();
                return Err(ComposeError::Syntax { path, because });
            }
            let text = std::fs::read_to_string(&path)
                .map_err(|source| ComposeError::Read { path: path.clone(), source })?;
            templates.add(template::parse(&path, &text, false)?);
        }
        templates.linted(&lint::Samples::default())
    }

    fn add(&mut self, templates: Vec<Template>) {
        for template in templates {
            self.0.insert(template.key, Arc::new(template));
        }
    }

    fn linted(self, samples: &lint::Samples) -> Result<Self, ComposeError> {
        let broken: Vec<_> = self.iter().flat_map(|t| lint::check(&self, t, samples)).collect();
        if broken.is_empty() { Ok(self) } else { Err(ComposeError::Lint(broken)) }
    }

    /// The same, with these in place of those of the same key, or besides.
    #[must_use]
    pub fn with(&self, others: impl IntoIterator<Item = Arc<Template>>) -> Self {
        let mut templates = self.clone();
        templates.0.extend(others.into_iter().map(|other| (other.key, other)));
        templates
    }

    /// All of them, in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = &Template> {
        self.0.values().map(|template| &**template)
    }

    /// The one in force for a key.
    #[must_use]
    pub fn find(&self, key: Key) -> Option<&Template> {
        self.0.get(&key).map(|template| &**template)
    }
}

/// The words of one message. Which parts came from which variable is told with them, so that the
/// guard need not guess.
///
/// # Errors
/// [`ComposeError::NoTemplate`], [`ComposeError::NoTranslation`], [`ComposeError::Unlisted`] or
/// [`ComposeError::MissingValue`].
pub fn render(
    templates: &Templates,
    kind: Kind,
    channel: Channel,
    language: Language,
    values: &Values,
) -> Result<Content, ComposeError> {
    let key = Key { kind, variant: values.wording(), channel, language };
    let Some(template) = templates.find(key) else {
        let elsewhere = Language::ALL
            .iter()
            .any(|&other| templates.find(Key { language: other, ..key }).is_some());
        return Err(if elsewhere {
            ComposeError::NoTranslation { kind, channel, language }
        } else {
            ComposeError::NoTemplate { kind, channel }
        });
    };
    let allowed = kinds::rules(kind).map_or(&[][..], |rules| rules.allowed);
    if let Some(unlisted) = values.given().find(|variable| !allowed.contains(variable)) {
        return Err(ComposeError::Unlisted { variable: unlisted.as_str(), kind });
    }
    let (body, fields) = fill(template, &template.body, values)?;
    let subject = match &template.subject {
        Some(pieces) => Some(fill(template, pieces, values)?.0),
        None => None,
    };
    Ok(Content { subject, body, fields, template: Some(template.reference()), language })
}

/// One pass: a value that looks like a place stays what it is.
fn fill(
    template: &Template,
    pieces: &[Piece],
    values: &Values,
) -> Result<(String, Vec<Field>), ComposeError> {
    let on_the_air = template.key.channel == Channel::Sms;
    let style = if on_the_air { Style::Short } else { Style::Long };
    let mut text = String::new();
    let mut length = 0;
    let mut fields = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Text(literal) => {
                // "2:30 p. m." brings its own full stop.
                let twice = text.ends_with('.') && literal.starts_with('.');
                let literal = if twice { literal.get(1..).unwrap_or_default() } else { literal };
                text.push_str(literal);
                length += literal.chars().count();
            }
            Piece::Place(variable) => {
                let value =
                    values.text(*variable, template.key.language, style).ok_or_else(|| {
                        ComposeError::MissingValue {
                            variable: variable.as_str(),
                            template: template.key.name(),
                        }
                    })?;
                let value = if on_the_air { variable::plain_signs(&value) } else { value };
                let end = length + value.chars().count();
                fields.push(Field { span: length..end, source: variable.source() });
                text.push_str(&value);
                length = end;
            }
        }
    }
    Ok((text, fields))
}

#[cfg(test)]
mod tests;
