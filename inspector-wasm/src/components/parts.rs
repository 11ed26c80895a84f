//! The smallest parts, written once: they are used so often that every copy would be felt in the
//! size of the module.

use yew::{AttrValue, Html, html};

use super::tone::Tone;
use crate::words::visible;

/// All of them, one after the other.
pub fn each(items: &mut dyn Iterator<Item = Html>) -> Html {
    items.collect()
}

/// A sentence whose dates do not break at their hyphens.
pub fn dated(text: &str) -> Html {
    let is_date = |word: &str| {
        let mut parts = word.split('-').map(str::len);
        let starts_with_a_digit = word.starts_with(|letter: char| letter.is_ascii_digit());
        starts_with_a_digit
            && [parts.next(), parts.next(), parts.next()] == [Some(4), Some(2), Some(2)]
    };
    let text = visible(text);
    let words = text
        .split_inclusive(' ')
        .map(|word| match is_date(word.trim_end()) {
            true => html! { <span class="date">{ word.to_owned() }</span> },
            false => word.to_owned().into(),
        });
    each(&mut { words })
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
        <div class="scroller" tabindex="0" role="group" aria-label={name.to_owned()}>
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
