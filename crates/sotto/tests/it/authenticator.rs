//! An authenticator in software: it makes one passkey and uses it, and lies where a test wants it to
//! (WebAuthn level 3, §6; attestation "none").

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use serde_json::{Value, json};

const PRESENT: u8 = 1;
const VERIFIED: u8 = 4;
const HAS_KEY: u8 = 0x40;

/// One passkey, and what holds it.
pub(crate) struct Authenticator {
    key: EcdsaKeyPair,
    id: [u8; 16],
    /// What it calls the holder.
    pub(crate) handle: Vec<u8>,
    /// How often it was used.
    pub(crate) counter: u32,
    /// Whether it makes sure who holds it.
    pub(crate) verifies: bool,
    /// The page that it believes to be at.
    pub(crate) origin: String,
}

impl Authenticator {
    /// Makes a passkey as the question asks. The answer is for the form.
    pub(crate) fn make(question: &Value, origin: &str) -> (Self, Value) {
        let asked = &question["options"]["publicKey"];
        let selection = &asked["authenticatorSelection"];
        assert_eq!(selection["residentKey"], "required", "{asked}");
        assert_eq!(selection["userVerification"], "required", "{asked}");
        let made =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new());
        let made = made.unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, made.as_ref()).unwrap();
        let mut id = [0; 16];
        aws_lc_rs::rand::fill(&mut id).unwrap();
        let handle = BASE64.decode(asked["user"]["id"].as_str().unwrap()).unwrap();
        let origin = origin.to_owned();
        let phone = Self { key, id, handle, counter: 0, verifies: true, origin };

        let mut data = phone.data(asked["rp"]["id"].as_str().unwrap(), HAS_KEY);
        data.extend([0; 16]);
        data.extend([0, 16]);
        data.extend(phone.id);
        let point = phone.key.public_key().as_ref();
        data.extend([0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32]);
        data.extend(&point[1..33]);
        data.extend([0x22, 0x58, 32]);
        data.extend(&point[33..65]);
        let mut object = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58".to_vec();
        object.push(u8::try_from(data.len()).unwrap());
        object.extend(data);
        let said = json!({
            "id": BASE64.encode(phone.id), "rawId": BASE64.encode(phone.id), "type": "public-key",
            "response": {
                "attestationObject": BASE64.encode(object),
                "clientDataJSON": BASE64.encode(phone.client("webauthn.create", asked)),
            },
            "extensions": {},
        });
        (phone, said)
    }

    /// Uses it as the question asks.
    pub(crate) fn answer(&mut self, question: &Value) -> Value {
        let asked = &question["options"]["publicKey"];
        assert_eq!(asked["userVerification"], "required", "{asked}");
        self.counter += 1;
        let data = self.data(asked["rpId"].as_str().unwrap(), 0);
        let client = self.client("webauthn.get", asked);
        let signed = [data.as_slice(), digest(&SHA256, client.as_bytes()).as_ref()].concat();
        let signature = self.key.sign(&SystemRandom::new(), &signed).unwrap();
        json!({
            "id": BASE64.encode(self.id), "rawId": BASE64.encode(self.id), "type": "public-key",
            "response": {
                "authenticatorData": BASE64.encode(data),
                "clientDataJSON": BASE64.encode(client),
                "signature": BASE64.encode(signature.as_ref()),
                "userHandle": BASE64.encode(&self.handle),
            },
            "extensions": {},
        })
    }

    fn data(&self, rp: &str, more: u8) -> Vec<u8> {
        let verified = if self.verifies { VERIFIED } else { 0 };
        let mut data = digest(&SHA256, rp.as_bytes()).as_ref().to_vec();
        data.push(PRESENT | verified | more);
        data.extend(self.counter.to_be_bytes());
        data
    }

    fn client(&self, kind: &str, asked: &Value) -> String {
        let (challenge, origin) = (&asked["challenge"], &self.origin);
        json!({ "type": kind, "challenge": challenge, "origin": origin, "crossOrigin": false })
            .to_string()
    }
}
