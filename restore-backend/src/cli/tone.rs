//! What colours mean on the command line: the same as on the page.

use anstyle::{AnsiColor, Style};
use sidecar::api::PlanReport;
use sidecar::{Disposition, OutcomeKind, Purpose};

/// The meaning of a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// As all other text.
    Plain,
    /// A headline.
    Heading,
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
    /// The text in this tone, for a terminal.
    pub(super) fn painted(self, text: &str) -> String {
        let colour = |colour: AnsiColor| Style::new().fg_color(Some(colour.into())).bold();
        let style = match self {
            Self::Plain => return text.to_owned(),
            Self::Heading => Style::new().bold(),
            Self::Forward => colour(AnsiColor::Blue),
            Self::Back => colour(AnsiColor::Magenta),
            Self::Well => colour(AnsiColor::Green),
            Self::Stop => colour(AnsiColor::Red),
            Self::Calm => colour(AnsiColor::Yellow),
        };
        format!("{style}{text}{style:#}")
    }
}

/// Tone of a disposition.
pub(super) const fn of_disposition(disposition: Disposition) -> Tone {
    match disposition {
        Disposition::RollForward => Tone::Forward,
        Disposition::RollBack => Tone::Back,
        // No engine opens a graph with a stale armed sidecar.
        Disposition::Refused | Disposition::Abort | Disposition::StaleArmed => Tone::Stop,
        Disposition::Waiting
        | Disposition::OrphanedBranch
        | Disposition::AlreadyPublished
        | Disposition::AlreadyRolledBack
        | Disposition::Superseded
        | Disposition::NeverStarted => Tone::Calm,
    }
}

/// Tone of a plan, by its purpose.
pub(super) const fn of_plan(report: &PlanReport) -> Tone {
    match report.purpose {
        Purpose::Recover => of_disposition(report.disposition),
        Purpose::Undo { .. } => Tone::Back,
        Purpose::Dismiss { .. } | Purpose::Release { .. } => Tone::Calm,
    }
}

/// Tone of an outcome; `None` is an operation that is open.
pub(super) const fn of_outcome(outcome: Option<OutcomeKind>) -> Tone {
    match outcome {
        None => Tone::Calm,
        Some(OutcomeKind::RolledForward | OutcomeKind::RolledBack | OutcomeKind::CleanedUp) => {
            Tone::Well
        }
        Some(OutcomeKind::Unknown) => Tone::Back,
        Some(OutcomeKind::Conflict | OutcomeKind::Refused) => Tone::Stop,
    }
}
