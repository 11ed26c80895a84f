//! The start of a screen: its title in the tab, the keyboard at its heading.

use yew::{NodeRef, hook, use_effect_with, use_node_ref};

use crate::services::dom;
use crate::words::visible;

/// Names the page, and gives a reference for the heading that gets the keyboard whenever `screen`
/// becomes another one. The first screen of a visit leaves the keyboard where the browser has it.
#[hook]
pub fn use_screen(screen: &str, title: &str) -> NodeRef {
    let heading = use_node_ref();
    let target = heading.clone();
    use_effect_with(screen.to_owned(), move |_| {
        if dom::was_navigated() {
            dom::scroll_to_top();
            if !dom::has_just_asked_for_filter() {
                dom::focus(&target);
            }
        }
    });
    use_effect_with(title.to_owned(), |title| {
        dom::set_title(&if title.is_empty() {
            "Sidecar Inspector".to_owned()
        } else {
            format!("{} · Sidecar Inspector", visible(title))
        });
    });
    heading
}
