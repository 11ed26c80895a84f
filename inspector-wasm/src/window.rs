//! Which rows of a long list are drawn, and where the selection goes on a key.

use std::ops::Range;

/// Rows drawn beyond either edge, so that a quick scroll does not show a gap before the next frame.
const OVERSCAN: usize = 6;

/// What is seen of a list of equally tall rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Viewport {
    /// How far the list is scrolled down, in CSS pixels.
    pub top: f64,
    /// Height of the part that is seen.
    pub height: f64,
    /// Height of one row.
    pub row: f64,
}

impl Viewport {
    /// The rows to draw of `count`.
    #[must_use]
    pub fn rows(&self, count: usize) -> Range<usize> {
        if self.row <= 0.0 || count == 0 {
            return 0..0;
        }
        let seen = (self.height / self.row).ceil().max(1.0) as usize + 1;
        let first = ((self.top.max(0.0) / self.row) as usize).min(count - 1);
        first.saturating_sub(OVERSCAN)..(first + seen + OVERSCAN).min(count)
    }

    /// Height of the whole list. The 200,000 sidecars a listing has at most stay below the 17.9
    /// million pixels that browsers lay out.
    #[must_use]
    pub fn spacer(&self, count: usize) -> f64 {
        self.row * count as f64
    }

    /// Where the list has to be scrolled so that `index` is seen whole; `None` if it is.
    #[must_use]
    pub fn scroll_to(&self, index: usize) -> Option<f64> {
        let (upper, lower) = (self.row * index as f64, self.row * (index + 1) as f64);
        if upper < self.top {
            Some(upper)
        } else if lower > self.top + self.height {
            Some((lower - self.height).max(0.0))
        } else {
            None
        }
    }

    /// Rows that are seen whole, at least one; what a page key moves by.
    #[must_use]
    pub fn page(&self) -> usize {
        if self.row <= 0.0 {
            1
        } else {
            ((self.height / self.row) as usize).max(1)
        }
    }
}

/// The row a key moves the selection to; `None` for keys that do not move it.
#[must_use]
pub fn moved(key: &str, from: Option<usize>, count: usize, page: usize) -> Option<usize> {
    let last = count.checked_sub(1)?;
    let start = from.filter(|index| *index <= last);
    match key {
        "ArrowDown" => Some(start.map_or(0, |index| (index + 1).min(last))),
        "ArrowUp" => Some(start.map_or(last, |index| index.saturating_sub(1))),
        "PageDown" => Some(start.map_or(0, |index| (index + page).min(last))),
        "PageUp" => Some(start.map_or(last, |index| index.saturating_sub(page))),
        "Home" => Some(0),
        "End" => Some(last),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIEW: Viewport = Viewport {
        top: 0.0,
        height: 500.0,
        row: 100.0,
    };

    #[test]
    fn a_long_list_draws_only_what_is_near_the_viewport() {
        let view = Viewport {
            top: 5_000_000.0,
            ..VIEW
        };
        let rows = view.rows(100_000);
        assert!(rows.contains(&50_000) && rows.contains(&50_005));
        assert!(rows.len() < 25, "{rows:?}");
        assert_eq!(view.spacer(100_000), 10_000_000.0);
    }

    #[test]
    fn the_ends_are_never_passed() {
        assert_eq!(VIEW.rows(0), 0..0);
        assert_eq!(VIEW.rows(3), 0..3);
        assert_eq!(
            Viewport {
                top: 9_999.0,
                ..VIEW
            }
            .rows(4),
            0..4
        );
        assert_eq!(Viewport { top: -50.0, ..VIEW }.rows(4), 0..4);
        assert_eq!(Viewport { row: 0.0, ..VIEW }.rows(4), 0..0);
    }

    #[test]
    fn a_row_is_scrolled_to_only_if_it_is_not_seen_whole() {
        let view = Viewport { top: 250.0, ..VIEW };
        assert_eq!(view.scroll_to(4), None);
        assert_eq!(view.scroll_to(2), Some(200.0));
        assert_eq!(view.scroll_to(9), Some(500.0));
    }

    #[test]
    fn keys_move_within_the_list() {
        for (key, from, expected) in [
            ("ArrowDown", None, Some(0)),
            ("ArrowDown", Some(2), Some(3)),
            ("ArrowDown", Some(9), Some(9)),
            ("ArrowUp", None, Some(9)),
            ("ArrowUp", Some(0), Some(0)),
            ("PageDown", Some(2), Some(7)),
            ("PageDown", Some(7), Some(9)),
            ("PageUp", Some(3), Some(0)),
            ("Home", Some(5), Some(0)),
            ("End", Some(5), Some(9)),
            ("ArrowDown", Some(99), Some(0)),
            ("a", Some(5), None),
        ] {
            assert_eq!(moved(key, from, 10, 5), expected, "{key} from {from:?}");
        }
        assert_eq!(moved("End", None, 0, 5), None);
    }
}
