//! The document: address, focus, sizes, the clipboard.

use std::cell::{Cell, RefCell};

use gloo_events::{EventListener, EventListenerOptions};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Document, Element, Event, HtmlElement, HtmlInputElement, HtmlSelectElement,
    HtmlTextAreaElement, KeyboardEvent, ResizeObserver, VisibilityState, Window,
};
use yew::{NodeRef, TargetCast};

use crate::route::parted;

fn window() -> Option<Window> {
    web_sys::window()
}

fn document() -> Option<Document> {
    window()?.document()
}

/// Whether there is a page to draw on.
#[must_use]
pub fn has_document() -> bool {
    document().is_some()
}

/// Whether the page was opened from disk: there is no server to ask.
#[must_use]
pub fn is_file() -> bool {
    window()
        .and_then(|window| window.location().protocol().ok())
        .is_some_and(|protocol| protocol == "file:")
}

/// Whether the page is out of sight.
#[must_use]
pub fn is_hidden() -> bool {
    document().is_some_and(|document| document.visibility_state() == VisibilityState::Hidden)
}

/// Calls back whenever the page comes into sight.
pub fn on_sight(callback: impl Fn() + 'static) -> Option<EventListener> {
    Some(EventListener::new(
        &document()?.into(),
        "visibilitychange",
        move |_| {
            if !is_hidden() {
                callback();
            }
        },
    ))
}

/// The part of the address after `#`, with it.
#[must_use]
pub fn hash() -> String {
    window()
        .and_then(|window| window.location().hash().ok())
        .unwrap_or_default()
}

/// What stands before the token in a login link.
const TOKEN: &str = sidecar::api::LOGIN_TOKEN_FRAGMENT;

/// Whether the address is a login link.
#[must_use]
pub fn has_token() -> bool {
    hash().starts_with(TOKEN)
}

/// The token of the login link that was opened. It is gone from the address then, and from the history.
#[must_use]
pub fn take_token() -> Option<String> {
    let token = hash().strip_prefix(TOKEN)?.to_owned();
    let location = window()?.location();
    let path = location.pathname().ok()?;
    let history = window()?.history().ok()?;
    history
        .replace_state_with_url(&JsValue::NULL, "", Some(&path))
        .ok()?;
    Some(token)
}

/// Loads the page again.
pub fn reload() {
    if let Some(window) = window() {
        let _ = window.location().reload();
    }
}

/// Goes to another screen.
pub fn go(href: &str) {
    if let Some(window) = window() {
        // Only fails where there is no navigation, and then there is nowhere to go.
        let _ = window.location().set_hash(href);
    }
}

/// Calls back whenever the part of the address after `#` changes.
pub fn on_hash(callback: impl Fn() + 'static) -> Option<EventListener> {
    Some(EventListener::new(
        &window()?.into(),
        "hashchange",
        move |_| {
            if has_token() {
                // A login link that was put into the address of a page that is open.
                reload();
                return;
            }
            NAVIGATED.set(true);
            keep_arrangement();
            callback();
        },
    ))
}

thread_local! {
    static NAVIGATED: Cell<bool> = const { Cell::new(false) };
    /// When the filter got the keyboard by its key.
    static FILTER_ASKED_MS: Cell<Option<f64>> = const { Cell::new(None) };
    /// The part of the address after its `?`, when a list of this page was arranged last.
    static ARRANGEMENT: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Where the addresses of the screens begin that have the list beside them.
const LISTED: &str = "#/pending";

/// Writes how the list is arranged into the address of the screen. It stays there when another screen with the list is opened.
pub fn arrange(text: &str) {
    let hash = hash();
    let (screen, _) = parted(&hash);
    // The first screen has no name yet.
    let screen = if screen.is_empty() { "#/" } else { screen };
    let address = match text {
        "" => screen.to_owned(),
        _ => format!("{screen}?{text}"),
    };
    ARRANGEMENT.set(text.to_owned());
    replace_address(&address);
}

/// Keeps the arrangement of the list on a screen whose address does not say it; or takes over the one that it says.
fn keep_arrangement() {
    let hash = hash();
    let (screen, text) = parted(&hash);
    if !screen.starts_with(LISTED) {
        return;
    }
    if text.is_empty() {
        let kept = ARRANGEMENT.with_borrow(Clone::clone);
        if !kept.is_empty() {
            replace_address(&format!("{screen}?{kept}"));
        }
    } else {
        ARRANGEMENT.set(text.to_owned());
    }
}

fn replace_address(address: &str) {
    let replaced = || {
        let history = window()?.history().ok()?;
        history
            .replace_state_with_url(&JsValue::NULL, "", Some(address))
            .ok()
    };
    // A browser that refuses, because it was asked too often, only shows an older address.
    let _ = replaced();
}

/// The whole address of the page.
#[must_use]
pub fn address() -> String {
    window()
        .and_then(|window| window.location().href().ok())
        .unwrap_or_default()
}

/// Calls back whenever the page begins or ends to be laid out for paper.
pub fn on_print(callback: impl Fn(bool) + 'static) -> Option<EventListener> {
    let print = window()?.match_media("print").ok()??;
    let watched = print.clone();
    Some(EventListener::new(&print, "change", move |_| {
        callback(watched.matches());
    }))
}

/// Calls back for every key that is pressed anywhere on the page.
pub fn on_key(callback: impl Fn(&KeyboardEvent) + 'static) -> Option<EventListener> {
    let options = EventListenerOptions::enable_prevent_default();
    let heard = move |event: &Event| {
        if let Some(event) = event.dyn_ref() {
            callback(event);
        }
    };
    Some(EventListener::new_with_options(
        &document()?.into(),
        "keydown",
        options,
        heard,
    ))
}

/// Whether a key goes to a field that takes text, or to a choice.
#[must_use]
pub fn is_typed(event: &KeyboardEvent) -> bool {
    event.target_dyn_into::<Element>().is_some_and(|element| {
        element
            .matches("input, textarea, select")
            .unwrap_or_default()
    })
}

/// Whether a key goes to the filter of a list, and that is empty.
#[must_use]
pub fn is_empty_filter(event: &KeyboardEvent) -> bool {
    event
        .target_dyn_into::<HtmlInputElement>()
        .is_some_and(|field| field.type_() == "search" && field.value().is_empty())
}

/// Moves the keyboard to the filter of the list.
pub fn focus_filter() {
    let found = document().and_then(|document| document.query_selector("[type=search]").ok()?);
    if let Some(field) = found.and_then(|found| found.dyn_into::<HtmlInputElement>().ok()) {
        let _ = field.focus();
        field.select();
        FILTER_ASKED_MS.set(Some(now_ms()));
    }
}

/// Whether a person has asked for the filter within the last half second, and is in it. A screen that opens just then must not take
/// the keyboard away: the letters that follow would be keys of the list.
#[must_use]
pub fn has_just_asked_for_filter() -> bool {
    let is_recent = |asked: f64| now_ms() - asked < 500.0;
    let active = document().and_then(|document| document.active_element());
    FILTER_ASKED_MS.get().is_some_and(is_recent)
        && active.is_some_and(|element| element.matches("[type=search]").unwrap_or_default())
}

/// Whether a person has gone from one screen to another yet.
#[must_use]
pub fn was_navigated() -> bool {
    NAVIGATED.get()
}

/// Names the page in its tab and in the history.
pub fn set_title(title: &str) {
    if let Some(document) = document() {
        document.set_title(title);
    }
}

/// Moves the keyboard to an element, without scrolling for it.
pub fn focus(node: &NodeRef) {
    if let Some(element) = node.cast::<HtmlElement>() {
        let _ = element.focus();
    }
}

/// Scrolls the page to its beginning.
pub fn scroll_to_top() {
    if let Some(window) = window() {
        window.scroll_to_with_x_and_y(0.0, 0.0);
    }
}

/// The text of the field that an event is of.
#[must_use]
pub fn value(event: &impl TargetCast) -> String {
    if let Some(input) = event.target_dyn_into::<HtmlInputElement>() {
        input.value()
    } else if let Some(area) = event.target_dyn_into::<HtmlTextAreaElement>() {
        area.value()
    } else {
        event
            .target_dyn_into::<HtmlSelectElement>()
            .map(|select| select.value())
            .unwrap_or_default()
    }
}

/// Whether the box that an event is of is ticked.
#[must_use]
pub fn is_checked(event: &Event) -> bool {
    event
        .target_dyn_into::<HtmlInputElement>()
        .is_some_and(|input| input.checked())
}

/// Presses a control on behalf of another.
pub fn click(node: &NodeRef) {
    if let Some(element) = node.cast::<HtmlElement>() {
        element.click();
    }
}

/// How far an element is scrolled, and the height of what is seen of it.
#[must_use]
pub fn scroll_position(node: &NodeRef) -> Option<(f64, f64)> {
    let element = node.cast::<Element>()?;
    Some((
        f64::from(element.scroll_top()),
        f64::from(element.client_height()),
    ))
}

/// Scrolls an element.
pub fn scroll_to(node: &NodeRef, top: f64) {
    if let Some(element) = node.cast::<Element>() {
        element.set_scroll_top(top as i32);
    }
}

/// The width inside an element's padding.
#[must_use]
pub fn width(node: &NodeRef) -> Option<f64> {
    Some(f64::from(node.cast::<Element>()?.client_width()))
}

/// The height an element takes.
#[must_use]
pub fn height(node: &NodeRef) -> Option<f64> {
    Some(node.cast::<Element>()?.get_bounding_client_rect().height())
}

/// Sets one style. The content security policy allows this and forbids `style` attributes.
pub fn set_style(node: &NodeRef, property: &str, value: &str) {
    if let Some(element) = node.cast::<HtmlElement>() {
        let _ = element.style().set_property(property, value);
    }
}

/// Watches an element's size until it is dropped.
#[derive(Debug)]
pub struct SizeWatch {
    observer: ResizeObserver,
    _callback: Closure<dyn FnMut()>,
}

impl Drop for SizeWatch {
    fn drop(&mut self) {
        self.observer.disconnect();
    }
}

/// Calls back whenever an element's size changes, and once at the start.
pub fn on_size(node: &NodeRef, callback: impl FnMut() + 'static) -> Option<SizeWatch> {
    let element = node.cast::<Element>()?;
    let callback = Closure::<dyn FnMut()>::new(callback);
    let observer = ResizeObserver::new(callback.as_ref().unchecked_ref()).ok()?;
    observer.observe(&element);
    Some(SizeWatch {
        observer,
        _callback: callback,
    })
}

/// Says something to screen readers, politely. The page has one place for it, marked as live.
pub fn say(text: &str) {
    if let Some(place) = document().and_then(|document| document.get_element_by_id(VOICE)) {
        place.set_text_content(Some(&sidecar::text::visible(text)));
    }
}

/// The place that [`say`] writes to.
pub const VOICE: &str = "voice";

/// Puts text on the clipboard; `false` where the browser does not let it.
pub async fn copy(text: &str) -> bool {
    let Some(window) = window() else { return false };
    // Absent on plain http beyond loopback.
    let navigator = window.navigator();
    match js_sys::Reflect::get(&navigator, &JsValue::from_str("clipboard")) {
        Ok(clipboard) if clipboard.is_object() => {
            JsFuture::from(navigator.clipboard().write_text(text))
                .await
                .is_ok()
        }
        _ => false,
    }
}

/// Selects the text of an element, for a person to copy.
pub fn select(node: &NodeRef) {
    let selected = || {
        let element = node.cast::<Element>()?;
        let range = document()?.create_range().ok()?;
        range.select_node_contents(&element).ok()?;
        let selection = window()?.get_selection().ok()??;
        selection.remove_all_ranges().ok()?;
        selection.add_range(&range).ok()
    };
    // Without a selection the text is still there to be read.
    let _ = selected();
}

/// Waits.
pub async fn rest(milliseconds: u32) {
    gloo_timers::future::TimeoutFuture::new(milliseconds).await;
}

/// Milliseconds on a clock that never goes back.
#[must_use]
pub fn now_ms() -> f64 {
    window()
        .and_then(|window| window.performance())
        .map_or(0.0, |performance| performance.now())
}

/// Microseconds since the Unix epoch, as this machine believes.
#[must_use]
pub fn now_micros() -> u64 {
    (js_sys::Date::now() * 1_000.0) as u64
}

/// Makes a panic say on the page that it has stopped. Otherwise the page would look alive.
pub fn report_panics() {
    std::panic::set_hook(Box::new(|info| {
        // The place of the panic is left out: it names a folder of the machine that built the page.
        let words = info.payload_as_str().unwrap_or_default();
        web_sys::console::error_1(&JsValue::from_str(words));
        let banner = || {
            let document = document()?;
            let banner = document.create_element("p").ok()?;
            banner.set_attribute("role", "alert").ok()?;
            banner.set_class_name("stopped");
            banner.set_text_content(Some("The page has stopped because of an error of its own. Load it again; nothing in the store is affected."));
            document.body()?.prepend_with_node_1(&banner).ok()
        };
        let _ = banner();
    }));
}
