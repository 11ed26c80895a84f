//! The raw text of a file, folded away.

use yew::{AttrValue, Html, html};

/// The raw text of a file, folded away, with what is known of it.
pub fn raw(name: &'static str, text: impl Into<AttrValue>, about: Html) -> Html {
    folded_raw(name, text.into(), about, false)
}

/// The same where it is all there is to look at, so it is unfolded at the start.
pub fn open_raw(name: &'static str, text: impl Into<AttrValue>, about: Html) -> Html {
    folded_raw(name, text.into(), about, true)
}

fn folded_raw(name: &'static str, text: AttrValue, about: Html, open: bool) -> Html {
    html! {
        <details class="raw" {open}>
            <summary>{ name }</summary>
            { about }
            <pre tabindex="0" role="region" aria-label={name}><code>{ text }</code></pre>
        </details>
    }
}
