//! A form as it was filled in: read field by field, and shown again with what was typed where
//! something is wrong. Nothing of it goes anywhere but back to the page.

use std::borrow::Borrow;

use axum::http::StatusCode;
use gate::Address;
use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

use crate::attachments::scan::NotTaken;
use crate::attachments::store::AttachmentError;
use crate::audit::AuditError;
use crate::db::consent_event::ConsentMethod;
use crate::db::{DbError, Word};
use crate::http::errors::Problem;
use crate::http::form::Fields;
use crate::intake::IntakeError;
use crate::people::addresses::parse_phone;
use crate::people::consents::ConsentError;
use crate::people::told::{RecordError, Told};
use crate::portal::PortalError;

/// Why a form was not taken: a field and what to do, or the whole of it.
#[derive(Debug)]
pub(in crate::http::console) struct Refused {
    pub status: StatusCode,
    /// The field's name; none where it is about no field.
    pub field: Option<&'static str>,
    /// A sentence.
    pub words: String,
}

impl Refused {
    pub(in crate::http::console) fn field(field: &'static str, words: impl Into<String>) -> Self {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        Self { status, field: Some(field), words: words.into() }
    }

    /// It is ours to mend; the problem has logged itself.
    pub(in crate::http::console) fn broken(problem: &Problem) -> Self {
        Self {
            status: StatusCode::from_u16(problem.status)
                .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            field: None,
            words: "That didn’t work, and it isn’t your doing. Try again in a minute.".to_owned(),
        }
    }

    fn remedy(field: &'static str, remedy: &str) -> Self {
        let mut letters = remedy.chars();
        let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
        Self::field(field, format!("{first}{}.", letters.as_str()))
    }
}

impl From<DbError> for Refused {
    fn from(error: DbError) -> Self {
        Self::broken(&error.into())
    }
}

impl From<AuditError> for Refused {
    fn from(error: AuditError) -> Self {
        Self::broken(&error.into())
    }
}

impl From<IntakeError> for Refused {
    fn from(error: IntakeError) -> Self {
        Self::broken(&error.into())
    }
}

impl From<PortalError> for Refused {
    fn from(error: PortalError) -> Self {
        tracing::error!(%error, "patient.window");
        Self::broken(&Problem::internal())
    }
}

impl From<RecordError> for Refused {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Invalid { field, remedy } => Self::remedy(field, remedy),
            RecordError::Already { what, because } => Self {
                status: StatusCode::CONFLICT,
                field: None,
                words: format!("Nothing to do: of the {what} it was so already ({because})."),
            },
            RecordError::Unknown(what) => Self {
                status: StatusCode::NOT_FOUND,
                field: None,
                words: format!("This patient has no such {what}. Load the page again."),
            },
            RecordError::UnknownPatient => Self {
                status: StatusCode::CONFLICT,
                field: None,
                words: "This record was merged into another; write it down there.".to_owned(),
            },
            error => Self::broken(&error.into()),
        }
    }
}

impl From<NotTaken> for Refused {
    fn from(error: NotTaken) -> Self {
        Self::remedy("scan", &error.to_string())
    }
}

impl From<AttachmentError> for Refused {
    fn from(error: AttachmentError) -> Self {
        Self::broken(&error.into())
    }
}

impl From<ConsentError> for Refused {
    fn from(error: ConsentError) -> Self {
        match error {
            ConsentError::Invalid { field, remedy } => Self::remedy(field, remedy),
            ConsentError::UnknownPatient => RecordError::UnknownPatient.into(),
            ConsentError::UnknownConsent => RecordError::Unknown("consent").into(),
            ConsentError::AlreadyRevoked => {
                RecordError::Already { what: "consent", because: "it is withdrawn" }.into()
            }
            error => Self::broken(&error.into()),
        }
    }
}

impl Fields {
    /// One of the words of a list; none where nothing is chosen.
    pub(in crate::http::console) fn word<T: Word>(
        &self,
        name: &'static str,
    ) -> Result<Option<T>, Refused> {
        self.some(name)
            .map(|word| T::from_word(&word).ok_or_else(|| Refused::field(name, "Choose one.")))
            .transpose()
    }

    /// A day from which on something no longer holds: its first instant in this zone.
    pub(in crate::http::console) fn until(
        &self,
        name: &'static str,
        zone: &TimeZone,
    ) -> Result<Option<Timestamp>, Refused> {
        let Some(text) = self.some(name) else { return Ok(None) };
        let day: Option<Date> = text.parse().ok();
        day.and_then(|day| day.tomorrow().ok())
            .and_then(|day| day.to_zoned(zone.clone()).ok())
            .map(|at| Some(at.timestamp()))
            .ok_or_else(|| Refused::field(name, "Write the last day as 2027-12-31."))
    }

    /// A minute of the day.
    pub(in crate::http::console) fn minute(
        &self,
        name: &'static str,
    ) -> Result<Option<u16>, Refused> {
        let Some(text) = self.some(name) else { return Ok(None) };
        let time = Time::strptime("%H:%M", &text).ok();
        time.and_then(|time| {
            u16::try_from(i32::from(time.hour()) * 60 + i32::from(time.minute())).ok()
        })
        .map(Some)
        .ok_or_else(|| Refused::field(name, "Write a time such as 09:00."))
    }

    /// A number or mailbox, as people write them, with what its digits tell of the line.
    pub(in crate::http::console) fn address(
        &self,
        name: &'static str,
    ) -> Result<(Address, gate::facts::Line), Refused> {
        let text = self.text(name);
        if text.contains('@') {
            return gate::EmailAddress::parse(text)
                .map(|mailbox| (Address::Email(mailbox), gate::facts::Line::NotALine))
                .map_err(|_| {
                    Refused::field(name, "That is no mailbox. It looks like name@example.com.")
                });
        }
        parse_phone(text).map(|(number, line)| (Address::Phone(number), line)).map_err(|_| {
            Refused::field(
                name,
                "Write a number with its area code, such as 617-555-0123, or a mailbox.",
            )
        })
    }

    /// How the practice came to know.
    pub(in crate::http::console) fn told(&self, now: Timestamp) -> Result<Told, Refused> {
        let method: Option<ConsentMethod> = self.word("method")?;
        Ok(Told {
            method: method.ok_or_else(|| Refused::field("method", "Say how you were told."))?,
            evidence: self.some("evidence"),
            witness: self.some("witness"),
            captured_at: now,
        })
    }
}

/// What a page shows in its forms: nothing typed yet, or one form as it came back.
#[derive(Debug, Default)]
pub(in crate::http::console) struct Typed {
    form: String,
    fields: Fields,
    refused: Option<Refused>,
}

impl Typed {
    pub(in crate::http::console) const fn again(
        form: String,
        fields: Fields,
        refused: Refused,
    ) -> Self {
        Self { form, fields, refused: Some(refused) }
    }

    /// A page that is one form: filled in, wrong or not.
    pub(in crate::http::console) fn filled(
        form: &str,
        fields: Fields,
        refused: Option<Refused>,
    ) -> Self {
        Self { form: form.to_owned(), fields, refused }
    }

    pub(in crate::http::console) fn status(&self) -> StatusCode {
        self.refused.as_ref().map_or(StatusCode::OK, |refused| refused.status)
    }

    /// What was wrong, for the top of the page: the words, and the field's id.
    pub(in crate::http::console) fn wrong(&self) -> Option<(&str, String)> {
        let refused = self.refused.as_ref()?;
        let at = match refused.field {
            Some(field) => format!("{}-{field}", self.form),
            None => self.form.clone(),
        };
        Some((&refused.words, at))
    }

    /// Whether a form came back.
    pub(in crate::http::console) fn is(&self, form: &str) -> bool {
        self.form == form
    }

    /// What a field holds: what was typed, or what is there to begin with.
    pub(in crate::http::console) fn text<'a>(
        &'a self,
        form: &str,
        field: &str,
        begin: &'a str,
    ) -> &'a str {
        if self.is(form) { self.fields.text(field) } else { begin }
    }

    /// Whether a choice is taken.
    pub(in crate::http::console) fn chosen(
        &self,
        form: &str,
        field: &str,
        value: &str,
        begin: &str,
    ) -> bool {
        self.text(form, field, begin) == value
    }

    /// Whether a box is ticked.
    pub(in crate::http::console) fn ticked(
        &self,
        form: &str,
        field: &str,
        begin: impl Borrow<bool>,
    ) -> bool {
        if self.is(form) { self.fields.ticked(field) } else { *begin.borrow() }
    }

    /// Marks a field that is wrong; the attributes hold names of ours alone.
    pub(in crate::http::console) fn mark(&self, form: &str, field: &str) -> &'static str {
        let wrong = self.refused.as_ref().and_then(|refused| refused.field);
        if self.is(form) && wrong == Some(field) {
            " aria-invalid=\"true\" aria-describedby=\"wrong\""
        } else {
            ""
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Fields::from(pairs.iter().map(owned).collect::<BTreeMap<_, _>>())
    }

    #[test]
    fn an_error_names_the_field_and_what_was_typed_stays() {
        let typed = fields(&[("address", "12"), ("shared", "yes"), ("when", "2027-13-01")]);
        let refused = typed.address("address").unwrap_err();
        let again = Typed::again("contact".to_owned(), typed.clone(), refused);
        assert_eq!(again.text("contact", "address", "x"), "12");
        assert_eq!(again.text("other", "address", "x"), "x");
        assert!(
            again.ticked("contact", "shared", false) && !again.ticked("other", "shared", false)
        );
        assert!(again.mark("contact", "address").contains("aria-invalid"));
        assert_eq!(again.mark("contact", "witness"), "");
        assert_eq!(again.wrong().unwrap().1, "contact-address");
        let zone = TimeZone::UTC;
        assert_eq!(typed.until("when", &zone).unwrap_err().field, Some("when"));
        let until = fields(&[("when", "2027-12-31")]).until("when", &zone).unwrap();
        assert_eq!(until.unwrap().to_string(), "2028-01-01T00:00:00Z", "the last day counts whole");
    }

    #[test]
    fn a_remedy_becomes_a_sentence() {
        let refused = Refused::from(RecordError::Invalid { field: "witness", remedy: "name who" });
        assert_eq!((refused.field, refused.words.as_str()), (Some("witness"), "Name who."));
    }
}
