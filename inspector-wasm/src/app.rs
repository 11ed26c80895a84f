//! The page: finds out whether there is a server, and shows the screen that the address names.

use std::cell::RefCell;
use std::rc::Rc;

use sidecar::Timestamp;
use sidecar::api::RootSummary;
use yew::{Callback, Html, MouseEvent, component, html, use_node_ref, use_reducer};

use crate::context::{Connection, Session};
use crate::hooks::{Alive, Asking, use_polled, use_printing, use_route};
use crate::route::{Arranged, Route};
use crate::services::backend::Wanted;
use crate::services::{backend, dom, key};
use crate::state::failure::Failure;
use crate::views::{Audit, Check, Offline, Pending, header, logged_out, no_server, not_found};
use crate::words::visible;

/// The page.
#[component]
pub fn App() -> Html {
    let (route, arranged) = use_route();
    let printing = use_printing();
    let connection = use_reducer(Connection::default);
    let retry = {
        let dispatcher = connection.dispatcher();
        let ask = move |alive: Alive| -> Asking {
            let dispatcher = dispatcher.clone();
            Box::pin(async move {
                let found = connect().await;
                let pause = found.ask_again_ms();
                if alive.get() {
                    dispatcher.dispatch(found);
                }
                pause
            })
        };
        use_polled(String::new(), Box::new(ask))
    };
    let main = use_node_ref();
    let skip = {
        let main = main.clone();
        Callback::from(move |_: MouseEvent| dom::focus(&main))
    };
    html! {
        <>
            <button type="button" class="skip" onclick={skip}>{ "Skip to the content" }</button>
            { header(&route, &connection) }
            if printing { { on_paper(&route, &connection) } }
            <div class="screen" ref={main} tabindex="-1">{ screen(&route, &arranged, &connection, &retry) }</div>
            <div class="unseen" role="status" aria-live="polite" id={dom::VOICE}></div>
        </>
    }
}

thread_local! {
    /// Why the login link that opened this page was refused.
    static REFUSED: RefCell<Option<Failure>> = const { RefCell::new(None) };
}

/// Logs in, if the page was opened by a login link. The token is gone from the address when the page is drawn.
pub async fn log_in() {
    let Some(token) = dom::take_token() else {
        return;
    };
    let refused = match backend::log_in(token).await {
        Ok(opened) if key::keep(&opened) => return,
        Ok(_) => Failure::NoStorage,
        Err(failure) => failure,
    };
    // A browser that is logged in already stays logged in.
    REFUSED.set(Some(refused));
}

async fn connect() -> Connection {
    if dom::is_file() {
        return Connection::Absent { failure: None };
    }
    let key = key::current();
    let session = async {
        let session = backend::session().await?;
        Ok::<_, Failure>(Session {
            name: session.name.into(),
            roots: Rc::new(backend::roots().await?.roots),
        })
    };
    match session.await {
        Ok(session) => Connection::Present(session),
        // If the login link was refused and there is no session, say why the link was refused: the person just opened it.
        Err(failure) if failure.asks_for_login() => {
            // Another tab may have logged in meanwhile.
            if key::current() == key {
                key::forget();
            }
            Connection::LoggedOut {
                failure: REFUSED.take().unwrap_or(failure),
            }
        }
        Err(failure) => Connection::Absent {
            failure: Some(failure),
        },
    }
}

/// Heads what is printed: of which root it is, when it was printed, and where it is to be found.
fn on_paper(route: &Route, connection: &Connection) -> Html {
    let root = match connection {
        Connection::Present(session) => route.root().and_then(|name| session.root(name)),
        Connection::Asking | Connection::Absent { .. } | Connection::LoggedOut { .. } => None,
    };
    html! {
        <p class="on-paper" data-testid="on-paper">
            if let Some(root) = root { { visible(&format!("Root {}: {}", root.name, root.uri)) }<br /> }
            { format!("Printed {}", Timestamp::from_micros(dom::now_micros())) }<br />
            { visible(&dom::address()) }
        </p>
    }
}

fn screen(
    route: &Route,
    arranged: &Arranged,
    connection: &Connection,
    retry: &Callback<()>,
) -> Html {
    let served = |root, draw: &dyn Fn(&RootSummary) -> Html| of_root(root, connection, retry, draw);
    let pending = |root, open: Option<(&String, Wanted)>| {
        served(root, &|summary| {
            let open = open.map(|(operation, wanted)| (operation.clone(), wanted));
            html! { <Pending key={summary.name.clone()} summary={summary.clone()} {open} arranged={arranged.clone()} /> }
        })
    };
    match route {
        Route::Start if matches!(connection, Connection::Absent { .. }) => {
            offline(None, connection)
        }
        Route::Start => pending(None, None),
        Route::Pending { root } => pending(Some(root), None),
        Route::Recovery { root, operation } => {
            pending(Some(root), Some((operation, Wanted::Recovery)))
        }
        Route::RollBack { root, operation } => {
            pending(Some(root), Some((operation, Wanted::RollBack)))
        }
        Route::Dismissal { root, operation } => {
            pending(Some(root), Some((operation, Wanted::Dismissal)))
        }
        Route::Check { root, upgrade } => served(Some(root), &|summary| {
            html! { <Check key={root.clone()} summary={summary.clone()} upgrade={*upgrade} /> }
        }),
        Route::Audit { root } => served(Some(root), &|summary| {
            html! { <Audit key={root.clone()} summary={summary.clone()} operation={None::<String>} /> }
        }),
        Route::Record { root, operation } => served(Some(root), &|summary| {
            html! { <Audit key={format!("{root}\n{operation}")} summary={summary.clone()} operation={Some(operation.clone())} /> }
        }),
        Route::Offline => offline(None, connection),
        Route::OfflineFile { number } => offline(Some(*number), connection),
        Route::NotFound => not_found(None),
    }
}

fn offline(number: Option<usize>, connection: &Connection) -> Html {
    let alone = matches!(connection, Connection::Absent { failure: Some(_) });
    html! { <Offline {number} {alone} /> }
}

/// A screen about this root, or about the first one of the server, if somebody is logged in there.
fn of_root(
    named: Option<&String>,
    connection: &Connection,
    retry: &Callback<()>,
    draw: &dyn Fn(&RootSummary) -> Html,
) -> Html {
    let session = match connection {
        Connection::Asking => {
            return html! { <main class="lone"><p role="status">{ "Asking the server…" }</p></main> };
        }
        Connection::Absent { failure } => return no_server(failure.as_ref(), retry),
        Connection::LoggedOut { failure } => return logged_out(failure, retry),
        Connection::Present(session) => session,
    };
    let root = match named {
        Some(name) => session.root(name),
        None => session.roots.first(),
    };
    match root {
        Some(root) => draw(root),
        None => not_found(named.map(String::as_str)),
    }
}
