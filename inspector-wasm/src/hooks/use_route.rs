//! The screen that the address names, and how its list is arranged.

use yew::{hook, use_effect_with, use_state_eq};

use crate::route::{Arranged, Route, parted};
use crate::services::dom;

/// The screen that the address names, and how its list is arranged, now and after every change of it.
#[hook]
pub fn use_route() -> (Route, Arranged) {
    let place = use_state_eq(named);
    let setter = place.setter();
    use_effect_with((), move |()| {
        let listener = dom::on_hash(move || setter.set(named()));
        move || drop(listener)
    });
    (*place).clone()
}

/// How the address says right now that its list is arranged.
pub fn arranged_now() -> Arranged {
    named().1
}

fn named() -> (Route, Arranged) {
    let hash = dom::hash();
    (Route::of_hash(&hash), Arranged::of(parted(&hash).1))
}
