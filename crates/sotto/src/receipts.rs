//! tmp
use crate::channels::{AdapterName, FailureKind};
use crate::db::Tx;
use crate::office::Office;
use crate::outbox::OutboxError;
use gate::MessageId;
pub(crate) fn settle_early(
    _: &mut Tx<'_>,
    _: &Office,
    _: AdapterName,
    _: &str,
) -> Result<(), OutboxError> {
    Ok(())
}
pub(crate) fn ask_staff(
    _: &mut Tx<'_>,
    _: &Office,
    _: MessageId,
    _: FailureKind,
) -> Result<(), OutboxError> {
    Ok(())
}
pub(crate) fn apply_effect(
    _: &mut Tx<'_>,
    _: &Office,
    _: MessageId,
    _: FailureKind,
) -> Result<(), OutboxError> {
    Ok(())
}
