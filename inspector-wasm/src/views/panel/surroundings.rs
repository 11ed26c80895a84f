//! The recovery that a panel is about, and the requests that change it.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use wasm_bindgen_futures::spawn_local;
use yew::{AttrValue, Callback, UseReducerDispatcher};

use crate::services::dom;
use crate::state::failure::Failure;
use crate::state::recovery::{Action, Doing, RecoveryState};

/// The recovery that the panel belongs to, and the ways to change it.
pub struct Surroundings<'a> {
    /// The recovery as it is known.
    pub state: &'a RecoveryState,
    /// Takes changes of the state.
    pub dispatcher: UseReducerDispatcher<RecoveryState>,
    /// Asks for the plan anew.
    pub look: Callback<()>,
    /// Name of the root.
    pub root: &'a str,
    /// The operation or file that the address names.
    pub named: &'a str,
    /// The operation the plan is for.
    pub operation: &'a str,
    /// Something changed that the list shows too.
    pub onchanged: &'a Callback<()>,
    /// The address and the title of the one that comes next in the list.
    pub next: Option<&'a (AttrValue, AttrValue)>,
    /// Whether a request of this page is on its way. The state says so only once it is drawn anew, and a second press may come before.
    pub in_flight: Rc<Cell<bool>>,
}

/// A request to the server, on its way; its answer is a change of the state.
pub(super) type Asked = Pin<Box<dyn Future<Output = Result<Action, Failure>>>>;

/// Asks the server for something, given the names of the root and of the operation.
pub(super) type Ask = Box<dyn Fn(String, String) -> Asked>;

/// Has the server do something in this person's name, unless a request is on its way already.
// One function for all of them, and not one for each kind of request: that would be the same machine code four times over.
pub(super) fn asking(around: &Surroundings<'_>, doing: Doing, ask: Ask) -> Callback<()> {
    let in_flight = around.in_flight.clone();
    let (root, operation) = (around.root.to_owned(), around.operation.to_owned());
    let (dispatcher, look, onchanged) = (
        around.dispatcher.clone(),
        around.look.clone(),
        around.onchanged.clone(),
    );
    Callback::from(move |()| {
        if in_flight.replace(true) {
            return;
        }
        let in_flight = in_flight.clone();
        let asked = ask(root.clone(), operation.clone());
        let (dispatcher, look, onchanged) = (dispatcher.clone(), look.clone(), onchanged.clone());
        dispatcher.dispatch(Action::Began(doing));
        spawn_local(async move {
            let answer = asked.await;
            in_flight.set(false);
            match answer {
                Ok(action) => dispatcher.dispatch(action),
                Err(failure) => return dispatcher.dispatch(Action::Refused(failure)),
            }
            if let Some(done) = said(doing) {
                dom::say(done);
                look.emit(());
                onchanged.emit(());
            }
        });
    })
}

/// Read aloud once it is done. `None` for an execution: its stages are read aloud, and the list is read anew when it ends.
const fn said(doing: Doing) -> Option<&'static str> {
    match doing {
        Doing::Approving => Some("The plan is approved."),
        Doing::Revoking => Some("The approval is revoked."),
        Doing::Ending => Some("The attempt is ended."),
        Doing::Starting => None,
    }
}
