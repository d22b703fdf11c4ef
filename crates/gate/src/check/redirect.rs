//! Too much for the channel, and nothing else in the way: offer the portal.

use super::Asked;
use crate::permit::Redirect;
use crate::refusal::Refusal;

/// The body for the portal and a level-0 notice for the channel, when content alone refuses.
pub(crate) fn offer(_asked: &Asked<'_>, _refusal: &Refusal) -> Option<Redirect> {
    None
}
