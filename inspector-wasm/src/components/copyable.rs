//! Text that is shown whole and can be copied with one press.

use sidecar::text::visible_lines;
use wasm_bindgen_futures::spawn_local;
use yew::{
    AttrValue, Callback, Html, MouseEvent, Properties, component, html, use_node_ref, use_state_eq,
};

use crate::services::dom;
use crate::words::visible;

/// The text of the button: before, after, and where the clipboard is out of reach.
const SAID: [&str; 3] = ["Copy", "Copied", "Selected"];

#[derive(Debug, PartialEq, Properties)]
pub struct Props {
    /// The text.
    pub text: AttrValue,
    /// What it is, for the button's name.
    pub what: AttrValue,
    /// Set for a text that gets a block of its own.
    #[prop_or_default]
    pub block: bool,
}

/// Text that is shown whole and can be copied with one press.
#[component]
pub fn Copyable(props: &Props) -> Html {
    let code = use_node_ref();
    let said = use_state_eq(|| 0_usize);
    let word = SAID[*said % SAID.len()];
    let onclick = {
        let (code, said, text) = (code.clone(), said.setter(), props.text.clone());
        Callback::from(move |_: MouseEvent| {
            let (code, said, text) = (code.clone(), said.clone(), text.clone());
            spawn_local(async move {
                if dom::copy(&text).await {
                    said.set(1);
                } else {
                    dom::select(&code);
                    said.set(2);
                }
                dom::rest(1_600).await;
                said.set(0);
            });
        })
    };
    // A block may have lines of its own.
    let shown = match props.block {
        true => visible_lines(&props.text).into_owned(),
        false => visible(&props.text),
    };
    let class = if props.block {
        "copyable block"
    } else {
        "copyable"
    };
    html! {
        <span {class}>
            <code ref={code}>{ shown }</code>
            <button type="button" class="quiet" aria-label={format!("{word} {}", props.what)} {onclick}>{ word }</button>
        </span>
    }
}
