//! What people write: words, numbers, addresses.

use std::time::Duration;

use gate::{Address, Channel, EmailAddress, PhoneNumber};
use guard::{Context, Guard, Rewrite, Verdict};
use smpp::{Added, Limits, Reassembler, ShortMessage};
use sotto::channels::HeaderText;
use sotto::people::addresses::{parse_for, parse_phone};
use sotto::people::search::query::{MOST_WORDS, Query};

use super::{Door, bytes, shows_nothing, tells_nothing};

/// The doors of this family.
pub const DOORS: &[Door] = &[
    Door {
        name: "guard_check",
        open: guard_check,
        seeds: || {
            bytes(&[
                "Quillfeather, your HIV test of 03/01/2027 is positive. Call 617-555-0147.",
                "Su receta está lista. SSN 078-05-1120, MRN 12345678",
                "Lisinopril 10 mg for Dr. Rivera's patient, $120.50 owed",
            ])
        },
    },
    Door {
        name: "inbound_intent",
        open: inbound_intent,
        seeds: || bytes(&["C", "STOP", "running late, is 3 ok?", "me duele el pecho", "wrong #"]),
    },
    Door {
        name: "address",
        open: address,
        seeds: || {
            bytes(&[
                "(617) 555-0147",
                "+44 20 7946 0958",
                "quillfeather@example.com",
                "tel:6175550147",
            ])
        },
    },
    Door {
        name: "patient_query",
        open: patient_query,
        seeds: || {
            bytes(&[
                "Quillfeather, María 3/14/85",
                "gar 1985 (617) 555-0147",
                "mrn A-10023 mar 14 1985",
                "de la O’Cruz-López 031485 0147",
            ])
        },
    },
    Door {
        name: "header_text",
        open: header_text,
        seeds: || bytes(&["A message from your doctor's office", "Señal 😀"]),
    },
    Door {
        name: "sms_text",
        open: sms_text,
        seeds: || {
            // The first octet is the reference.
            let mut seeds =
                bytes(&["\x07See you Tuesday. Reply C", "\x07€[]{}^~|\\ and Ñ", "\x07😀ж👩‍👧"]);
            seeds.push(format!("\0{}", "long {} text ".repeat(40)).into_bytes());
            seeds.push(format!("\x7f{}", "😀ж".repeat(90)).into_bytes());
            seeds
        },
    },
];

/// Any text on any channel: spans within the text, and a rewrite that passes.
pub fn guard_check(octets: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(octets) else { return false };
    let guard = Guard::standard();
    let context = Context::default();
    let assessment = guard.check(text, &context);
    let length = text.chars().count();
    let found = assessment.findings.iter().map(|finding| &finding.span);
    for span in found.chain(assessment.identifiers.iter().map(|found| &found.span)) {
        assert!(span.start <= span.end && span.end <= length);
    }
    for channel in Channel::ALL {
        let _ = guard.preview(channel, text);
        if let Some(Rewrite::Text(new)) = guard.rewrite(text, &assessment, &context, channel) {
            assert_eq!(guard.check(&new, &context).verdict(channel), Verdict::Pass);
        }
    }
    true
}

/// Any inbound text: at least one intent, in the order of TEL-19.
pub fn inbound_intent(octets: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(octets) else { return false };
    let reading = sotto::inbound::intent::classify(text);
    assert!(!reading.intents.is_empty());
    assert!(reading.intents.is_sorted());
    true
}

/// What staff type to find a patient: bounded, and shown by nothing.
pub fn patient_query(octets: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(octets) else { return false };
    match Query::parse(text, jiff::civil::date(2027, 3, 1)) {
        Ok(query) => {
            shows_nothing(&query);
            assert!(query.words() > 0 && query.words() <= MOST_WORDS);
            true
        }
        Err(error) => {
            tells_nothing(&error);
            false
        }
    }
}

/// A telephone number or a mailbox as people write it: what is read, reads the same again.
pub fn address(octets: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(octets) else { return false };
    let phone = parse_phone(text);
    match &phone {
        Ok((number, _)) => {
            shows_nothing(number);
            assert_eq!(PhoneNumber::from_e164(number.reveal()).as_ref(), Ok(number));
            assert_eq!(parse_phone(number.reveal()).map(|(number, _)| number).as_ref(), Ok(number));
        }
        Err(error) => tells_nothing(error),
    }
    let mailbox = EmailAddress::parse(text);
    match &mailbox {
        Ok(mailbox) => {
            assert_eq!(EmailAddress::parse(mailbox.reveal()).as_ref(), Ok(mailbox));
            // Nothing that could end the header or the command it is put into.
            assert!(!mailbox.reveal().contains(|c: char| c.is_control() || c == '<' || c == '>'));
        }
        Err(error) => tells_nothing(error),
    }
    if let Err(error) = PhoneNumber::from_e164(text) {
        tells_nothing(&error);
    }
    for channel in Channel::ALL {
        let read = parse_for(channel, text);
        assert_ne!(read == Ok(Address::Portal), channel != Channel::Portal);
    }
    phone.is_ok() || mailbox.is_ok()
}

/// A subject: one line, whatever was asked for.
pub fn header_text(octets: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(octets) else { return false };
    match HeaderText::parse(text) {
        Ok(line) => {
            assert!(!line.as_str().contains(|c: char| c.is_control()));
            assert_eq!(HeaderText::parse(line.as_str()).as_ref(), Ok(&line));
            true
        }
        Err(error) => {
            tells_nothing(&error);
            false
        }
    }
}

/// A text into short messages and back: none longer than the air takes, none lost.
pub fn sms_text(octets: &[u8]) -> bool {
    let Some((reference, octets)) = octets.split_first() else { return false };
    let Ok(text) = std::str::from_utf8(octets) else { return false };
    let counted = smpp::count(text);
    let Ok(segments) = smpp::split(text, *reference) else {
        assert!(counted.parts > 255);
        return true;
    };
    assert_eq!(segments.len(), counted.parts);
    let mut reassembler = Reassembler::new(Limits::default());
    let (from, to) = (smpp::Address::parse("+16175550147"), smpp::Address::parse("72404"));
    let (Ok(from), Ok(to)) = (from, to) else { return false };
    let last = segments.len() - 1;
    for (at, segment) in segments.into_iter().enumerate() {
        shows_nothing(&segment);
        // Septets go one an octet; 160 of them, or 140 octets of UTF-16.
        let header = if segment.has_header { 6 } else { 0 };
        let room = match segment.encoding {
            smpp::Encoding::Gsm7 if segment.has_header => 153,
            smpp::Encoding::Gsm7 => 160,
            smpp::Encoding::Ucs2 => 140 - header,
        };
        assert!(segment.user_data.len() - header <= room);
        let part = ShortMessage::submit(from.clone(), to.clone(), segment, false).part();
        let added = reassembler.add(&part, Duration::ZERO);
        let expected = if at == last { Added::Whole(text.to_owned()) } else { Added::Waiting };
        assert!(added == expected, "part {at} of {last}: {added:?}");
    }
    true
}
