//! What colours mean, and their names in the style sheet.

/// The meaning of a badge's colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Goes on.
    Forward,
    /// Goes back.
    Back,
    /// Is well.
    Well,
    /// Stops.
    Stop,
    /// Rests.
    Calm,
}

impl Tone {
    /// Its class in the style sheet.
    #[must_use]
    pub const fn class(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Back => "back",
            Self::Well => "well",
            Self::Stop => "stop",
            Self::Calm => "calm",
        }
    }
}
