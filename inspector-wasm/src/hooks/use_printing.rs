//! Whether the page is being laid out for paper.

use yew::{hook, use_effect_with, use_state_eq};

use crate::services::dom;

/// Whether the page is being laid out for paper.
#[hook]
pub fn use_printing() -> bool {
    let printing = use_state_eq(|| false);
    let setter = printing.setter();
    use_effect_with((), move |()| {
        let listener = dom::on_print(move |printing| setter.set(printing));
        move || drop(listener)
    });
    *printing
}
