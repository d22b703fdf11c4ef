//! Rights as arguments: a handler that takes `MayWriteMessages` cannot be reached without a token
//! of that scope, and one that takes none of these has no practice to ask about.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;

use super::Doors;
use super::errors::Problem;
use crate::access::tokens::{self, Scope, Token};
use crate::audit::{self, Actor, AuditError, Event, Kind, Outcome};
use crate::ids::TokenId;

/// A program that came in with a good token.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Its token.
    pub token: TokenId,
}

impl Caller {
    /// The caller, as the audit log names it.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor::token(self.token)
    }
}

macro_rules! rights {
    ($( $(#[$doc:meta])* $name:ident = $scope:ident; )+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name(pub Caller);

        impl FromRequestParts<Doors> for $name {
            type Rejection = Problem;

            async fn from_request_parts(
                parts: &mut Parts,
                doors: &Doors,
            ) -> Result<Self, Problem> {
                caller(parts, doors, Scope::$scope).await.map(Self)
            }
        }
    )+};
}

rights! {
    /// The right to ask for messages to be sent.
    MayWriteMessages = MessagesWrite;
    /// The right to see the state of messages.
    MayReadMessages = MessagesRead;
    /// The right to ask what a text would reveal.
    MayCheck = Check;
    /// The right to find patients by an identifier, and to see how they may be reached.
    MayReadPatients = PatientsRead;
    /// The right to write down how patients may be reached, and what was asked for.
    MayWritePatients = PatientsWrite;
    /// The right to record and revoke consents.
    MayWriteConsents = ConsentsWrite;
    /// The right to see the history of consents.
    MayReadConsents = ConsentsRead;
    /// The right to book, change and cancel appointments.
    MayWriteAppointments = AppointmentsWrite;
    /// The right to see appointments.
    MayReadAppointments = AppointmentsRead;
    /// The right to close tasks.
    MayWriteTasks = TasksWrite;
    /// The right to see tasks.
    MayReadTasks = TasksRead;
    /// The right to change the practice's reminder plan and office hours.
    MayWritePractice = PracticeWrite;
    /// The right to see them.
    MayReadPractice = PracticeRead;
}

async fn caller(parts: &Parts, doors: &Doors, scope: Scope) -> Result<Caller, Problem> {
    if doors.closing() {
        return Err(Problem::draining());
    }
    let secret = parts
        .headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, secret)| secret.trim())
        .filter(|secret| (20..=200).contains(&secret.len()))
        .ok_or_else(Problem::unauthorized)?;
    let digest = tokens::digest_of(secret);
    let token = match doors.known_tokens().good(&digest, doors) {
        Some(token) => token,
        None => look_up(doors, digest).await?.ok_or_else(Problem::unauthorized)?,
    };
    if token.scopes.contains(&scope) {
        return Ok(Caller { token: token.id });
    }
    refuse(doors, token.id, scope).await;
    Err(Problem::forbidden(scope.as_str()))
}

/// Writes down that a program asked for what its token is not for (ASVS 16.3.2). Of a token that is
/// nobody's only the operator's log speaks: strangers must not be able to fill the record.
async fn refuse(doors: &Doors, token: TokenId, scope: Scope) {
    let office = doors.office().clone();
    let event = Event::new(Kind::AccessRefused, Actor::token(token))
        .outcome(Outcome::Refused)
        .code(scope.as_str());
    let recorded: Result<(), AuditError> =
        doors.db().write(move |tx| audit::append(tx, &office, event).map(drop)).await;
    if let Err(error) = recorded {
        tracing::error!(%error, "access.refusal_not_recorded");
    }
}

async fn look_up(doors: &Doors, digest: [u8; 32]) -> Result<Option<Token>, Problem> {
    let office = doors.office().clone();
    let found = doors.db().read(move |tx| tokens::verify(tx, &office, &digest)).await?;
    if let Some(token) = &found {
        doors.known_tokens().remember(digest, token.clone(), doors.office().clock().instant());
    }
    Ok(found)
}

/// Tokens seen good a moment ago. A revocation, also one by another process, takes hold within
/// [`KnownTokens::MEMORY`] (45 CFR 164.308(a)(3)(ii)(C): access ends promptly).
#[derive(Default)]
pub struct KnownTokens(RwLock<HashMap<[u8; 32], (Token, Instant)>>);

impl KnownTokens {
    const MEMORY: Duration = Duration::from_secs(5);

    fn good(&self, digest: &[u8; 32], doors: &Doors) -> Option<Token> {
        let clock = doors.office().clock();
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let (token, seen) = known.get(digest)?;
        let fresh = clock.instant().duration_since(*seen) < Self::MEMORY;
        (fresh && token.is_good(clock.now())).then(|| token.clone())
    }

    /// Only good tokens come in here, so strangers cannot fill it.
    fn remember(&self, digest: [u8; 32], token: Token, seen: Instant) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, (_, at)| seen.duration_since(*at) < Self::MEMORY);
        known.insert(digest, (token, seen));
    }
}
