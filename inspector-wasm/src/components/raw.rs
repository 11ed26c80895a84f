//! The raw text of a file, folded away.

use yew::{AttrValue, Callback, Event, Html, Properties, component, html, use_state_eq};

#[derive(Debug, PartialEq, Properties)]
pub struct Props {
    /// What it is.
    pub name: AttrValue,
    /// The text.
    pub text: AttrValue,
    /// What is known of the text.
    #[prop_or_default]
    pub children: Html,
}

/// The raw text of a file, folded away.
#[component]
pub fn Raw(props: &Props) -> Html {
    // A megabyte of text is laid out when somebody wants to see it.
    let opened = use_state_eq(|| false);
    let ontoggle = {
        let opened = opened.setter();
        Callback::from(move |_: Event| opened.set(true))
    };
    html! {
        <details class="raw" {ontoggle}>
            <summary>{ &props.name }</summary>
            { props.children.clone() }
            if *opened {
                <pre tabindex="0" role="region" aria-label={props.name.clone()}><code>{ &props.text }</code></pre>
            }
        </details>
    }
}
