//! Delivery receipts, in the shapes carriers send them (SMPP 3.4 Appendix B is only a proposal).

use std::fmt;

use crate::wire::Optional;

/// What a carrier says became of a message.
#[derive(Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The carrier's message id, as written in the receipt.
    pub id: String,
    /// The state.
    pub state: ReceiptState,
    /// The carrier's own error code: `000` and absence are none, and what is longer than nine
    /// characters is no code (Appendix B has three): it may be somebody's number.
    pub error: Option<String>,
    /// When the carrier says it ended, digits as sent (YYMMDDhhmm, perhaps ss), in a zone of its
    /// own choosing.
    pub done: Option<String>,
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Receipt({}, {:?}, {:?})", self.id, self.state, self.error)
    }
}

/// SMPP 3.4 §5.2.28, and the words of Appendix B.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReceiptState {
    /// On its way, or waiting to be.
    EnRoute,
    /// The carrier took it over; nothing is known of the phone.
    Accepted,
    /// At the phone.
    Delivered,
    /// Not delivered within its validity.
    Expired,
    /// Deleted before delivery.
    Deleted,
    /// Not deliverable.
    Undeliverable,
    /// Refused.
    Rejected,
    /// The carrier does not know.
    Unknown,
}

impl ReceiptState {
    /// The word of Appendix B.
    pub fn word(self) -> &'static str {
        match self {
            Self::EnRoute => "ENROUTE",
            Self::Accepted => "ACCEPTD",
            Self::Delivered => "DELIVRD",
            Self::Expired => "EXPIRED",
            Self::Deleted => "DELETED",
            Self::Undeliverable => "UNDELIV",
            Self::Rejected => "REJECTD",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// The octet of `message_state`.
    pub fn code(self) -> u8 {
        match self {
            Self::EnRoute => 1,
            Self::Delivered => 2,
            Self::Expired => 3,
            Self::Deleted => 4,
            Self::Undeliverable => 5,
            Self::Accepted => 6,
            Self::Unknown => 7,
            Self::Rejected => 8,
        }
    }

    pub(crate) fn from_code(code: u8) -> Self {
        match code {
            0 | 1 => Self::EnRoute,
            2 => Self::Delivered,
            3 => Self::Expired,
            4 => Self::Deleted,
            5 => Self::Undeliverable,
            6 => Self::Accepted,
            8 | 9 => Self::Rejected,
            _ => Self::Unknown,
        }
    }

    fn from_word(word: &str) -> Self {
        let word = word.to_ascii_uppercase();
        let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| word.starts_with(prefix));
        if begins(&["DELIV"]) {
            Self::Delivered
        } else if begins(&["UNDEL", "FAIL"]) {
            Self::Undeliverable
        } else if begins(&["EXPIR"]) {
            Self::Expired
        } else if begins(&["DELET"]) {
            Self::Deleted
        } else if begins(&["REJ", "SKIP", "BLOCK"]) {
            Self::Rejected
        } else if begins(&["ACCEP", "ACKED"]) {
            Self::Accepted
        } else if begins(&["ENROU", "BUFF", "SCHED", "SENT"]) {
            Self::EnRoute
        } else {
            Self::Unknown
        }
    }
}

/// The fields of Appendix B, in the spellings seen.
const KEYS: [(&str, Field); 13] = [
    ("id", Field::Id),
    ("sub", Field::Other),
    ("dlvrd", Field::Other),
    ("submit date", Field::Other),
    ("submit_date", Field::Other),
    ("submitdate", Field::Other),
    ("done date", Field::Done),
    ("done_date", Field::Done),
    ("donedate", Field::Done),
    ("stat", Field::State),
    ("status", Field::State),
    ("err", Field::Error),
    ("text", Field::Text),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Id,
    State,
    Error,
    Done,
    Other,
    Text,
}

impl Receipt {
    /// Reads a receipt from its text and its optional parameters; the parameters win. Nothing if
    /// neither names a message. The `text:` field, the beginning of the patient's message, is
    /// dropped here and never kept.
    pub fn parse(text: &str, optional: &Optional) -> Option<Self> {
        let mut found =
            Self { id: String::new(), state: ReceiptState::Unknown, error: None, done: None };
        // A receipt is short; what a hostile peer appends is not read.
        let mut rest = first(text, 1024).trim_start();
        while !rest.is_empty() {
            let Some((field, after)) = key(rest) else {
                rest = next_word(rest);
                continue;
            };
            if field == Field::Text {
                break;
            }
            let after = after.trim_start();
            // The field is empty, and this is the next one.
            if key(after).is_some() {
                rest = after;
                continue;
            }
            let value = after.split_whitespace().next().unwrap_or("");
            found.take(field, value);
            rest = next_word(after);
        }
        if let Some(id) = optional.receipted_message_id.as_deref().filter(|id| !id.is_empty()) {
            found.id = first(id, 64).to_owned();
        }
        if let Some(code) = optional.message_state {
            found.state = ReceiptState::from_code(code);
        }
        if let (None, Some((_, code))) = (&found.error, optional.network_error) {
            found.error = (code != 0).then(|| code.to_string());
        }
        (!found.id.is_empty()).then_some(found)
    }

    fn take(&mut self, field: Field, value: &str) {
        let plain = |value: &str, most: usize| {
            let kept = value.chars().take_while(char::is_ascii_graphic);
            kept.take(most).collect::<String>()
        };
        match field {
            Field::Id => self.id = plain(value, 64),
            Field::State => self.state = ReceiptState::from_word(value),
            Field::Done => self.done = Some(plain(value, 16)).filter(|v| !v.is_empty()),
            Field::Error => {
                let code = plain(value, 16);
                let none = code.len() > 9 || code.bytes().all(|b| b == b'0');
                self.error = (!none).then_some(code);
            }
            Field::Other | Field::Text => {}
        }
    }

    /// The text of Appendix B, as an SMSC writes it. `done` is used for both dates.
    pub fn to_text(&self) -> String {
        let delivered = u8::from(self.state == ReceiptState::Delivered);
        let date = self.done.as_deref().unwrap_or("0000000000");
        let error = self.error.as_deref().unwrap_or("000");
        let (id, word) = (&self.id, self.state.word());
        format!(
            "id:{id} sub:001 dlvrd:00{delivered} submit date:{date} done date:{date} \
             stat:{word} err:{error} text:"
        )
    }
}

/// The field whose name and colon begin the text, and what follows.
fn key(text: &str) -> Option<(Field, &str)> {
    KEYS.iter().find_map(|(name, field)| {
        let head = text.get(..name.len())?;
        let after = text.get(name.len()..)?.trim_start_matches(' ').strip_prefix(':')?;
        head.eq_ignore_ascii_case(name).then_some((*field, after))
    })
}

/// The text after its first word and the space behind it.
fn next_word(text: &str) -> &str {
    text.find(char::is_whitespace).and_then(|at| text.get(at..)).unwrap_or("").trim_start()
}

/// At most `octets` of a text, cut between characters.
fn first(text: &str, octets: usize) -> &str {
    let mut end = octets.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or("")
}

/// How a carrier writes its message ids in `submit_sm_resp` and in receipts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum MessageIdForm {
    /// The same in both. Letter case and leading zeros do not matter.
    #[default]
    Same,
    /// Hexadecimal when submitted, decimal in receipts.
    HexThenDecimal,
    /// Decimal when submitted, hexadecimal in receipts.
    DecimalThenHex,
}

impl MessageIdForm {
    /// The id of a `submit_sm_resp`, in the form to store and to look up by.
    pub fn of_submit(self, id: &str) -> String {
        canonical(id)
    }

    /// The id of a receipt, in the form of [`MessageIdForm::of_submit`].
    pub fn of_receipt(self, id: &str) -> String {
        let digits = canonical(id);
        let converted = match self {
            Self::Same => None,
            Self::HexThenDecimal => digits.parse::<u128>().ok().map(|n| format!("{n:x}")),
            Self::DecimalThenHex => u128::from_str_radix(&digits, 16).ok().map(|n| n.to_string()),
        };
        converted.unwrap_or(digits)
    }
}

/// Lower case, no surrounding space, no leading zeros.
fn canonical(id: &str) -> String {
    let lower = id.trim().to_ascii_lowercase();
    let stripped = lower.trim_start_matches('0');
    if stripped.is_empty() && !lower.is_empty() { "0".to_owned() } else { stripped.to_owned() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_common_shape() {
        use ReceiptState::*;
        for (text, id, state, error) in [
            (
                "id:123 sub:001 dlvrd:001 submit date:2611210900 done date:2611210901 \
                 stat:DELIVRD err:000 text:Hello stat:UNDELIV id:9",
                "123",
                Delivered,
                None,
            ),
            ("ID:abC SUB:1 STAT:undeliv ERR:034 Text:", "abC", Undeliverable, Some("034")),
            ("id: 77 stat: EXPIRED err:", "77", Expired, None),
            ("id:77 err: text:abc", "77", Unknown, None),
            ("id:77 err:\r\nstat:DELIVRD", "77", Delivered, None),
            ("id:77 submit_date:1 done_date:2 stat:REJECTED", "77", Rejected, None),
            ("id:77\tstat:ACCEPTD\r\nerr:0", "77", Accepted, None),
            ("stat:ENROUTE id:77", "77", EnRoute, None),
            ("id:77 stat:UNDELIV err:16175550147", "77", Undeliverable, None),
            ("junk id:77 more status:FAILED err:x1", "77", Undeliverable, Some("x1")),
        ] {
            let receipt = Receipt::parse(text, &Optional::default()).unwrap();
            let got = (receipt.id.as_str(), receipt.state, receipt.error.as_deref());
            assert_eq!(got, (id, state, error), "{text}");
        }
    }

    #[test]
    fn parameters_win_and_suffice() {
        let optional = Optional {
            receipted_message_id: Some("5F".into()),
            message_state: Some(2),
            network_error: Some((3, 0)),
            ..Optional::default()
        };
        let receipt = Receipt::parse("id:1 stat:UNDELIV", &optional).unwrap();
        assert_eq!((receipt.id.as_str(), receipt.state), ("5F", ReceiptState::Delivered));
        assert_eq!(Receipt::parse("", &optional).unwrap().error, None);
    }

    #[test]
    fn without_an_id_there_is_no_receipt() {
        for text in
            ["", "stat:DELIVRD", "id: stat:DELIVRD", "ID:\u{c}sub:00002er", "hello", "text:id:5"]
        {
            assert_eq!(Receipt::parse(text, &Optional::default()), None, "{text}");
        }
    }

    #[test]
    fn ids_in_decimal_and_hex() {
        use MessageIdForm::*;
        for (form, submitted, receipted, same) in [
            (Same, "00AB", "ab", true),
            (Same, "16", "10", false),
            (HexThenDecimal, "0000001F", "31", true),
            (HexThenDecimal, "1f", "0000000031", true),
            (DecimalThenHex, "31", "1F", true),
            (DecimalThenHex, "0", "000", true),
            (HexThenDecimal, "msg-9-z", "MSG-9-Z", true),
        ] {
            assert_eq!(form.of_submit(submitted) == form.of_receipt(receipted), same);
        }
    }

    const FORMS: [MessageIdForm; 3] =
        [MessageIdForm::Same, MessageIdForm::HexThenDecimal, MessageIdForm::DecimalThenHex];

    proptest! {
        #[test]
        fn what_an_smsc_writes_is_read_back(id in "[0-9a-zA-Z-]{1,64}", code in 1u8..9) {
            let state = ReceiptState::from_code(code);
            let done = Some("2611210901".to_owned());
            let receipt = Receipt { id, state, error: None, done };
            prop_assert_eq!(Receipt::parse(&receipt.to_text(), &Optional::default()), Some(receipt));
        }

        #[test]
        fn nothing_panics(text in "\\PC{0,300}", id in proptest::option::of("\\PC{0,80}")) {
            let optional = Optional { receipted_message_id: id, ..Optional::default() };
            let _ = Receipt::parse(&text, &optional);
            for form in FORMS {
                let _ = (form.of_submit(&text), form.of_receipt(&text));
            }
        }
    }
}
