//! Status callbacks and inbound texts as a Twilio-compatible carrier posts and signs them.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::HttpConfig;
use crate::plan::{ReceiptDue, ReplyDue};
use crate::record::DeliveryState;

type Form = Vec<(String, String)>;

/// The word for a state.
pub(crate) fn word(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::OnItsWay => "sent",
        DeliveryState::Delivered => "delivered",
        DeliveryState::Undeliverable | DeliveryState::Expired => "undelivered",
    }
}

/// A status callback.
pub(crate) fn status(config: &HttpConfig, due: &ReceiptDue) -> Form {
    let word = word(due.state);
    let mut form = fields(&[
        ("AccountSid", &config.account_sid),
        ("ApiVersion", "2010-04-01"),
        ("From", &due.from),
        ("MessageSid", &due.message_id),
        ("MessageStatus", word),
        ("SmsSid", &due.message_id),
        ("SmsStatus", word),
        ("To", &due.to),
    ]);
    if let Some(error) = due.error {
        form.push(("ErrorCode".to_owned(), error.to_string()));
    }
    form
}

/// An inbound text.
pub(crate) fn inbound(config: &HttpConfig, due: &ReplyDue, id: u64) -> Form {
    // The same for each try, so that the receiver can tell a repetition.
    let sid = format!("SM{id:032x}");
    let segments = smpp::count(&due.text).parts.to_string();
    fields(&[
        ("AccountSid", &config.account_sid),
        ("ApiVersion", "2010-04-01"),
        ("Body", &due.text),
        ("From", &due.from),
        ("MessageSid", &sid),
        ("NumMedia", "0"),
        ("NumSegments", &segments),
        ("SmsMessageSid", &sid),
        ("SmsSid", &sid),
        ("SmsStatus", "received"),
        ("To", &due.to),
    ])
}

fn fields(pairs: &[(&str, &str)]) -> Form {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// `X-Twilio-Signature`: base64 of HMAC-SHA1, keyed by the auth token, over the URL and the form's
/// names and values in the order of the names.
pub fn signature(auth_token: &str, url: &str, form: &[(String, String)]) -> String {
    let mut sorted: Vec<&(String, String)> = form.iter().collect();
    sorted.sort();
    let mut signed = url.to_owned();
    for (name, value) in sorted {
        signed.push_str(name);
        signed.push_str(value);
    }
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, auth_token.as_bytes());
    STANDARD.encode(hmac::sign(&key, signed.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_published_example() {
        // The example in the carrier's documentation of request validation.
        let form = fields(&[
            ("CallSid", "CA1234567890ABCDE"),
            ("Caller", "+14158675310"),
            ("Digits", "1234"),
            ("From", "+14158675310"),
            ("To", "+18005551212"),
        ]);
        let url = "https://example.com/myapp.php?foo=1&bar=2";
        assert_eq!(signature("12345", url, &form), "L/OH5YylLD5NRKLltdqwSvS0BnU=");
    }
}
