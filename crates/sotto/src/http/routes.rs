//! A router that cannot be given a URL without saying who may use it. The list is what the test of
//! authorization goes through: for each line somebody who may, and everybody who may not.

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, on};

use super::Doors;
use crate::access::policies::Action;
use crate::access::tokens::Scope;

/// What a URL asks of whoever uses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing; the text says why.
    Nothing(&'static str),
    /// A token of this scope.
    Token(Scope),
    /// A carrier's signature.
    Signature,
    /// A link that was given to one person.
    Link,
    /// To have proved, at the window, that one is the patient or acts for them.
    Visitor,
    /// To be signed in, locked or not.
    Session,
    /// To be signed in, with leave for this.
    May(Action),
    /// The same, with a second factor given in the last five minutes.
    MayRecently(Action),
    /// To be signed in, with leave for each of these: on the practice, and on the patient or the
    /// conversation that the path names, whichever the action is done to.
    MayEach(&'static [Action]),
    /// The same, with a second factor given in the last five minutes.
    MayEachRecently(&'static [Action]),
}

/// A URL and what it asks.
#[derive(Debug, Clone)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path, as the router takes it.
    pub path: &'static str,
    /// What it asks.
    pub needs: Needs,
}

/// A router and the list of what is in it.
#[derive(Default)]
pub(super) struct Routes {
    pub(super) router: Router<Doors>,
    pub(super) list: Vec<Route>,
}

macro_rules! methods {
    ($($name:ident = $method:ident;)+) => {$(
        pub(super) fn $name<H, T>(self, path: &'static str, needs: Needs, handler: H) -> Self
        where
            H: Handler<T, Doors>,
            T: 'static,
        {
            let Self { router, mut list } = self;
            list.push(Route { method: Method::$method, path, needs });
            Self { router: router.route(path, on(MethodFilter::$method, handler)), list }
        }
    )+};
}

impl Routes {
    methods! {
        get = GET;
        post = POST;
        put = PUT;
    }

    /// Both.
    pub(super) fn merge(self, other: Self) -> Self {
        let mut list = self.list;
        list.extend(other.list);
        Self { router: self.router.merge(other.router), list }
    }

    /// The same list, behind something more.
    pub(super) fn behind(self, wrap: impl FnOnce(Router<Doors>) -> Router<Doors>) -> Self {
        Self { router: wrap(self.router), list: self.list }
    }
}
