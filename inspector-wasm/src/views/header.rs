//! The bar at the top: where one is, in which root, and as whom.

use yew::{Callback, Event, Html, html};

use super::session_menu::SessionMenu;
use crate::components::each;
use crate::context::{Connection, Session};
use crate::route::Route;
use crate::services::dom;
use crate::words::visible;

/// The bar at the top.
pub fn header(route: &Route, connection: &Connection) -> Html {
    let session = match connection {
        Connection::Present(session) => Some(session),
        Connection::Asking | Connection::Absent { .. } | Connection::LoggedOut { .. } => None,
    };
    let named = route.root().map(str::to_owned);
    let first = session
        .and_then(|session| session.roots.first())
        .map(|root| root.name.clone());
    let root = named.or(first);
    let offline_only = session.is_none();
    let [pending, check, audit, offline] = match route {
        Route::Offline | Route::OfflineFile { .. } => [false, false, false, true],
        Route::Audit { .. } | Route::Record { .. } => [false, false, true, false],
        Route::Check { .. } => [false, true, false, false],
        Route::Start if matches!(connection, Connection::Absent { .. }) => {
            [false, false, false, true]
        }
        Route::Start
        | Route::Pending { .. }
        | Route::Recovery { .. }
        | Route::RollBack { .. }
        | Route::Dismissal { .. } => [true, false, false, false],
        Route::NotFound => [false; 4],
    };
    let link = |name: &'static str, route: Route, here: bool| {
        html! { <li><a href={route.href()} aria-current={here.then_some("page")}>{ name }</a></li> }
    };
    html! {
        <header class="bar">
            <a class="brand" href={Route::Start.href()}>{ mark() }<span>{ "Sidecar Inspector" }</span></a>
            <nav aria-label="Screens">
                <ul>
                    if let (Some(root), false) = (root.clone(), offline_only) {
                        { link("Pending", Route::Pending { root: root.clone() }, pending) }
                        { link("Check", Route::Check { root: root.clone(), upgrade: false }, check) }
                        { link("Audit", Route::Audit { root }, audit) }
                    }
                    { link("Offline", Route::Offline, offline) }
                </ul>
            </nav>
            if let Some(session) = session {
                <div class="place">
                    if let Some(root) = root { { switcher(session, route, &root) } }
                    <SessionMenu name={session.name.to_string()} />
                </div>
            }
        </header>
    }
}

fn switcher(session: &Session, route: &Route, current: &str) -> Html {
    let uri = session
        .root(current)
        .map(|root| root.uri.clone())
        .unwrap_or_default();
    if session.roots.len() < 2 {
        return html! { <code class="root" title={visible(&uri)} data-testid="root">{ visible(&uri) }</code> };
    }
    let onchange = {
        let route = route.clone();
        Callback::from(move |event: Event| dom::go(&route.with_root(dom::value(&event)).href()))
    };
    html! {
        <select class="root" aria-label="Root" title={visible(&uri)} data-testid="root" {onchange}>
            { each(&mut session.roots.iter().map(|root| html! {
                <option value={root.name.clone()} selected={root.name == current}>{ visible(&format!("{} — {}", root.name, root.uri)) }</option>
            })) }
        </select>
    }
}

fn mark() -> Html {
    html! {
        <svg class="mark" width="20" height="20" viewBox="0 0 20 20" aria-hidden="true">
            <path d="M2 6.5H18M2 13.5H18" />
            <path class="dash" d="M7 6.5V13.5" />
            <circle class="pin" cx="7" cy="6.5" r="3" />
            <circle class="head" cx="14" cy="13.5" r="3" />
        </svg>
    }
}
