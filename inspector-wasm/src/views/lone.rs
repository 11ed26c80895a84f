//! Screens for when there is nothing to show: no server, no login, no such address.

use yew::{AttrValue, Callback, Html, MouseEvent, Properties, component, html};

use crate::components::failure_notice;
use crate::hooks::use_screen;
use crate::route::Route;
use crate::state::failure::Failure;
use crate::words::visible;

#[derive(Debug, PartialEq, Properties)]
pub struct Props {
    /// Its title in the tab.
    pub title: AttrValue,
    /// Its heading.
    pub heading: AttrValue,
    /// The rest.
    pub children: Html,
}

/// A screen of a few sentences.
#[component]
pub fn Lone(props: &Props) -> Html {
    let heading = use_screen(&props.title, &props.title);
    html! { <main class="lone"><h1 ref={heading} tabindex="-1">{ visible(&props.heading) }</h1>{ props.children.clone() }</main> }
}

/// There is no server behind the page. `failure` says why, unless the page was opened from disk.
pub fn no_server(failure: Option<&Failure>, retry: &Callback<()>) -> Html {
    html! {
        <Lone title="No server" heading="This address needs the server, and none answers here.">
            { failure.map(|failure| failure_notice(failure, Html::default())) }
            <p>{ "Sidecar files can still be looked at without one." }</p>
            { actions(failure.map(|_| retry)) }
        </Lone>
    }
}

/// The server wants a login first.
pub fn logged_out(failure: &Failure, retry: &Callback<()>) -> Html {
    html! {
        <Lone title="Log in" heading="Open the login link first.">
            <p>{ "The server printed it when it started, and prints a new one whenever Ctrl-\\ is pressed in its terminal. A link works once, and in one browser." }</p>
            // Where nobody was logged in, the sentence above says it all.
            if !failure.is_without_session() { { failure_notice(failure, Html::default()) } }
            <p class="quiet-text">{ "Once this browser is logged in, in any tab, this page goes on by itself." }</p>
            { actions(Some(retry)) }
        </Lone>
    }
}

/// The page has no such address, or the server no such root.
pub fn not_found(root: Option<&str>) -> Html {
    html! {
        <Lone title="Not found" heading="Nothing is at this address.">
            if let Some(root) = root {
                <p>{ "This server has no root called " }<code>{ visible(root) }</code>{ "." }</p>
            } else {
                <p>{ "The page has no such screen. The link may be cut off, or of another version." }</p>
            }
            <p class="actions"><a class="button" href={Route::Start.href()}>{ "Go to what is pending" }</a></p>
        </Lone>
    }
}

fn actions(retry: Option<&Callback<()>>) -> Html {
    html! {
        <p class="actions">
            if let Some(retry) = retry {
                <button type="button" class="primary" onclick={retry.reform(|_: MouseEvent| ())}>{ "Ask again" }</button>
            }
            <a class="button" href={Route::Offline.href()}>{ "Look at files offline" }</a>
        </p>
    }
}
