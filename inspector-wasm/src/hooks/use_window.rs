//! The part of a long list that is drawn.

use std::cell::Cell;
use std::ops::Range;
use std::rc::Rc;

use gloo_render::request_animation_frame;
use yew::{
    Callback, Event, NodeRef, hook, use_callback, use_effect_with, use_mut_ref, use_node_ref,
    use_state_eq,
};

use crate::services::dom;
use crate::window::Viewport;

/// A list of which a part is drawn. The four references go to its elements.
#[derive(Debug, Clone)]
pub struct Windowed {
    /// The element that scrolls.
    pub scroller: NodeRef,
    /// The element as tall as the whole list.
    pub spacer: NodeRef,
    /// The element that holds the drawn rows.
    pub slice: NodeRef,
    /// An element as tall as one row.
    pub probe: NodeRef,
    /// The rows to draw.
    pub rows: Range<usize>,
    /// The part in sight.
    pub viewport: Viewport,
    /// Goes to the scroller.
    pub onscroll: Callback<Event>,
}

/// Keeps track of the part in sight of a list of `count` equally tall rows, once per frame.
#[hook]
pub fn use_window(count: usize) -> Windowed {
    let [scroller, spacer, slice, probe] = [
        use_node_ref(),
        use_node_ref(),
        use_node_ref(),
        use_node_ref(),
    ];
    let viewport = use_state_eq(|| Viewport {
        top: 0.0,
        height: 0.0,
        row: 0.0,
    });
    let measure = {
        let (scroller, probe, setter) = (scroller.clone(), probe.clone(), viewport.setter());
        move || {
            if let (Some((top, height)), Some(row)) =
                (dom::scroll_position(&scroller), dom::height(&probe))
            {
                setter.set(Viewport { top, height, row });
            }
        }
    };
    let frame = use_mut_ref(|| None);
    let pending = use_mut_ref(|| Rc::new(Cell::new(false))).borrow().clone();
    let onscroll = {
        let measure = measure.clone();
        use_callback((), move |_: Event, ()| {
            if pending.replace(true) {
                return;
            }
            let (measure, pending) = (measure.clone(), pending.clone());
            // The frame before is over when this one takes its place.
            *frame.borrow_mut() = Some(request_animation_frame(move |_| {
                pending.set(false);
                measure();
            }));
        })
    };
    let (watched, row) = (scroller.clone(), probe.clone());
    use_effect_with((), move |()| {
        let watches = (
            dom::on_size(&watched, measure.clone()),
            dom::on_size(&row, measure),
        );
        move || drop(watches)
    });
    let rows = viewport.rows(count);
    {
        let (spacer, slice) = (spacer.clone(), slice.clone());
        use_effect_with(
            (viewport.spacer(count), rows.start, viewport.row),
            move |(height, first, row)| {
                dom::set_style(&spacer, "height", &format!("{}px", height.round() as i64));
                dom::set_style(
                    &slice,
                    "transform",
                    &format!("translateY({}px)", (row * *first as f64).round() as i64),
                );
            },
        );
    }
    Windowed {
        scroller,
        spacer,
        slice,
        probe,
        rows,
        viewport: *viewport,
        onscroll,
    }
}
