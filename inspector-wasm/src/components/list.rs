//! A list of sidecars of any length. Only the rows in sight are drawn.

use yew::{
    AttrValue, Callback, Html, KeyboardEvent, Properties, component, html, use_effect_with,
    use_state_eq,
};

use super::badge::{standing_badge, standing_tone};
use super::parts::{each, toned};
use crate::hooks::use_window;
use crate::services::dom;
use crate::state::entry::Entry;
use crate::state::listing::Listing;
use crate::window::moved;
use crate::words::{self, visible};

#[derive(Debug, PartialEq, Properties)]
pub struct Props {
    /// The list with its filter and order.
    pub listing: Listing,
    /// The name of the list.
    pub label: AttrValue,
    /// The position of the line that is open beside the list.
    pub selected: Option<usize>,
    /// The address that a line links to, by the line's position.
    pub href: Callback<usize, String>,
}

/// A list of sidecars. It is one stop of the Tab key; arrows, page keys, Home and End move in it, and
/// Enter opens.
#[component]
pub fn List(props: &Props) -> Html {
    let count = props.listing.len();
    let window = use_window(count);
    let cursor = use_state_eq(|| props.selected);
    let at = (*cursor).filter(|position| *position < count);
    {
        // The open line stays in sight when it was opened from elsewhere, or moves with a new order.
        let (cursor, scroller, viewport) =
            (cursor.setter(), window.scroller.clone(), window.viewport);
        use_effect_with(
            (props.selected, viewport.row > 0.0),
            move |(selected, measured)| {
                if let (Some(position), true) = (*selected, *measured) {
                    cursor.set(Some(position));
                    if let Some(top) = viewport.scroll_to(position) {
                        dom::scroll_to(&scroller, top);
                    }
                }
            },
        );
    }
    let onkeydown = {
        let (cursor, scroller, viewport, href) = (
            cursor.clone(),
            window.scroller.clone(),
            window.viewport,
            props.href.clone(),
        );
        Callback::from(move |event: KeyboardEvent| {
            if event.alt_key() || event.ctrl_key() || event.meta_key() {
                return;
            }
            if let ("Enter", Some(position)) = (event.key().as_str(), at) {
                event.prevent_default();
                dom::go(&href.emit(position));
            } else if let Some(position) = moved(&event.key(), at, count, viewport.page()) {
                event.prevent_default();
                cursor.set(Some(position));
                if let Some(top) = viewport.scroll_to(position) {
                    dom::scroll_to(&scroller, top);
                }
            }
        })
    };
    let row = |position: usize| {
        let entry = props.listing.get(position)?;
        let href = props.href.emit(position);
        Some(line(
            entry,
            position,
            href,
            props.selected == Some(position),
            at == Some(position),
        ))
    };
    html! {
        <div class="list" role="grid" aria-label={props.label.clone()} aria-rowcount={count.to_string()} aria-colcount="1"
            tabindex="0" aria-activedescendant={at.filter(|position| window.rows.contains(position)).map(id)}
            ref={window.scroller.clone()} onscroll={window.onscroll.clone()} {onkeydown}>
            <div class="line probe" ref={window.probe.clone()} aria-hidden="true" role="presentation"></div>
            <div class="spacer" role="presentation" ref={window.spacer.clone()}>
                <div class="slice" role="presentation" ref={window.slice.clone()}>
                    { each(&mut window.rows.clone().filter_map(row)) }
                </div>
            </div>
        </div>
    }
}

fn id(position: usize) -> String {
    format!("line-{position}")
}

fn line(entry: &Entry, position: usize, href: String, selected: bool, active: bool) -> Html {
    let tone = standing_tone(entry.standing);
    let mut class = toned("line", tone);
    for (is, name) in [(selected, " selected"), (active, " active")] {
        class.push_str(if is { name } else { "" });
    }
    html! {
        <div key={position} id={id(position)} {class} role="row" aria-rowindex={(position + 1).to_string()} aria-selected={selected.to_string()}>
            <div role="gridcell">
                <a {href} tabindex="-1" aria-current={selected.then_some("page")}>
                    <span class="top"><span class="name">{ visible(&words::title(entry)) }</span>{ standing_badge(entry.standing) }</span>
                    <span class="sub">{ visible(&words::summary(entry)) }</span>
                    <span class="id">{ visible(entry.operation_id.as_ref().unwrap_or(&entry.file)) }</span>
                </a>
            </div>
        </div>
    }
}
