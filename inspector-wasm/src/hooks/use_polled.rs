//! A question that is asked again and again.

use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;

use gloo_timers::future::TimeoutFuture;
use wasm_bindgen_futures::spawn_local;
use yew::{Callback, hook, use_callback, use_effect_with, use_state_eq};

use crate::services::dom;

/// How often is looked whether the page came into sight again.
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

/// Asks at once and whenever `key` changes, then after every pause that `ask` returns; `None` stops.
/// While the page is out of sight it is quiet. Returns what asks anew.
#[hook]
pub fn use_polled<K, A, F>(key: &K, ask: A) -> Callback<()>
where
    K: Clone + PartialEq + 'static,
    A: Fn(K, Alive) -> F + 'static,
    F: Future<Output = Option<u32>> + 'static,
{
    let round = use_state_eq(|| 0_u64);
    use_effect_with((key.clone(), *round), move |(key, _)| {
        let alive = Alive(Rc::new(Cell::new(true)));
        let (key, asking) = (key.clone(), alive.clone());
        spawn_local(async move {
            while let Some(pause) = ask(key.clone(), asking.clone()).await {
                TimeoutFuture::new(pause).await;
                while asking.get() && dom::is_hidden() {
                    TimeoutFuture::new(SIGHT_MS).await;
                }
                if !asking.get() {
                    break;
                }
            }
        });
        move || alive.0.set(false)
    });
    use_callback((round.setter(), *round), |(), (setter, round)| setter.set(round + 1))
}
