//! What a Twilio-compatible carrier posts to us: pure functions, mounted by `http/carriers`.

use aws_lc_rs::{constant_time, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gate::{Address, Channel, PhoneNumber};
use thiserror::Error;

use super::{AdapterName, CarrierReceipt, Failure, FailureKind, ReceiptStatus, Reply, Secret};

/// Fields of one post, at most.
const MOST_FIELDS: usize = 200;

/// A post's form fields, as sent. PHI: `Debug` shows names only.
#[derive(Clone, PartialEq, Eq)]
pub struct Form(Vec<(String, String)>);

impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// Why a post is not believed or not understood. Never holds its contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum WebhookError {
    /// The signature is missing or wrong.
    #[error(
        "X-Twilio-Signature does not fit: check auth_token and the public address of this server"
    )]
    Signature,
    /// Too many fields.
    #[error("the post has more than 200 fields")]
    TooManyFields,
    /// A field is missing.
    #[error("the field {0} is missing or empty")]
    Missing(&'static str),
    /// A field cannot be read.
    #[error("the field {0} cannot be read")]
    Unreadable(&'static str),
}

/// What a state and an error code of the carrier mean, in a callback as in an answer.
pub(super) fn meaning(status: &str, code: Option<u32>) -> Option<(ReceiptStatus, Option<Failure>)> {
    let status = match status {
        "accepted" | "scheduled" | "queued" | "sending" | "sent" => ReceiptStatus::EnRoute,
        "delivered" | "read" => ReceiptStatus::Delivered,
        "undelivered" => ReceiptStatus::Undelivered,
        "failed" | "canceled" => ReceiptStatus::Rejected,
        _ => return None,
    };
    let failed = matches!(status, ReceiptStatus::Undelivered | ReceiptStatus::Rejected);
    let kind = code.map_or(FailureKind::Rejected, FailureKind::from_twilio);
    let text = code.map(|code| code.to_string()).unwrap_or_default();
    Some((status, failed.then(|| Failure::coded(kind, &text))))
}

impl Form {
    /// Reads `application/x-www-form-urlencoded`.
    ///
    /// # Errors
    /// [`WebhookError::TooManyFields`].
    pub fn parse(body: &[u8]) -> Result<Self, WebhookError> {
        let mut fields = Vec::new();
        for pair in body.split(|octet| *octet == b'&').filter(|pair| !pair.is_empty()) {
            if fields.len() == MOST_FIELDS {
                return Err(WebhookError::TooManyFields);
            }
            let mut halves = pair.splitn(2, |octet| *octet == b'=');
            let name = decoded(halves.next().unwrap_or_default());
            fields.push((name, decoded(halves.next().unwrap_or_default())));
        }
        Ok(Self(fields))
    }

    fn get(&self, name: &'static str) -> Result<&str, WebhookError> {
        let field = self.0.iter().find(|(known, _)| known == name);
        let value = field.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty());
        value.ok_or(WebhookError::Missing(name))
    }

    /// Checks that the carrier sent this post to this address: HMAC-SHA1 over the address and the
    /// sorted fields, in constant time. `url` is the public address, query included, as the
    /// carrier knows it.
    ///
    /// # Errors
    /// [`WebhookError::Signature`].
    pub fn verify(&self, url: &str, token: &Secret, signature: &str) -> Result<(), WebhookError> {
        let given = STANDARD.decode(signature).map_err(|_| WebhookError::Signature)?;
        let tag = self.tag(url, token);
        constant_time::verify_slices_are_equal(tag.as_ref(), &given)
            .map_err(|_| WebhookError::Signature)
    }

    /// The signature a carrier puts into `X-Twilio-Signature`.
    #[must_use]
    pub fn sign(&self, url: &str, token: &Secret) -> String {
        STANDARD.encode(self.tag(url, token).as_ref())
    }

    fn tag(&self, url: &str, token: &Secret) -> hmac::Tag {
        let mut fields: Vec<&(String, String)> = self.0.iter().collect();
        fields.sort();
        fields.dedup();
        let mut text = url.to_owned();
        for (name, value) in fields {
            text.push_str(name);
            text.push_str(value);
        }
        // The carrier's protocol prescribes SHA-1; as HMAC it still stands.
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, token.reveal().as_bytes());
        hmac::sign(&key, text.as_bytes())
    }

    /// Reads a status callback. States before the phone network (`queued`, `sending`, `accepted`,
    /// `scheduled`) are [`ReceiptStatus::EnRoute`].
    ///
    /// # Errors
    /// [`WebhookError`].
    pub fn receipt(&self) -> Result<CarrierReceipt, WebhookError> {
        let carrier_id = self.sid()?;
        let status = self.get("MessageStatus").or_else(|_| self.get("SmsStatus"))?;
        let code = self.get("ErrorCode").ok().and_then(|code| code.parse::<u32>().ok());
        let (status, failure) =
            meaning(status, code).ok_or(WebhookError::Unreadable("MessageStatus"))?;
        Ok(CarrierReceipt {
            adapter: AdapterName::SmsHttp,
            carrier_id,
            to: self
                .get("To")
                .ok()
                .and_then(|to| PhoneNumber::from_e164(to).ok())
                .map(Address::Phone),
            status,
            failure,
            occurred_at: None,
        })
    }

    /// Reads an inbound message.
    ///
    /// # Errors
    /// [`WebhookError`].
    pub fn reply(&self) -> Result<Reply, WebhookError> {
        let carrier_id = self.sid()?;
        let from = PhoneNumber::from_e164(self.get("From")?);
        let from = Address::Phone(from.map_err(|_| WebhookError::Unreadable("From"))?);
        let to = self.get("To")?;
        if to.len() > 20 || !to.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(WebhookError::Unreadable("To"));
        }
        // A picture alone has no words.
        let body = self.get("Body").unwrap_or("").to_owned();
        Ok(Reply {
            adapter: AdapterName::SmsHttp,
            carrier_id,
            channel: Channel::Sms,
            from,
            to: to.to_owned(),
            body,
            incomplete: false,
            unnamed: None,
        })
    }

    fn sid(&self) -> Result<String, WebhookError> {
        let sid = self.get("MessageSid").or_else(|_| self.get("SmsSid"))?;
        if sid.len() > 64 || !sid.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(WebhookError::Unreadable("MessageSid"));
        }
        Ok(sid.to_owned())
    }
}

/// `+` and `%XX` read back; what is no UTF-8 becomes U+FFFD.
fn decoded(text: &[u8]) -> String {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'+' => octets.push(b' '),
            b'%' => {
                let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
                let octet = digits
                    .filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
                    .and_then(|digits| u8::from_str_radix(digits, 16).ok());
                match octet {
                    Some(octet) => {
                        octets.push(octet);
                        rest = after.get(2..).unwrap_or_default();
                    }
                    None => octets.push(b'%'),
                }
            }
            other => octets.push(*other),
        }
    }
    String::from_utf8_lossy(&octets).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_signature_of_the_carriers_own_example() {
        // The worked example in the carrier's documentation of request validation.
        let body = b"CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&\
                     From=%2B14158675309&To=%2B18005551212";
        let form = Form::parse(body).unwrap();
        let (url, token) =
            ("https://mycompany.com/myapp.php?foo=1&bar=2", Secret::new("12345".into()));
        assert_eq!(form.sign(url, &token), "RSOYDt4T1cUTdK1PDd93/VVr8B8=");
        assert_eq!(form.verify(url, &token, "RSOYDt4T1cUTdK1PDd93/VVr8B8="), Ok(()));
        for (url, token, signature) in [
            ("https://mycompany.com/myapp.php?foo=1", "12345", "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
            (url, "12346", "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
            (url, "12345", "RSOYDt4T1cUTdK1PDd93/VVr8B8"),
            (url, "12345", ""),
        ] {
            let refused = form.verify(url, &Secret::new(token.into()), signature);
            assert_eq!(refused, Err(WebhookError::Signature));
        }
    }

    #[test]
    fn status_callbacks() {
        use FailureKind::*;
        for (body, status, failure) in [
            ("MessageSid=SM1&MessageStatus=sent", ReceiptStatus::EnRoute, None),
            ("SmsSid=SM1&SmsStatus=delivered", ReceiptStatus::Delivered, None),
            (
                "MessageSid=SM1&MessageStatus=undelivered&ErrorCode=30006",
                ReceiptStatus::Undelivered,
                Some(Landline),
            ),
            (
                "MessageSid=SM1&MessageStatus=failed&ErrorCode=21610",
                ReceiptStatus::Rejected,
                Some(OptedOut),
            ),
            ("MessageSid=SM1&MessageStatus=failed", ReceiptStatus::Rejected, Some(Rejected)),
        ] {
            let receipt = Form::parse(body.as_bytes()).unwrap().receipt().unwrap();
            assert_eq!(
                (receipt.status, receipt.failure.map(|f| f.kind)),
                (status, failure),
                "{body}"
            );
        }
        for body in [
            "",
            "MessageSid=SM1",
            "MessageStatus=sent",
            "MessageSid=a%0Ab&MessageStatus=sent",
            "MessageSid=SM1&MessageStatus=?",
        ] {
            assert!(Form::parse(body.as_bytes()).unwrap().receipt().is_err(), "{body}");
        }
    }

    #[test]
    fn inbound_messages() {
        let body = b"MessageSid=SM2&From=%2B12125550100&To=72404&Body=Running+late%2C+is+3+ok%3F+%F0%9F%98%80";
        let reply = Form::parse(body).unwrap().reply().unwrap();
        assert_eq!(reply.body, "Running late, is 3 ok? 😀");
        assert_eq!((reply.from.reveal(), reply.to.as_str()), ("+12125550100", "72404"));
        let odd = Form::parse(b"MessageSid=SM2&From=CARRIER&To=72404&Body=x").unwrap();
        assert!(matches!(odd.reply(), Err(WebhookError::Unreadable("From"))));
    }

    proptest! {
        #[test]
        fn nothing_panics(body in prop::collection::vec(any::<u8>(), 0..500)) {
            if let Ok(form) = Form::parse(&body) {
                let _ = form.receipt();
                let _ = form.reply();
                let token = Secret::new("t".into());
                prop_assert_eq!(form.verify("u", &token, &form.sign("u", &token)), Ok(()));
            }
        }
    }
}
