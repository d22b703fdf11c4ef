//! Ids that outsiders see: nothing of the message, patient or practice can be read from them, and
//! nobody can guess one.

use aws_lc_rs::hmac;
use gate::MessageId;

/// Derives ids for the outside from message ids, with a secret key.
///
/// One message has one: it is the left part of the mail's Message-ID, of its bounce address and
/// the token of its unsubscribe link, so a bounce or a click finds its message by one look-up.
#[derive(Clone)]
pub struct OpaqueIds(hmac::Key);

impl OpaqueIds {
    /// From 32 secret octets of the practice's keyring.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// The id: 128 bits as 32 hexadecimal characters.
    #[must_use]
    pub fn of(&self, message: MessageId) -> String {
        format!("{:032x}", self.bits(message))
    }

    /// The same 128 bits, for whoever writes them another way.
    #[must_use]
    pub fn bits(&self, message: MessageId) -> u128 {
        let mut text = b"sotto opaque id v1".to_vec();
        text.extend_from_slice(message.0.as_bytes());
        let tag = hmac::sign(&self.0, &text);
        tag.as_ref().iter().take(16).fold(0, |bits, byte| bits << 8 | u128::from(*byte))
    }

    /// Whether a text has the form of such an id.
    #[must_use]
    pub fn looks_like_one(text: &str) -> bool {
        text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    }
}

impl std::fmt::Debug for OpaqueIds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OpaqueIds(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_stable_and_tells_nothing() {
        let message = MessageId(uuid::Uuid::from_u128(7));
        let id = OpaqueIds::new(&[1; 32]).of(message);
        assert!(OpaqueIds::looks_like_one(&id));
        assert_eq!(id, OpaqueIds::new(&[1; 32]).of(message));
        assert_ne!(id, OpaqueIds::new(&[2; 32]).of(message));
        assert_ne!(id, OpaqueIds::new(&[1; 32]).of(MessageId(uuid::Uuid::from_u128(8))));
        assert!(!id.contains(&message.0.simple().to_string()));
    }
}
