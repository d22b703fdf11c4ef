//! What the second look says of what it found.

use std::ops::Range;

use crate::assessment::Finding;
use crate::level::{Category, Level};

/// The finding of a category at a level; the rule's id tells that it came from the second look.
pub(crate) const fn finding(span: Range<usize>, category: Category, level: Level) -> Finding {
    let (rule, reason) = said(category);
    Finding { span, category, level, rule, reason, suggestion: advice(level), ready: false }
}

const fn said(category: Category) -> (&'static str, &'static str) {
    match category {
        Category::Diagnosis => {
            ("diagnosis.meant", "Read as a whole, it tells of an illness or a symptom.")
        }
        Category::Medication => {
            ("medication.meant", "Read as a whole, it tells of a medicine, vaccine or device.")
        }
        Category::LabResult => {
            ("lab_result.meant", "Read as a whole, it tells of a test or its result.")
        }
        Category::Procedure => {
            ("procedure.meant", "Read as a whole, it tells of a procedure or a picture taken.")
        }
        Category::Specialty => {
            ("specialty.meant", "Read as a whole, it tells which kind of clinic it is.")
        }
        Category::MentalHealth => {
            ("mental_health.meant", "Read as a whole, it tells of mental health care.")
        }
        Category::Sud => {
            ("sud.meant", "Read as a whole, it tells of substance use or its treatment.")
        }
        Category::Reproductive => {
            ("reproductive.meant", "Read as a whole, it tells of sexual or reproductive health.")
        }
        Category::Hiv => ("hiv.meant", "Read as a whole, it tells of HIV or its prevention."),
        Category::Billing => ("billing.meant", "Read as a whole, it tells of money owed or paid."),
        Category::IdentifierSsn => {
            ("identifier_ssn.meant", "It seems to give a social security number, or a part of one.")
        }
        Category::IdentifierMrn => ("identifier_mrn.meant", "It seems to give a chart number."),
        Category::IdentifierDob => ("identifier_dob.meant", "It seems to give a date of birth."),
        Category::IdentifierAddress => {
            ("identifier_address.meant", "It seems to give a home address.")
        }
        Category::IdentifierOther => (
            "identifier_other.meant",
            "It seems to give a number, name or code that stands for one person.",
        ),
    }
}

const fn advice(level: Level) -> &'static str {
    match level {
        Level::Administrative | Level::Mention => {
            "If it does not tell that, send it as it is with the patient's consent; else say only “your visit”."
        }
        Level::Detail => "Say only “your visit” or “your appointment”, or send it by portal.",
        Level::Sensitive => "Send it by portal, and ask the patient to call or sign in.",
        Level::Never => "Never send it. Ask for it in person or behind the portal's sign-in.",
    }
}
