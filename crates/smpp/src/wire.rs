//! One protocol data unit as typed fields.
//!
//! The mandatory fields go through the `rusmpp` codec. The optional parameters of incoming
//! messages are read here, because carriers send them in shapes a strict codec refuses (a
//! `receipted_message_id` without its NUL is the commonest) and a receipt must not be lost to one.

use std::fmt;

use bytes::{Bytes, BytesMut};
use rusmpp::{Command, CommandId, Pdu};
use thiserror::Error;

use crate::alphabet::{read_gsm, read_latin1, read_utf16};
use crate::receipt::Receipt;
use crate::{Address, Segment, Status};

/// Octets of the header of every data unit.
pub(crate) const HEADER: usize = 16;

/// Which directions a bind asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BindKind {
    /// To submit only.
    Transmitter,
    /// To be delivered to only.
    Receiver,
    /// Both.
    Transceiver,
}

/// What a client says of itself when it binds (SMPP 3.4 §4.1). `Debug` hides the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Bind {
    /// Direction.
    pub kind: BindKind,
    /// At most 15 octets.
    pub system_id: String,
    /// At most 8 octets.
    pub password: String,
    /// At most 12 octets; most carriers want it empty.
    pub system_type: String,
}

impl fmt::Debug for Bind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bind({:?}, {:?}, [redacted])", self.kind, self.system_id)
    }
}

/// The place of one short message among those of a long one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Concat {
    /// Same for all parts of one message.
    pub reference: u16,
    /// How many parts there are.
    pub total: u8,
    /// Which one this is, from 1.
    pub number: u8,
}

/// A `submit_sm` or `deliver_sm`: the same fields in both directions.
///
/// PHI: `Debug` shows no address and no text.
#[derive(Clone, PartialEq, Eq)]
pub struct ShortMessage {
    /// Who sends.
    pub source: Address,
    /// Who receives.
    pub destination: Address,
    /// SMPP 3.4 §5.2.12: 0x40 a header begins the text, 0x04 a receipt, 0x20 an intermediate one.
    pub esm_class: u8,
    /// SMPP 3.4 §5.2.19.
    pub data_coding: u8,
    /// SMPP 3.4 §5.2.17: 1 asks for a receipt of success and failure.
    pub registered_delivery: u8,
    /// `short_message`, or `message_payload` where it replaces it.
    pub body: Bytes,
    /// The optional parameters that matter here.
    pub optional: Optional,
}

/// The optional parameters this product reads and writes (SMPP 3.4 §5.3.2).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Optional {
    /// `sar_msg_ref_num`, `sar_total_segments`, `sar_segment_seqnum`, when all three are there.
    pub sar: Option<Concat>,
    /// `receipted_message_id`.
    pub receipted_message_id: Option<String>,
    /// `message_state`.
    pub message_state: Option<u8>,
    /// `network_error_code`: the network's kind and its code.
    pub network_error: Option<(u8, u16)>,
    /// `user_message_reference`: what the phone or its operator numbers a message with.
    pub user_message_reference: Option<u16>,
}

impl fmt::Debug for ShortMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (class, coding, length) = (self.esm_class, self.data_coding, self.body.len());
        write!(f, "ShortMessage(esm_class {class:#04x}, coding {coding}, {length} octets)")
    }
}

/// What a `deliver_sm` brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivered {
    /// A person wrote: one short message, perhaps a part of a longer text.
    Reply(ReplyPart),
    /// The carrier reports what became of a message.
    Receipt(Receipt),
    /// It says that it is a receipt and cannot be read as one.
    UnreadableReceipt,
}

/// One short message a person wrote. PHI: `Debug` shows no address and no text.
#[derive(Clone, PartialEq, Eq)]
pub struct ReplyPart {
    /// The phone.
    pub from: Address,
    /// The number it was sent to.
    pub to: Address,
    /// Its place, if it is a part of a longer text.
    pub concat: Option<Concat>,
    /// What the phone or its operator numbered it with, if it did.
    pub reference: Option<u16>,
    /// How the octets are to be read.
    pub data_coding: u8,
    /// The octets without header.
    pub octets: Bytes,
}

impl ReplyPart {
    /// Opens the text of this part. PHI. A part that ends inside a character reads as U+FFFD
    /// there; join the octets of all parts first ([`crate::Reassembler`]) to avoid it.
    pub fn reveal(&self) -> String {
        read_text(self.data_coding, &self.octets)
    }
}

impl fmt::Debug for ReplyPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReplyPart({:?}, {} octets)", self.concat, self.octets.len())
    }
}

impl ShortMessage {
    /// A message to submit: `receipt` asks the carrier to report the final outcome.
    pub fn submit(source: Address, destination: Address, segment: Segment, receipt: bool) -> Self {
        Self {
            source,
            destination,
            esm_class: if segment.has_header { 0x40 } else { 0 },
            data_coding: segment.encoding.data_coding(),
            registered_delivery: u8::from(receipt),
            body: segment.user_data,
            optional: Optional::default(),
        }
    }

    /// Whether the sender asked for a receipt (SMPP 3.4 §5.2.17).
    pub fn wants_receipt(&self) -> bool {
        self.registered_delivery & 0b11 != 0
    }

    /// Reads a delivered message by its own marks: esm_class or the receipt's parameters.
    ///
    /// The words of a text alone never make it a receipt: a patient could write them.
    pub fn delivered(&self) -> Delivered {
        let marked = self.esm_class & 0x24 != 0 || self.optional.receipted_message_id.is_some();
        if !marked {
            return Delivered::Reply(self.part());
        }
        let text = read_text(self.data_coding, &self.part().octets);
        Receipt::parse(&text, &self.optional)
            .map_or(Delivered::UnreadableReceipt, Delivered::Receipt)
    }

    /// The message as a part: header read and taken off.
    pub fn part(&self) -> ReplyPart {
        let (header, octets) = match self.esm_class & 0x40 != 0 {
            true => split_header(&self.body),
            false => (None, self.body.clone()),
        };
        ReplyPart {
            from: self.source.clone(),
            to: self.destination.clone(),
            concat: header.or(self.optional.sar),
            reference: self.optional.user_message_reference,
            data_coding: self.data_coding,
            octets,
        }
    }
}

/// Reads octets by data_coding. Binary and unknown codings are read as Latin-1, so that a person
/// can see that something came.
pub fn read_text(data_coding: u8, octets: &[u8]) -> String {
    match data_coding {
        0x00 | 0x10..=0x13 | 0xF0..=0xF3 => read_gsm(octets),
        0x08 | 0x18..=0x1B => read_utf16(octets),
        _ => read_latin1(octets),
    }
}

/// Takes the user data header off (GSM 03.40 §9.2.3.24) and reads its concatenation element.
/// A header that is longer than the message is taken for text.
fn split_header(body: &Bytes) -> (Option<Concat>, Bytes) {
    let Some(length) = body.first().copied().map(usize::from) else {
        return (None, body.clone());
    };
    let Some(mut elements) = body.get(1..=length) else {
        return (None, body.clone());
    };
    let mut concat = None;
    while let [kind, size, rest @ ..] = elements {
        let Some((data, next)) = rest.split_at_checked(usize::from(*size)) else { break };
        concat = match (*kind, data) {
            (0x00, [reference, total, number]) => {
                place(u16::from(*reference), *total, *number).or(concat)
            }
            (0x08, [high, low, total, number]) => {
                place(u16::from_be_bytes([*high, *low]), *total, *number).or(concat)
            }
            _ => concat,
        };
        elements = next;
    }
    (concat, body.slice(length + 1..))
}

/// A place that makes sense, or none (GSM 03.40 §9.2.3.24.1 says to ignore the others).
fn place(reference: u16, total: u8, number: u8) -> Option<Concat> {
    (total > 1 && (1..=total).contains(&number)).then_some(Concat { reference, total, number })
}

/// A data unit that was read.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) status: Status,
    pub(crate) sequence: u32,
    pub(crate) body: Body,
}

/// The bodies a session knows.
#[derive(Debug)]
pub(crate) enum Body {
    Bind(Bind),
    BindResp {
        system_id: String,
    },
    Submit(ShortMessage),
    SubmitResp {
        message_id: String,
    },
    Deliver(ShortMessage),
    DeliverResp,
    Query {
        message_id: String,
        source: Address,
    },
    /// None where the carrier has nothing to say.
    QueryResp {
        state: Option<(u8, u8)>,
    },
    Unbind,
    UnbindResp,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    /// A request this side does not serve, or an answer to none of its requests.
    Unknown {
        is_answer: bool,
    },
}

/// Why a data unit cannot be read. Never holds its contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the fields of {command} cannot be read")]
pub(crate) struct Unreadable {
    pub(crate) command: &'static str,
    pub(crate) sequence: u32,
}

/// Reads one whole data unit, of which the caller has checked the length.
pub(crate) fn decode(frame: &Bytes) -> Result<Frame, Unreadable> {
    let word = |at: usize| {
        let octets = frame.get(at..at + 4).and_then(|o| <[u8; 4]>::try_from(o).ok());
        u32::from_be_bytes(octets.unwrap_or_default())
    };
    let (id, status, sequence) = (word(4), Status(word(8)), word(12));
    let rest = frame.slice(HEADER.min(frame.len())..);
    let unreadable = |command| Unreadable { command, sequence };
    let body = match CommandId::from(id) {
        CommandId::BindTransceiver | CommandId::BindReceiver | CommandId::BindTransmitter => {
            Body::Bind(read_bind(frame).ok_or_else(|| unreadable("bind"))?)
        }
        CommandId::BindTransceiverResp
        | CommandId::BindReceiverResp
        | CommandId::BindTransmitterResp => Body::BindResp { system_id: c_string(&rest, 16) },
        CommandId::SubmitSm => {
            Body::Submit(read_submit(frame).ok_or_else(|| unreadable("submit_sm"))?)
        }
        CommandId::SubmitSmResp => Body::SubmitResp { message_id: c_string(&rest, 65) },
        CommandId::DeliverSm => {
            Body::Deliver(read_deliver(frame).ok_or_else(|| unreadable("deliver_sm"))?)
        }
        CommandId::DeliverSmResp => Body::DeliverResp,
        CommandId::QuerySm => read_query(&rest).ok_or_else(|| unreadable("query_sm"))?,
        CommandId::QuerySmResp => Body::QueryResp { state: queried_state(&rest) },
        CommandId::Unbind => Body::Unbind,
        CommandId::UnbindResp => Body::UnbindResp,
        CommandId::EnquireLink => Body::EnquireLink,
        CommandId::EnquireLinkResp => Body::EnquireLinkResp,
        CommandId::GenericNack => Body::GenericNack,
        _ => Body::Unknown { is_answer: id & 0x8000_0000 != 0 },
    };
    Ok(Frame { status, sequence, body })
}

/// What follows the first NUL, if it comes within so many octets.
fn after_c_string(octets: &[u8], bound: usize) -> Option<&[u8]> {
    let nul = octets.iter().take(bound).position(|octet| *octet == 0)?;
    octets.get(nul + 1..)
}

/// SMPP 3.4 §4.8.1.
fn read_query(octets: &[u8]) -> Option<Body> {
    let [ton, npi, address @ ..] = after_c_string(octets, 65)? else { return None };
    after_c_string(address, 21)?;
    let source = Address::from_wire(*ton, *npi, &c_string(address, 21));
    Some(Body::Query { message_id: c_string(octets, 65), source })
}

/// `message_state` and `error_code` (SMPP 3.4 §4.8.2), behind the id and the final date.
fn queried_state(octets: &[u8]) -> Option<(u8, u8)> {
    match after_c_string(after_c_string(octets, 65)?, 17)? {
        [state, error, ..] => Some((*state, *error)),
        _ => None,
    }
}

/// The printable octets up to the NUL, the bound or the end: an answer is read as far as it goes.
fn c_string(octets: &[u8], bound: usize) -> String {
    let text = octets.iter().take(bound).take_while(|octet| **octet != 0);
    text.filter(|octet| octet.is_ascii_graphic()).map(|octet| char::from(*octet)).collect()
}

fn read_bind(frame: &Bytes) -> Option<Bind> {
    let text = |value: &str| value.to_owned();
    Some(match codec(frame)? {
        Pdu::BindTransceiver(b) => Bind {
            kind: BindKind::Transceiver,
            system_id: text(b.system_id.as_str()),
            password: text(b.password.as_str()),
            system_type: text(b.system_type.as_str()),
        },
        Pdu::BindReceiver(b) => Bind {
            kind: BindKind::Receiver,
            system_id: text(b.system_id.as_str()),
            password: text(b.password.as_str()),
            system_type: text(b.system_type.as_str()),
        },
        Pdu::BindTransmitter(b) => Bind {
            kind: BindKind::Transmitter,
            system_id: text(b.system_id.as_str()),
            password: text(b.password.as_str()),
            system_type: text(b.system_type.as_str()),
        },
        _ => return None,
    })
}

fn read_submit(frame: &Bytes) -> Option<ShortMessage> {
    let (mandatory, parameters) = split_parameters(frame)?;
    let Pdu::SubmitSm(sm) = codec(&mandatory)? else { return None };
    let (ton, npi) = (sm.source_addr_ton.into(), sm.source_addr_npi.into());
    let source = Address::from_wire(ton, npi, sm.source_addr.as_str());
    let (ton, npi) = (sm.dest_addr_ton.into(), sm.dest_addr_npi.into());
    let destination = Address::from_wire(ton, npi, sm.destination_addr.as_str());
    let (optional, payload) = read_parameters(&parameters);
    Some(ShortMessage {
        source,
        destination,
        esm_class: sm.esm_class.into(),
        data_coding: sm.data_coding.into(),
        registered_delivery: sm.registered_delivery.into(),
        body: payload.unwrap_or_else(|| sm.short_message().clone().into_bytes()),
        optional,
    })
}

fn read_deliver(frame: &Bytes) -> Option<ShortMessage> {
    let (mandatory, parameters) = split_parameters(frame)?;
    let Pdu::DeliverSm(sm) = codec(&mandatory)? else { return None };
    let (ton, npi) = (sm.source_addr_ton.into(), sm.source_addr_npi.into());
    let source = Address::from_wire(ton, npi, sm.source_addr.as_str());
    let (ton, npi) = (sm.dest_addr_ton.into(), sm.dest_addr_npi.into());
    let destination = Address::from_wire(ton, npi, sm.destination_addr.as_str());
    let (optional, payload) = read_parameters(&parameters);
    Some(ShortMessage {
        source,
        destination,
        esm_class: sm.esm_class.into(),
        data_coding: sm.data_coding.into(),
        registered_delivery: sm.registered_delivery.into(),
        body: payload.unwrap_or_else(|| sm.short_message().clone().into_bytes()),
        optional,
    })
}

/// Lets the codec read a data unit, in a buffer of its own: what it misreads stays in there.
fn codec(frame: &Bytes) -> Option<Pdu> {
    use rusmpp::decode::DecodeWithLength;
    let mut body = BytesMut::from(frame.get(4..)?);
    let length = body.len();
    let (command, _) = Command::decode(&mut body, length).ok()?;
    command.pdu().cloned()
}

/// Parts a submit_sm or deliver_sm where its optional parameters begin (SMPP 3.4 §4.4.1).
fn split_parameters(frame: &Bytes) -> Option<(Bytes, Bytes)> {
    let mut at = HEADER;
    let skip_string = |at: usize, bound: usize| {
        let octets = frame.get(at..)?.iter().take(bound);
        octets.clone().position(|octet| *octet == 0).map(|length| at + length + 1)
    };
    at = skip_string(at, 6)?; // service_type
    at = skip_string(at + 2, 21)?; // source
    at = skip_string(at + 2, 21)?; // destination
    at = skip_string(at + 3, 17)?; // esm_class, protocol_id, priority_flag; schedule
    at = skip_string(at, 17)?; // validity
    at += 4; // registered_delivery, replace_if_present, data_coding, sm_default_msg_id
    let length = usize::from(*frame.get(at)?);
    at += 1 + length;
    (at <= frame.len()).then(|| (frame.slice(..at), frame.slice(at..)))
}

/// Reads optional parameters as far as they make sense, and `message_payload` apart.
fn read_parameters(octets: &Bytes) -> (Optional, Option<Bytes>) {
    let mut optional = Optional::default();
    let mut payload = None;
    let (mut reference, mut total, mut number) = (None, None, None);
    let mut at = 0;
    while let Some([a, b, c, d]) = octets.get(at..at + 4) {
        let (tag, length) = (u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]));
        let begin = at + 4;
        at = begin + usize::from(length);
        let Some(value) = octets.get(begin..at) else { break };
        match (tag, value) {
            (0x001E, id) => optional.receipted_message_id = Some(c_string(id, 65)),
            (0x0204, [high, low]) => {
                optional.user_message_reference = Some(u16::from_be_bytes([*high, *low]));
            }
            (0x020C, [high, low]) => reference = Some(u16::from_be_bytes([*high, *low])),
            (0x020E, [n]) => total = Some(*n),
            (0x020F, [n]) => number = Some(*n),
            (0x0423, [kind, high, low]) => {
                optional.network_error = Some((*kind, u16::from_be_bytes([*high, *low])));
            }
            (0x0424, _) => payload = Some(octets.slice(begin..at)),
            (0x0427, [state]) => optional.message_state = Some(*state),
            _ => {}
        }
    }
    if let (Some(reference), Some(total), Some(number)) = (reference, total, number) {
        optional.sar = place(reference, total, number);
    }
    (optional, payload)
}
