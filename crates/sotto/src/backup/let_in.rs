//! What let somebody in when the backup was made is over once it is put back: since then it may have
//! been ended, and nothing here knows of it. A session that was ended, a phone that was cut off or a
//! token that was revoked would open again.

use serde::Serialize;

use crate::access::staff::{self, Staff};
use crate::db::staff as staff_rows;
use crate::db::{Tx, api_token, credential, kiosk, session, window, window_passkey};
use crate::ids::{StaffId, TokenId};
use crate::office::Office;

use super::restore::RestoreError;

/// Why they ended, as a word of the rows.
pub const WHY: &str = "restored";

/// What was ended, and who may come in again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ended {
    /// Sessions of staff.
    pub sessions: usize,
    /// Invitations of staff that nobody had accepted.
    pub invitations: usize,
    /// Tokens of programs: make new ones.
    pub tokens: Vec<EndedToken>,
    /// Stays at the window.
    pub stays: usize,
    /// Tablets, and codes for one.
    pub tablets: usize,
    /// Links to the window that had gone out.
    pub links: usize,
    /// Phones that were remembered.
    pub phones: usize,
    /// Whoever may sign in by what the backup holds: somebody disabled since, a passkey removed since
    /// and a password changed since are as they were.
    pub may_sign_in: Vec<MaySignIn>,
}

impl Ended {
    /// How many of each, without a name.
    #[must_use]
    pub fn counts(&self) -> serde_json::Value {
        serde_json::json!({
            "sessions": self.sessions, "invitations": self.invitations, "tokens": self.tokens.len(),
            "stays": self.stays, "tablets": self.tablets, "links": self.links, "phones": self.phones,
            "may_sign_in": self.may_sign_in.len(),
        })
    }
}

/// A token that was ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EndedToken {
    /// Which.
    pub id: TokenId,
    /// As it was named.
    pub name: String,
}

/// Somebody who may sign in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MaySignIn {
    /// Who.
    pub id: StaffId,
    /// The mailbox they sign in with.
    pub email: String,
    /// How many passkeys open for them.
    pub passkeys: usize,
}

/// Ends everything that lets somebody in, of staff, programs and patients. The caller writes the one
/// audit entry that binds it all.
///
/// # Errors
/// [`RestoreError`].
pub(super) fn end_all(tx: &mut Tx<'_>, office: &Office) -> Result<Ended, RestoreError> {
    let (practice, now) = (office.practice(), office.clock().now());
    let sessions = session::all_open(tx, practice, now)?;
    for (row, _) in &sessions {
        session::end(tx, practice, (row.staff_id, row.id), WHY, now)?;
    }
    let mut tokens = api_token::list(tx, practice)?;
    tokens.retain(|token| token.is_good(now));
    for token in &tokens {
        api_token::revoke(tx, practice, token.id, now)?;
    }
    let stays = window::all_open_sessions(tx, practice)?;
    for id in &stays {
        window::end_session(tx, practice, *id, (WHY, now))?;
    }
    let tablets = kiosk::all_open(tx, practice)?;
    for id in &tablets {
        kiosk::end(tx, practice, *id, (WHY, now))?;
    }
    let links = window::links_that_went(tx, practice, now)?;
    for id in &links {
        window::end_link(tx, practice, *id, (WHY, now))?;
        window::forget_codes(tx, practice, *id)?;
    }
    let phones = window_passkey::all_open(tx, practice)?;
    let count = phones.len();
    for row in phones {
        let row = window_passkey::PhoneRow {
            ended_at: Some(now),
            ended_why: Some(WHY.to_owned()),
            ..row
        };
        window_passkey::put(tx, practice, &row)?;
    }
    let mut invitations = 0;
    let mut may_sign_in = Vec::new();
    for one in staff::list(tx, office)? {
        for invite in staff_rows::open_invites(tx, practice, one.id)? {
            invitations += usize::from(staff_rows::use_invite(tx, practice, invite, now)?);
        }
        if let Some(one) = may(tx, office, one)? {
            may_sign_in.push(one);
        }
    }
    let tokens = tokens.into_iter().map(|token| EndedToken { id: token.id, name: token.name });
    Ok(Ended {
        sessions: sessions.len(),
        invitations,
        tokens: tokens.collect(),
        stays: stays.len(),
        tablets: tablets.len(),
        links: links.len(),
        phones: count,
        may_sign_in,
    })
}

/// Whether somebody has what it takes to come in.
fn may(tx: &mut Tx<'_>, office: &Office, one: Staff) -> Result<Option<MaySignIn>, RestoreError> {
    let practice = office.practice();
    if one.disabled_at.is_some() {
        return Ok(None);
    }
    let passkeys = credential::passkeys(tx, practice, one.id)?.len();
    let password = credential::secret(tx, practice, one.id)?.is_some();
    let email = one.named.email;
    Ok((passkeys > 0 || password).then_some(MaySignIn { id: one.id, email, passkeys }))
}
