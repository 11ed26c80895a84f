//! The screen that the address names.

use yew::{hook, use_effect_with, use_state_eq};

use crate::route::Route;
use crate::services::dom;

/// The screen that the address names, now and after every change of it.
#[hook]
pub fn use_route() -> Route {
    let route = use_state_eq(|| Route::of_hash(&dom::hash()));
    let setter = route.setter();
    use_effect_with((), move |()| {
        let listener = dom::on_hash(move || setter.set(Route::of_hash(&dom::hash())));
        move || drop(listener)
    });
    (*route).clone()
}
