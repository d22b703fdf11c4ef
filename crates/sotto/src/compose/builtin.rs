//! The template files in this program.

/// Name and text of each.
pub(super) const FILES: &[(&str, &str)] = &[
    ("account_callback.toml", include_str!("templates/account_callback.toml")),
    ("after_hours_autoreply.toml", include_str!("templates/after_hours_autoreply.toml")),
    ("appt_reminder.toml", include_str!("templates/appt_reminder.toml")),
    ("appt_reply_ack.toml", include_str!("templates/appt_reply_ack.toml")),
    (
        "clinical_question_autoreply.toml",
        include_str!("templates/clinical_question_autoreply.toml"),
    ),
    ("closure.toml", include_str!("templates/closure.toml")),
    ("consent_receipt.toml", include_str!("templates/consent_receipt.toml")),
    ("emergency_autoreply.toml", include_str!("templates/emergency_autoreply.toml")),
    ("help.toml", include_str!("templates/help.toml")),
    ("id_code.toml", include_str!("templates/id_code.toml")),
    ("optin_confirm.toml", include_str!("templates/optin_confirm.toml")),
    ("pre_visit_forms.toml", include_str!("templates/pre_visit_forms.toml")),
    ("recall.toml", include_str!("templates/recall.toml")),
    ("refill_reminder.toml", include_str!("templates/refill_reminder.toml")),
    ("results_ready.toml", include_str!("templates/results_ready.toml")),
    ("risk_warning.toml", include_str!("templates/risk_warning.toml")),
    ("rx_ready.toml", include_str!("templates/rx_ready.toml")),
    ("secure_message_notice.toml", include_str!("templates/secure_message_notice.toml")),
    ("start_confirm.toml", include_str!("templates/start_confirm.toml")),
    ("statement_ready.toml", include_str!("templates/statement_ready.toml")),
    ("stop_confirm.toml", include_str!("templates/stop_confirm.toml")),
    ("survey.toml", include_str!("templates/survey.toml")),
    ("telehealth_link.toml", include_str!("templates/telehealth_link.toml")),
    ("visit_callback.toml", include_str!("templates/visit_callback.toml")),
    ("waitlist_offer.toml", include_str!("templates/waitlist_offer.toml")),
    ("wrong_number_apology.toml", include_str!("templates/wrong_number_apology.toml")),
];
