//! A question that is asked again and again.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use gloo_timers::future::TimeoutFuture;
use wasm_bindgen_futures::spawn_local;
use yew::{Callback, hook, use_callback, use_effect_with, use_state_eq};

use crate::services::dom;

/// How often to look whether the page came into sight again.
const SIGHT_MS: u32 = 1_000;

/// Whether anybody still waits for an answer.
#[derive(Debug, Clone)]
pub struct Alive(Rc<Cell<bool>>);

impl Alive {
    /// Whether anybody still waits.
    #[must_use]
    pub fn get(&self) -> bool {
        self.0.get()
    }
}

/// One question. It passes its answer on by itself, and returns how long to wait before the next, in
/// milliseconds; `None` for no next.
pub type Asking = Pin<Box<dyn Future<Output = Option<u32>>>>;

/// Asks at once and whenever `key` changes, then after every pause. While the page is out of sight it is quiet; when it comes
/// into sight it asks at once, because the person who comes back acts on what is shown. Returns a callback that asks anew.
#[hook]
pub fn use_polled(key: String, ask: Box<dyn Fn(Alive) -> Asking>) -> Callback<()> {
    let round = use_state_eq(|| 0_usize);
    let (setter, now) = (round.setter(), *round);
    use_effect_with((key, now), move |_| {
        let alive = Alive(Rc::new(Cell::new(true)));
        let asking = alive.clone();
        let repeats = Rc::new(Cell::new(false));
        let listener = {
            let repeats = repeats.clone();
            dom::on_sight(move || {
                if repeats.get() {
                    setter.set(now + 1);
                }
            })
        };
        spawn_local(async move {
            while let Some(pause) = ask(asking.clone()).await {
                repeats.set(true);
                TimeoutFuture::new(pause).await;
                while asking.get() && dom::is_hidden() {
                    TimeoutFuture::new(SIGHT_MS).await;
                }
                if !asking.get() {
                    break;
                }
            }
        });
        move || {
            alive.0.set(false);
            drop(listener);
        }
    });
    use_callback((round.setter(), *round), |(), (setter, round)| {
        setter.set(round + 1)
    })
}
