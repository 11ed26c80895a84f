//! Who is logged in, with the way out and a login link for one more browser.

use sidecar::api::LoginLinkReport;
use wasm_bindgen_futures::spawn_local;
use yew::{AttrValue, Callback, Html, MouseEvent, Properties, component, html, use_state};

use crate::components::{Copyable, failure_notice, folded};
use crate::services::{backend, dom, key};
use crate::state::failure::Failure;
use crate::words::visible;

#[derive(Debug, PartialEq, Properties)]
pub struct Props {
    /// The name approvals are recorded under.
    pub name: AttrValue,
}

/// Who is logged in, with the way out and a login link for one more browser.
#[component]
pub fn SessionMenu(props: &Props) -> Html {
    let link = use_state(|| None::<Result<LoginLinkReport, Failure>>);
    let make = {
        let link = link.setter();
        Callback::from(move |_: MouseEvent| {
            let link = link.clone();
            spawn_local(async move { link.set(Some(backend::new_login_link().await)) });
        })
    };
    let leave = {
        let link = link.setter();
        Callback::from(move |_: MouseEvent| {
            let link = link.clone();
            spawn_local(async move {
                match backend::log_out().await {
                    // A session that is over already needs no end.
                    Err(failure) if !failure.asks_for_login() => link.set(Some(Err(failure))),
                    _ => {
                        key::forget();
                        dom::reload();
                    }
                }
            });
        })
    };
    html! {
        <details class="who" data-testid="session">
            <summary><span class="unseen">{ "Logged in as " }</span>{ visible(&props.name) }</summary>
            <div class="menu">
                <p class="quiet-text">{ "Approvals of this session are recorded under this name. It ends an hour after it was last used, and twelve hours after the login." }</p>
                <p class="actions">
                    <button type="button" onclick={make}>{ "Make a login link" }</button>
                    <button type="button" onclick={leave}>{ "Log out" }</button>
                </p>
                { made(link.as_ref()) }
            </div>
        </details>
    }
}

fn made(link: Option<&Result<LoginLinkReport, Failure>>) -> Html {
    match link {
        None => Html::default(),
        Some(Err(failure)) => failure_notice(failure, Html::default()),
        Some(Ok(link)) => html! {
            <div data-testid="login-link" role="status">
                <p>{ "It logs one more browser of this machine in, once:" }</p>
                <Copyable text={link.login.clone()} what="the login link" block=true />
                { folded("The browser does not find that host", html! {
                    <Copyable text={link.plain.clone()} what="the login link at the plain address" block=true />
                }) }
            </div>
        },
    }
}
