//! The smallest parts, written once: they are used so often that every copy would be felt in the
//! size of the module.

use yew::{AttrValue, Html, html};

use super::tone::Tone;
use crate::words::visible;

/// All of them, one after the other.
pub fn each(items: &mut dyn Iterator<Item = Html>) -> Html {
    items.collect()
}

/// A class with the class of a tone.
#[must_use]
pub fn toned(class: &str, tone: Tone) -> String {
    format!("{class} {}", tone.class())
}

/// A table that scrolls sideways where it does not fit, and can be scrolled with the keyboard.
pub fn table(name: &str, class: &'static str, heads: &[&str], bodies: Html) -> Html {
    let head = |text: &&str| html! { <th scope="col">{ (*text).to_owned() }</th> };
    html! {
        <div class="scroller" tabindex="0" role="region" aria-label={name.to_owned()}>
            <table {class} data-testid={class}>
                <thead><tr>{ each(&mut heads.iter().map(head)) }</tr></thead>
                { bodies }
            </table>
        </div>
    }
}

/// The rows of a table.
pub fn rows(rows: &mut dyn Iterator<Item = Html>) -> Html {
    html! { <tbody>{ each(rows) }</tbody> }
}

/// Something folded away under a line.
pub fn folded(line: impl Into<AttrValue>, content: Html) -> Html {
    html! { <details><summary>{ visible(&line.into()) }</summary>{ content }</details> }
}
