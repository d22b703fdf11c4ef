//! The data units this product sends, through the `rusmpp` codec.

use bytes::{BufMut, BytesMut};
use rusmpp::encode::{Length, owned::Encode};
use rusmpp::pdus::{
    BindReceiver, BindReceiverResp, BindTransceiver, BindTransceiverResp, BindTransmitter,
    BindTransmitterResp, DeliverSm, DeliverSmResp, QuerySm, QuerySmResp, SubmitSm, SubmitSmResp,
};
use rusmpp::tlvs::{MessageDeliveryRequestTlvValue, MessageSubmissionRequestTlvValue};
use rusmpp::types::{AnyOctetString, COctetString, EmptyOrFullCOctetString, OctetString};
use rusmpp::values::{
    DataCoding, EsmClass, InterfaceVersion, MessagePayload, MessageState, Npi, RegisteredDelivery,
    Ton, UserMessageReference,
};
use rusmpp::{Command, CommandId, CommandStatus, Pdu};
use thiserror::Error;

use crate::address::Address;
use crate::receipt::ReceiptState;
use crate::status::Status;
use crate::wire::{Bind, BindKind, ShortMessage};

/// A field that SMPP cannot hold. Names the field, never its contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{field} does not fit SMPP 3.4: {rule}")]
pub struct Unwritable {
    /// The field's name.
    pub field: &'static str,
    /// What it may hold.
    pub rule: &'static str,
}

/// A C-octet-string field.
fn text<const MIN: usize, const MAX: usize>(
    field: &'static str,
    value: &str,
) -> Result<COctetString<MIN, MAX>, Unwritable> {
    let mut octets = BytesMut::with_capacity(value.len() + 1);
    octets.put_slice(value.as_bytes());
    octets.put_u8(0);
    let rule = "ASCII without NUL, and no longer than its field (system_id 15, password 8, \
                system_type 12, address 20, message id 64 octets)";
    COctetString::from_bytes(octets.freeze()).map_err(|_| Unwritable { field, rule })
}

pub(crate) fn bind_pdu(bind: &Bind) -> Result<Pdu, Unwritable> {
    let system_id = text("system_id", &bind.system_id)?;
    let password = text("password", &bind.password)?;
    let system_type = text("system_type", &bind.system_type)?;
    let version = InterfaceVersion::Smpp3_4;
    let range = COctetString::null();
    let (ton, npi) = (Ton::Unknown, Npi::Unknown);
    Ok(match bind.kind {
        BindKind::Transceiver => {
            BindTransceiver::new(system_id, password, system_type, version, ton, npi, range).into()
        }
        BindKind::Receiver => {
            BindReceiver::new(system_id, password, system_type, version, ton, npi, range).into()
        }
        BindKind::Transmitter => {
            BindTransmitter::new(system_id, password, system_type, version, ton, npi, range).into()
        }
    })
}

pub(crate) fn bind_resp_pdu(kind: BindKind, system_id: &str) -> Result<Pdu, Unwritable> {
    let system_id = text("system_id", system_id)?;
    let version = Some(InterfaceVersion::Smpp3_4);
    Ok(match kind {
        BindKind::Transceiver => BindTransceiverResp::new(system_id, version).into(),
        BindKind::Receiver => BindReceiverResp::new(system_id, version).into(),
        BindKind::Transmitter => BindTransmitterResp::new(system_id, version).into(),
    })
}

pub(crate) fn submit_resp_pdu(message_id: &str) -> Result<Pdu, Unwritable> {
    Ok(SubmitSmResp::new(text("message_id", message_id)?, Vec::new()).into())
}

/// Asks about a message (SMPP 3.4 §4.8.1). The source must be the one it was sent from.
pub(crate) fn query_pdu(message_id: &str, source: &Address) -> Result<Pdu, Unwritable> {
    let (ton, npi) = (Ton::from(source.ton), Npi::from(source.npi));
    let address = text("source address", source.reveal())?;
    Ok(QuerySm::new(text("message_id", message_id)?, ton, npi, address).into())
}

pub(crate) fn query_resp_pdu(
    message_id: &str,
    state: ReceiptState,
    error: u8,
) -> Result<Pdu, Unwritable> {
    let (id, state) = (text("message_id", message_id)?, MessageState::from(state.code()));
    Ok(QuerySmResp::new(id, EmptyOrFullCOctetString::empty(), state, error).into())
}

pub(crate) fn deliver_resp_pdu() -> Pdu {
    DeliverSmResp::new(COctetString::null(), Vec::new()).into()
}

pub(crate) fn submit_pdu(message: &ShortMessage) -> Result<Pdu, Unwritable> {
    let mut sm = SubmitSm::default();
    sm.source_addr_ton = Ton::from(message.source.ton);
    sm.source_addr_npi = Npi::from(message.source.npi);
    sm.source_addr = text("source address", message.source.reveal())?;
    sm.dest_addr_ton = Ton::from(message.destination.ton);
    sm.dest_addr_npi = Npi::from(message.destination.npi);
    sm.destination_addr = text("destination address", message.destination.reveal())?;
    sm.esm_class = EsmClass::from(message.esm_class);
    sm.registered_delivery = RegisteredDelivery::from(message.registered_delivery);
    sm.data_coding = DataCoding::from(message.data_coding);

    match OctetString::from_bytes(message.body.clone()) {
        Ok(octets) if message.body.len() < 255 => sm.set_short_message(octets),
        _ => sm.push_tlv(MessageSubmissionRequestTlvValue::MessagePayload(payload(message)?)),
    }
    if let Some(sar) = message.optional.sar {
        sm.push_tlv(MessageSubmissionRequestTlvValue::SarMsgRefNum(sar.reference));
        sm.push_tlv(MessageSubmissionRequestTlvValue::SarTotalSegments(sar.total));
        sm.push_tlv(MessageSubmissionRequestTlvValue::SarSegmentSeqnum(sar.number));
    }
    Ok(sm.into())
}

pub(crate) fn deliver_pdu(message: &ShortMessage) -> Result<Pdu, Unwritable> {
    let mut sm = DeliverSm::default();
    sm.source_addr_ton = Ton::from(message.source.ton);
    sm.source_addr_npi = Npi::from(message.source.npi);
    sm.source_addr = text("source address", message.source.reveal())?;
    sm.dest_addr_ton = Ton::from(message.destination.ton);
    sm.dest_addr_npi = Npi::from(message.destination.npi);
    sm.destination_addr = text("destination address", message.destination.reveal())?;
    sm.esm_class = EsmClass::from(message.esm_class);
    sm.registered_delivery = RegisteredDelivery::from(message.registered_delivery);
    sm.data_coding = DataCoding::from(message.data_coding);

    match OctetString::from_bytes(message.body.clone()) {
        Ok(octets) if message.body.len() < 255 => sm.set_short_message(octets),
        _ => sm.push_tlv(MessageDeliveryRequestTlvValue::MessagePayload(payload(message)?)),
    }
    if let Some(sar) = message.optional.sar {
        sm.push_tlv(MessageDeliveryRequestTlvValue::SarMsgRefNum(sar.reference));
        sm.push_tlv(MessageDeliveryRequestTlvValue::SarTotalSegments(sar.total));
        sm.push_tlv(MessageDeliveryRequestTlvValue::SarSegmentSeqnum(sar.number));
    }
    if let Some(id) = &message.optional.receipted_message_id {
        let id = text("receipted_message_id", id)?;
        sm.push_tlv(MessageDeliveryRequestTlvValue::ReceiptedMessageId(id));
    }
    if let Some(state) = message.optional.message_state {
        let state = MessageState::from(state);
        sm.push_tlv(MessageDeliveryRequestTlvValue::MessageState(state));
    }
    if let Some(reference) = message.optional.user_message_reference {
        let reference = UserMessageReference::new(reference);
        sm.push_tlv(MessageDeliveryRequestTlvValue::UserMessageReference(reference));
    }
    Ok(sm.into())
}

fn payload(message: &ShortMessage) -> Result<MessagePayload, Unwritable> {
    if message.body.len() > usize::from(u16::MAX) {
        return Err(Unwritable { field: "message_payload", rule: "at most 65535 octets" });
    }
    Ok(MessagePayload::new(AnyOctetString::from_bytes(message.body.clone())))
}

/// Appends one data unit.
pub(crate) fn encode(out: &mut BytesMut, status: Status, sequence: u32, pdu: Pdu) {
    let command = Command::new(CommandStatus::from(status.0), sequence, pdu);
    let length = 4 + command.length();
    out.reserve(length);
    out.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    command.encode(out);
}

/// Appends a data unit that is a header only: an answer that carries an error.
pub(crate) fn encode_bare(out: &mut BytesMut, status: Status, sequence: u32, id: CommandId) {
    out.put_u32(16);
    out.put_u32(id.into());
    out.put_u32(status.0);
    out.put_u32(sequence);
}
