//! How wide an element is.

use yew::{NodeRef, hook, use_effect_with, use_state_eq};

use crate::services::dom;

/// The width inside an element, in whole CSS pixels, following its changes; 0 before it is drawn.
#[hook]
pub fn use_width(node: &NodeRef) -> usize {
    let width = use_state_eq(|| 0_usize);
    let setter = width.setter();
    let watched = node.clone();
    use_effect_with((), move |()| {
        let node = watched.clone();
        let watch = dom::on_size(&watched, move || {
            if let Some(width) = dom::width(&node) {
                setter.set(width as usize);
            }
        });
        move || drop(watch)
    });
    *width
}
