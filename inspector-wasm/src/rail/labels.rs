//! Labels that do not overlap: estimated widths, rows of names, shortened words.

/// Width of one character at the rail's text size, on the wide side.
const CHARACTER: f64 = 6.4;
/// Room kept between two labels of one row.
const GAP: f64 = 8.0;

/// A piece of text with the middle of its baseline.
#[derive(Debug, Clone, PartialEq)]
pub struct Label {
    /// What it says.
    pub text: String,
    /// Middle.
    pub x: f64,
    /// Baseline.
    pub y: f64,
}

impl Label {
    /// A label around `x`, moved aside where it would be cut off.
    pub fn centred(text: &str, x: f64, y: f64, width: f64) -> Self {
        let half = text_width(text) / 2.0;
        let x = if 2.0 * half >= width {
            width / 2.0
        } else {
            x.clamp(half, width - half)
        };
        Self {
            text: text.to_owned(),
            x,
            y,
        }
    }
}

/// About how wide a text is drawn.
pub fn text_width(text: &str) -> f64 {
    text.chars().count() as f64 * CHARACTER
}

/// A text that fits, shortened if need be; `None` if there is no room for a readable beginning of it.
pub fn shortened(text: &str, room: f64) -> Option<String> {
    const READABLE: usize = 4;
    if text_width(text) <= room {
        return Some(text.to_owned());
    }
    let fits = (room / CHARACTER).max(0.0) as usize;
    (fits > READABLE).then(|| text.chars().take(fits - 1).chain(['…']).collect())
}

/// Rows of labels; each goes to the first row where it has room.
#[derive(Debug)]
pub struct Lanes {
    first: f64,
    distance: f64,
    width: f64,
    ends: Vec<f64>,
}

impl Lanes {
    /// No labels yet.
    pub const fn new(first: f64, distance: f64, width: f64) -> Self {
        Self {
            first,
            distance,
            width,
            ends: Vec::new(),
        }
    }

    /// Places a label; they have to come from left to right.
    pub fn place(&mut self, text: &str, x: f64) -> Label {
        let mut label = Label::centred(text, x, self.first, self.width);
        let half = text_width(text) / 2.0;
        let free = self.ends.iter().position(|end| end + GAP <= label.x - half);
        let lane = free.unwrap_or_else(|| {
            self.ends.push(0.0);
            self.ends.len() - 1
        });
        self.ends[lane] = label.x + half;
        label.y += self.distance * lane as f64;
        label
    }

    /// Where the last row ends.
    pub fn bottom(&self) -> f64 {
        self.first + self.distance * self.ends.len().saturating_sub(1) as f64 + 4.0
    }
}
