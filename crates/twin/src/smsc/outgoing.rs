//! Receipts and replies as `deliver_sm`.

use bytes::Bytes;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use smpp::wire::Optional;
use smpp::{Address, ReceiptState, ShortMessage, Status, split};

use super::{Queries, ReceiptForm, SmscServer};
use crate::faults::Channel;
use crate::plan::{Plan, ReceiptDue, ReplyDue, What};
use crate::record::DeliveryState;

/// SMPP 3.4 §5.2.12: the message is a delivery receipt.
const IS_RECEIPT: u8 = 0x04;
/// SMPP 3.4 §5.2.12: the message is an intermediate notification.
const IS_INTERMEDIATE: u8 = 0x20;

impl SmscServer {
    /// The short messages of a plan. Nothing if it cannot be written as SMPP.
    pub(super) fn messages(&self, plan: &Plan) -> Option<Vec<ShortMessage>> {
        match &plan.what {
            What::Receipt(due) => Some(vec![self.receipt(due, self.world.clock.now())?]),
            What::Reply(due) => reply(due, plan.id),
            What::Notice(_) | What::Click { .. } | What::Block { .. } => None,
        }
    }

    /// What became of a message, asked by the id of its answer.
    pub(super) fn asked(&self, message_id: &str) -> Result<ReceiptState, Status> {
        match self.config.queries {
            Queries::Answered => {}
            Queries::Failed => return Err(Status::QUERY_FAILED),
            Queries::NotSupported => return Err(Status::INVALID_COMMAND_ID),
        }
        let known = self.world.recorder.look(|record| {
            let receipt = self.config.ids.receipt_of_answer(message_id)?;
            let text = record.known(Channel::Sms, message_id)?;
            Some(receipt_state(record.state_of(text, &receipt)))
        });
        known.ok_or(Status::INVALID_MESSAGE_ID)
    }

    fn receipt(&self, due: &ReceiptDue, now: Timestamp) -> Option<ShortMessage> {
        let state = receipt_state(due.state);
        let tlv = self.config.receipts != ReceiptForm::Text;
        let body = match self.config.receipts {
            ReceiptForm::Tlv => String::new(),
            ReceiptForm::Text | ReceiptForm::Both => receipt_text(due, state, now),
        };
        Some(ShortMessage {
            source: Address::parse(&due.to).ok()?,
            destination: Address::parse(&due.from).ok()?,
            esm_class: match due.state {
                DeliveryState::OnItsWay => IS_INTERMEDIATE,
                _ => IS_RECEIPT,
            },
            data_coding: 0,
            registered_delivery: 0,
            body: Bytes::from(body),
            optional: Optional {
                receipted_message_id: tlv.then(|| due.message_id.clone()),
                message_state: tlv.then(|| state.code()),
                ..Optional::default()
            },
        })
    }
}

fn receipt_state(state: DeliveryState) -> ReceiptState {
    match state {
        DeliveryState::OnItsWay => ReceiptState::EnRoute,
        DeliveryState::Delivered => ReceiptState::Delivered,
        DeliveryState::Undeliverable => ReceiptState::Undeliverable,
        DeliveryState::Expired => ReceiptState::Expired,
    }
}

/// SMPP 3.4 Appendix B, written here in full so that the reading side meets two writers.
fn receipt_text(due: &ReceiptDue, state: ReceiptState, now: Timestamp) -> String {
    let minute = |at: Timestamp| at.to_zoned(TimeZone::UTC).strftime("%y%m%d%H%M").to_string();
    let delivered = if state == ReceiptState::Delivered { "001" } else { "000" };
    format!(
        "id:{} sub:001 dlvrd:{delivered} submit date:{} done date:{} stat:{} err:{:03} text:",
        due.message_id,
        minute(due.submitted),
        minute(now),
        state.word(),
        due.error.unwrap_or(0) % 1000,
    )
}

fn reply(due: &ReplyDue, id: u64) -> Option<Vec<ShortMessage>> {
    let (from, to) = (Address::parse(&due.from).ok()?, Address::parse(&due.to).ok()?);
    let reference = u8::try_from(id & 0xFF).unwrap_or(0);
    let segments = split(&due.text, reference).ok()?;
    let messages = segments
        .into_iter()
        .map(|segment| ShortMessage::submit(from.clone(), to.clone(), segment, false));
    Some(messages.collect())
}
