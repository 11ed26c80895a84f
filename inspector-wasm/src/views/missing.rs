//! Screens for when there is nothing to show: no server, no login, no such address.

use yew::{Callback, Html, MouseEvent, Properties, component, html};

use crate::components::FailureNotice;
use crate::hooks::use_screen;
use crate::route::Route;
use crate::state::failure::Failure;

#[derive(Debug, PartialEq, Properties)]
pub struct NoServerProps {
    /// Why; `None` for a page that was opened from disk.
    pub failure: Option<Failure>,
    /// Asks again.
    pub retry: Callback<()>,
}

/// There is no server behind the page.
#[component]
pub fn NoServer(props: &NoServerProps) -> Html {
    let heading = use_screen("no-server", "No server");
    let onclick = props.retry.reform(|_: MouseEvent| ());
    html! {
        <main class="lone">
            <h1 ref={heading} tabindex="-1">{ "This address needs the server, and none answers here." }</h1>
            if let Some(failure) = &props.failure { <FailureNotice failure={failure.clone()} /> }
            <p>{ "Sidecar files can still be looked at without one." }</p>
            <p class="actions">
                if props.failure.is_some() { <button type="button" class="primary" {onclick}>{ "Ask again" }</button> }
                <a class="button" href={Route::Offline.href()}>{ "Look at files offline" }</a>
            </p>
        </main>
    }
}

#[derive(Debug, PartialEq, Properties)]
pub struct LoggedOutProps {
    /// The server's words.
    pub failure: Failure,
    /// Asks again.
    pub retry: Callback<()>,
}

/// The server wants a login first.
#[component]
pub fn LoggedOut(props: &LoggedOutProps) -> Html {
    let heading = use_screen("logged-out", "Log in");
    let onclick = props.retry.reform(|_: MouseEvent| ());
    html! {
        <main class="lone">
            <h1 ref={heading} tabindex="-1">{ "Open the login link first." }</h1>
            <p>{ "The server printed it when it started. It works once, and in one browser." }</p>
            <FailureNotice failure={props.failure.clone()} />
            <p class="actions">
                <button type="button" class="primary" {onclick}>{ "Ask again" }</button>
                <a class="button" href={Route::Offline.href()}>{ "Look at files offline" }</a>
            </p>
        </main>
    }
}

#[derive(Debug, PartialEq, Properties)]
pub struct NotFoundProps {
    /// The root that the address names, if it names one.
    pub root: Option<String>,
}

/// Nothing is at this address.
#[component]
pub fn NotFound(props: &NotFoundProps) -> Html {
    let heading = use_screen("not-found", "Not found");
    html! {
        <main class="lone">
            <h1 ref={heading} tabindex="-1">{ "Nothing is at this address." }</h1>
            if let Some(root) = &props.root { <p>{ "This server has no root called " }<code>{ root }</code>{ "." }</p> }
            <p class="actions"><a class="button" href={Route::Start.href()}>{ "Go to what is pending" }</a></p>
        </main>
    }
}
