//! A list of sidecars of any length. Only the rows in sight are drawn.

use std::rc::Rc;

use yew::{
    AttrValue, Callback, Html, KeyboardEvent, NodeRef, Properties, component, hook, html,
    use_effect, use_effect_with, use_state_eq,
};

use super::badge::{badge, standing_badge, standing_tone};
use super::parts::{each, toned};
use super::tone::Tone;
use crate::hooks::{use_printing, use_window};
use crate::services::dom;
use crate::state::entry::{Entry, progress_label};
use crate::state::listing::Listing;
use crate::window::moved;
use crate::words::{self, visible};

/// Lines that are printed; a browser takes long to lay out more.
const PRINTED: usize = 2_000;

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
    /// The address that Escape leads to.
    #[prop_or_default]
    pub back: Option<String>,
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
    let go = {
        let (cursor, scroller, viewport) =
            (cursor.setter(), window.scroller.clone(), window.viewport);
        move |key: &str| {
            let Some(position) = moved(key, at, count, viewport.page()) else {
                return false;
            };
            cursor.set(Some(position));
            if let Some(top) = viewport.scroll_to(position) {
                dom::scroll_to(&scroller, top);
            }
            true
        }
    };
    let onkeydown = {
        let (go, href) = (go.clone(), props.href.clone());
        Callback::from(move |event: KeyboardEvent| {
            if event.alt_key() || event.ctrl_key() || event.meta_key() {
                return;
            }
            if let ("Enter", Some(position)) = (event.key().as_str(), at) {
                event.prevent_default();
                dom::go(&href.emit(position));
            } else if go(&event.key()) {
                event.prevent_default();
            }
        })
    };
    use_shortcuts(Rc::new(go), window.scroller.clone(), props.back.clone());
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
    // On paper nothing scrolls.
    let printing = use_printing();
    let drawn = if printing {
        0..count.min(PRINTED)
    } else {
        window.rows.clone()
    };
    html! {
        <>
        <div class="list" role="grid" aria-label={props.label.clone()} aria-rowcount={count.to_string()} aria-colcount="1"
            tabindex="0" aria-activedescendant={at.filter(|position| window.rows.contains(position)).map(id)}
            ref={window.scroller.clone()} onscroll={window.onscroll.clone()} {onkeydown}>
            <div class="line probe" ref={window.probe.clone()} aria-hidden="true" role="presentation"></div>
            <div class="spacer" role="presentation" ref={window.spacer.clone()}>
                <div class="slice" role="presentation" ref={window.slice.clone()}>
                    { each(&mut drawn.clone().filter_map(row)) }
                </div>
            </div>
        </div>
        if printing && count > PRINTED { <p class="on-paper">{ format!("{} more are not printed.", words::grouped(count - PRINTED)) }</p> }
        </>
    }
}

/// How far people and executors came, where the line is never too short for it.
fn progress_badge(entry: &Entry) -> Html {
    progress_label(entry.progress).map_or_else(Html::default, |says| badge(says, Tone::Well))
}

/// Keys that work wherever the keyboard is on the page, but in a field: `/` goes to the filter, `j` and `k` move in the list,
/// Escape closes what is open beside it. Escape in the filter goes back to the list.
#[hook]
fn use_shortcuts(go: Rc<dyn Fn(&str) -> bool>, list: NodeRef, back: Option<String>) {
    // Listened to anew whenever the list is drawn, because the list may have moved.
    use_effect(move || {
        let listener = dom::on_key(move |event| {
            if event.alt_key() || event.ctrl_key() || event.meta_key() {
                return;
            }
            let key = event.key();
            match (key.as_str(), dom::is_typed(event)) {
                ("Escape", true) if dom::is_empty_filter(event) => dom::focus(&list),
                ("Escape", false) => {
                    if let Some(back) = &back {
                        dom::go(back);
                    }
                }
                ("/", false) => {
                    event.prevent_default();
                    dom::focus_filter();
                }
                ("j" | "k", false) => {
                    let arrow = if key == "j" { "ArrowDown" } else { "ArrowUp" };
                    dom::focus(&list);
                    go(arrow);
                }
                _ => {}
            }
        });
        move || drop(listener)
    });
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
                    <span class="top sub"><span class="name">{ visible(&words::summary(entry)) }</span>{ progress_badge(entry) }</span>
                    <span class="id">{ visible(entry.operation_id.as_ref().unwrap_or(&entry.file)) }</span>
                </a>
            </div>
        </div>
    }
}
