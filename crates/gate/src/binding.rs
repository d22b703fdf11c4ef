//! The tag that binds a clearance to every field of its draft and basis.

use std::borrow::Cow;

use aws_lc_rs::hmac;
use guard::{Category, Source};
use jiff::Timestamp;
use uuid::Uuid;

use crate::draft::{Content, Draft, Origin};
use crate::permit::Basis;

/// The key that binds clearances to the audit log. The caller derives it from its keyring.
pub struct BindingKey(hmac::Key);

impl BindingKey {
    /// From 32 secret bytes.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }
}

impl std::fmt::Debug for BindingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BindingKey(…)")
    }
}

/// A tag made by [`Cleared::binding`](crate::Cleared::binding), as it stands in the audit entry of
/// the clearance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding(pub [u8; 32]);

/// Length-prefixed, so that no two clearances share an encoding. Taken apart field by field, so
/// that a field added later is bound or does not compile. Instants count in microseconds, as rows
/// store them.
pub(crate) fn bind(key: &BindingKey, draft: &Draft, basis: &Basis) -> Binding {
    let mut mac = Encoder(hmac::Context::with_key(&key.0));
    mac.text("sotto clearance v1");
    mac.draft(draft);
    mac.basis(basis);
    let tag = mac.0.sign();
    let mut out = [0; 32];
    for (to, from) in out.iter_mut().zip(tag.as_ref()) {
        *to = *from;
    }
    Binding(out)
}

struct Encoder(hmac::Context);

impl Encoder {
    fn draft(&mut self, draft: &Draft) {
        let Draft {
            message,
            practice,
            patient,
            contact_point,
            address,
            channel,
            kind,
            purpose,
            origin,
            content,
            useless_after,
        } = draft;
        self.id(message.0);
        self.id(practice.0);
        self.option(*patient, |mac, id| mac.id(id.0));
        self.option(*contact_point, |mac, id| mac.id(id.0));
        self.text(address.reveal());
        self.text(channel.as_str());
        self.text(kind.as_str());
        self.text(purpose.as_str());
        match origin {
            Origin::Automated => self.text("automated"),
            Origin::Staff => self.text("staff"),
            Origin::Reply { to_message_at } => {
                self.text("reply");
                self.instant(*to_message_at);
            }
        }
        self.content(content);
        self.option(*useless_after, Self::instant);
    }

    fn content(&mut self, content: &Content) {
        let Content { subject, body, fields, template, language } = content;
        self.option(subject.as_deref(), Self::text);
        self.text(body);
        self.number(fields.len() as u64);
        for field in fields {
            self.number(field.span.start as u64);
            self.number(field.span.end as u64);
            self.text(source_word(field.source));
        }
        self.option(template.as_ref(), |mac, template| {
            mac.text(&template.name);
            mac.number(u64::from(template.version));
        });
        self.text(language.as_str());
    }

    fn basis(&mut self, basis: &Basis) {
        let Basis { cleared_at, not_before, policy, level, categories, rules, cells, consents } =
            basis;
        self.instant(*cleared_at);
        self.option(*not_before, Self::instant);
        self.text(policy.as_str());
        self.number(u64::from(u8::from(*level)));
        self.number(categories.len() as u64);
        for category in categories {
            self.text(category_word(*category));
        }
        self.number(rules.len() as u64);
        for rule in rules.iter().map(Cow::as_ref) {
            self.text(rule);
        }
        self.number(cells.len() as u64);
        for cell in cells {
            self.number(u64::from(u8::from(cell.level)));
            self.text(category_word(cell.category));
            self.number(u64::from(cell.ready));
        }
        self.number(consents.len() as u64);
        for consent in consents {
            self.id(consent.0);
        }
    }

    fn number(&mut self, number: u64) {
        self.0.update(&number.to_be_bytes());
    }

    fn id(&mut self, id: Uuid) {
        self.0.update(id.as_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.update(text.as_bytes());
    }

    fn instant(&mut self, instant: Timestamp) {
        self.0.update(&instant.as_microsecond().to_be_bytes());
    }

    fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.number(u64::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }
}

/// Stored tags depend on these words: never change one.
const fn category_word(category: Category) -> &'static str {
    match category {
        Category::Diagnosis => "diagnosis",
        Category::Medication => "medication",
        Category::LabResult => "lab_result",
        Category::Procedure => "procedure",
        Category::Specialty => "specialty",
        Category::MentalHealth => "mental_health",
        Category::Sud => "sud",
        Category::Reproductive => "reproductive",
        Category::Hiv => "hiv",
        Category::Billing => "billing",
        Category::IdentifierSsn => "identifier_ssn",
        Category::IdentifierMrn => "identifier_mrn",
        Category::IdentifierDob => "identifier_dob",
        Category::IdentifierAddress => "identifier_address",
        Category::IdentifierOther => "identifier_other",
    }
}

/// Stored tags depend on these words: never change one.
const fn source_word(source: Source) -> &'static str {
    match source {
        Source::FirstName => "first_name",
        Source::TitleSurname => "title_surname",
        Source::Practice => "practice",
        Source::Site => "site",
        Source::ClinicianSurname => "clinician_surname",
        Source::Phone => "phone",
        Source::When => "when",
        Source::Hours => "hours",
        Source::Link => "link",
        Source::Code => "code",
        Source::BirthDate => "birth_date",
        Source::Clinical => "clinical",
        Source::Amount => "amount",
        Source::FreeText => "free_text",
    }
}
