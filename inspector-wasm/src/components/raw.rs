//! The raw text of a file, folded away.

use yew::{AttrValue, Html, html};

/// The raw text of a file, folded away, with what is known of it.
pub fn raw(name: &'static str, text: impl Into<AttrValue>, about: Html) -> Html {
    html! {
        <details class="raw">
            <summary>{ name }</summary>
            { about }
            <pre tabindex="0" role="region" aria-label={name}><code>{ text.into() }</code></pre>
        </details>
    }
}
