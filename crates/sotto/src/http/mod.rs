//! The doors: API, the pages of those who work here, the window where patients come, and the
//! carriers' webhooks.
//!
//! Read [`router`] first: every URL is there, with what it asks of whoever uses it ([`routes`]). A handler parses ([`body`]), has its right as an
//! argument ([`auth`]), and calls the same functions as everything else in the house; what it
//! refuses is a [`errors::Problem`].

pub mod router;
pub mod routes;

pub mod auth;
pub mod body;
pub mod errors;
pub mod fields;
pub mod files;
pub mod form;
pub mod headers;
pub mod idempotency;
pub mod pagination;
pub mod params;
mod sealed;
pub mod upload;
pub mod views;

pub mod api;
pub mod carriers;
pub mod console;
pub mod portal;
pub mod unsubscribe;

pub mod assets;
pub mod health;
pub mod metrics;
pub mod openapi;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Semaphore;

use crate::access::ceremonies::Ceremonies;
use crate::access::passkeys::Passkeys;
use crate::db::Db;
use crate::office::Office;

/// What every handler has: the database, the practice, and what the doors remember. Clones share.
#[derive(Clone)]
pub struct Doors(Arc<Inner>);

struct Inner {
    db: Db,
    office: Office,
    known_tokens: auth::KnownTokens,
    asked: metrics::Asked,
    watchers: Arc<Semaphore>,
    closing: AtomicBool,
    twilio: Option<carriers::twilio::Webhook>,
    pages: Pages,
}

/// Where the pages are, and what of them is this installation's own.
#[derive(Debug, Clone, Default)]
pub struct Pages {
    /// The origin at which browsers see them: passkeys and links belong to it. Without one there
    /// are no passkeys.
    pub origin: Option<url::Url>,
    /// The origin of the window, where it is not that of the practice's portal: in the demo, whose
    /// portal is made up.
    pub window: Option<url::Url>,
    /// The demo's links: a secret each, for whom, and the words of their role.
    pub demo_links: Vec<(String, crate::ids::StaffId, &'static str)>,
    /// The phone of the practice's own that tests go to (`self_test.number`); without one they come
    /// back before the wire.
    pub test_number: Option<gate::PhoneNumber>,
    /// The public half of the practice's recovery key; without one the sealed mode is off.
    pub recovery: Option<crate::sealed::PublicKey>,
    /// Who looks at files that come in.
    pub scanner: crate::attachments::scan::Scanner,
}

impl Doors {
    /// How many live pages may be open at once, over all who work here.
    const MOST_WATCHERS: usize = 256;

    /// Doors to this practice. `twilio` is how its webhooks are recognised, where it has any.
    #[must_use]
    pub fn new(db: Db, office: Office, twilio: Option<carriers::twilio::Webhook>) -> Self {
        Self::with_pages(db, office, twilio, Pages::default())
    }

    /// The same, with pages at an origin.
    #[must_use]
    pub fn with_pages(
        db: Db,
        office: Office,
        twilio: Option<carriers::twilio::Webhook>,
        pages: Pages,
    ) -> Self {
        Self(Arc::new(Inner {
            pages,
            db,
            office,
            known_tokens: auth::KnownTokens::default(),
            asked: metrics::Asked::default(),
            watchers: Arc::new(Semaphore::new(Self::MOST_WATCHERS)),
            closing: AtomicBool::new(false),
            twilio,
        }))
    }

    /// The database.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.0.db
    }

    /// The practice.
    #[must_use]
    pub fn office(&self) -> &Office {
        &self.0.office
    }

    /// From now on nothing new is taken: `/readyz` says so, the API answers 503, and the live page
    /// ends instead of waiting for news.
    pub fn close(&self) {
        self.0.closing.store(true, Ordering::Relaxed);
    }

    fn closing(&self) -> bool {
        self.0.closing.load(Ordering::Relaxed)
    }

    fn scanner(&self) -> &crate::attachments::scan::Scanner {
        &self.0.pages.scanner
    }

    fn recovery(&self) -> Option<&crate::sealed::PublicKey> {
        self.0.pages.recovery.as_ref()
    }

    fn pages(&self) -> &Pages {
        &self.0.pages
    }

    /// Whether browsers come by HTTPS, which the proxy in front speaks. Over plain HTTP only this
    /// machine itself is served.
    fn over_https(&self) -> bool {
        self.0.pages.origin.as_ref().is_none_or(|origin| origin.scheme() == "https")
    }

    /// Makes and checks passkeys, where the origin is known and can have them.
    fn passkeys(&self) -> Option<Passkeys> {
        let origin = self.0.pages.origin.as_ref()?;
        Passkeys::at(origin, &self.office().profile().display_name)
    }

    /// The same at the window, for the phones of patients: they belong to the portal's name. Where the
    /// console has the same, neither opens the other: whose a passkey is stands in different tables.
    fn phones(&self) -> Option<Ceremonies> {
        let profile = self.office().profile();
        let portal = || profile.portal_url.trim().parse().ok();
        let origin = self.0.pages.window.clone().or_else(portal)?;
        Ceremonies::at(&origin, &profile.display_name)
    }

    fn watchers(&self) -> Arc<Semaphore> {
        Arc::clone(&self.0.watchers)
    }

    fn known_tokens(&self) -> &auth::KnownTokens {
        &self.0.known_tokens
    }

    fn asked(&self) -> &metrics::Asked {
        &self.0.asked
    }

    fn twilio(&self) -> Option<&carriers::twilio::Webhook> {
        self.0.twilio.as_ref()
    }
}
