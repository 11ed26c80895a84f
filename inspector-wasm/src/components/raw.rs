//! The raw text of a file, folded away.

use sidecar::SidecarBytes;
use yew::{AttrValue, Html, html};

/// Bytes of a file that are drawn where it is not text.
const NOT_TEXT_BYTES_SHOWN_MAX: usize = 4 << 10;

/// The raw text of a file, folded away, with what is known of it.
pub fn raw(name: &'static str, text: impl Into<AttrValue>, about: Html) -> Html {
    folded_raw(name, text.into(), about, false)
}

/// A file's bytes, folded away unless `open`; where they are not text, with marks for what cannot be shown.
pub fn raw_bytes(name: &'static str, bytes: &SidecarBytes, about: Html, open: bool) -> Html {
    let Some(text) = bytes.text() else {
        let all = bytes.as_bytes();
        let shown = &all[..all.len().min(NOT_TEXT_BYTES_SHOWN_MAX)];
        let about = html! {
            <>
                { about }
                <p class="quiet-text">{ format!("This is not text. It has {} bytes; the first {} are shown below, with marks in place of bytes that cannot be shown.", all.len(), shown.len()) }</p>
            </>
        };
        return folded_raw(
            name,
            String::from_utf8_lossy(shown).into_owned().into(),
            about,
            open,
        );
    };
    folded_raw(name, text.to_owned().into(), about, open)
}

fn folded_raw(name: &'static str, text: AttrValue, about: Html, open: bool) -> Html {
    html! {
        <details class="raw" {open}>
            <summary>{ name }</summary>
            { about }
            <pre><code>{ sidecar::text::visible_lines(&text).into_owned() }</code></pre>
        </details>
    }
}
