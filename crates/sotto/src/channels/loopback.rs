//! The way back before the wire: what the test patient is sent while no phone is set for it. It
//! passes everything else, and its receipt comes back like a carrier's.

use gate::Released;

use super::{
    Adapter, AdapterName, Carried, CarrierEvent, CarrierEvents, CarrierReceipt, Done, Failure,
    FailureKind, Handoff, ReceiptStatus,
};
use crate::clock::Clock;
use crate::nodes::Lease;

/// Takes every message and reports it delivered.
#[derive(Debug)]
pub struct Loopback {
    events: CarrierEvents,
    clock: Clock,
}

impl Loopback {
    /// Reports to these events, under ids of this clock.
    #[must_use]
    pub const fn new(events: CarrierEvents, clock: Clock) -> Self {
        Self { events, clock }
    }
}

impl Adapter for Loopback {
    fn name(&self) -> AdapterName {
        AdapterName::Loopback
    }

    async fn send(&self, message: Released<'_>, lease: &Lease) -> Result<Handoff, Failure> {
        if !lease.holds() {
            return Err(Failure::new(FailureKind::HeldBack));
        }
        let id = self.clock.new_id().to_string();
        let receipt = CarrierReceipt {
            adapter: AdapterName::Loopback,
            carrier_id: id.clone(),
            to: Some(message.draft().address.clone()),
            status: ReceiptStatus::Delivered,
            failure: None,
            occurred_at: None,
        };
        let event = CarrierEvent::Receipt(receipt);
        // On its way before the answer is stored, as with a fast carrier: it is kept until then.
        let carried = Carried { event, done: Done::nobody() };
        if self.events.send(carried).await.is_err() {
            return Err(Failure::new(FailureKind::Unreachable));
        }
        Ok(Handoff { parts: vec![id], transport: None })
    }
}
