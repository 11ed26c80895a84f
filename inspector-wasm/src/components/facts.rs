//! A line of named facts.

use sidecar::Timestamp;
use yew::{Html, html};

use super::parts::each;
use crate::words::visible;

/// A line of named facts; those that are not known are left out.
pub fn facts<const COUNT: usize>(facts: [(&str, Option<Html>); COUNT]) -> Html {
    let fact = |(name, says): (&str, Option<Html>)| {
        says.map(|says| html! { <div><dt>{ name }</dt><dd>{ says }</dd></div> })
    };
    html! { <dl class="facts">{ each(&mut facts.into_iter().filter_map(fact)) }</dl> }
}

/// A fact in plain words.
#[must_use]
pub fn plain(text: Option<&str>) -> Option<Html> {
    text.map(|text| html! { visible(text) })
}

/// A fact that is a point in time.
#[must_use]
pub fn time(timestamp: Option<Timestamp>) -> Option<Html> {
    timestamp.map(|timestamp| html! { <time>{ timestamp.to_string() }</time> })
}
