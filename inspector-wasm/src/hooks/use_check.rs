//! A check of a root: once, and whenever a person asks for it.

use std::rc::Rc;

use sidecar::Timestamp;
use yew::{Callback, hook, use_state};

use super::use_polled::{Alive, Asking, use_polled};
use crate::services::{backend, dom};
use crate::state::check::Checked;
use crate::state::load::Load;

/// A check of a root.
#[derive(Debug)]
pub struct Check {
    /// The findings.
    pub load: Load<Checked>,
    /// Checks anew.
    pub again: Callback<()>,
}

/// Checks a root whenever `upgrade` changes: it says whether the list before an upgrade is wanted too, and is `None` for no
/// check. The check never repeats by itself, because it costs the server many reads.
#[hook]
pub fn use_check(root: &str, upgrade: Option<bool>) -> Check {
    let load = use_state(Load::<Checked>::default);
    let ask = {
        let (load, root) = (load.clone(), root.to_owned());
        move |alive: Alive| -> Asking {
            let (load, root) = (load.clone(), root.clone());
            Box::pin(async move {
                let Some(upgrade) = upgrade else {
                    // The old findings are not shown the next time.
                    if load.value.is_some() || load.failure.is_some() {
                        load.set(Load::default());
                    }
                    return None;
                };
                let mut next = (*load).clone();
                next.asked();
                load.set(next.clone());
                let answer = backend::doctor(&root, upgrade).await;
                if alive.get() {
                    let at = Timestamp::from_micros(dom::now_micros());
                    next.answered(answer.map(|report| Rc::new(Checked { report, at })));
                    if let (Some(checked), None) = (&next.value, &next.failure) {
                        dom::say(&checked.report.headline);
                    }
                    load.set(next);
                }
                None
            })
        }
    };
    let again = use_polled(format!("{upgrade:?} {root}"), Box::new(ask));
    Check {
        load: (*load).clone(),
        again,
    }
}
