//! One line of a list of sidecars, from the server or from dropped files.

use sidecar::api::{Progress, RecoverySummary};
use sidecar::{Branch, Disposition, Glimpse, ListedSidecar, Timestamp};

/// What is known of a sidecar's disposition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// The verdict.
    Judged(Disposition),
    /// Its writer may be at work, so the verdict is of no use yet.
    MayBeRunning,
    /// A sidecar alone cannot be judged.
    Undecided,
}

impl Standing {
    /// As a badge says it.
    #[must_use]
    pub fn label(self) -> String {
        match self {
            // No word that reads like a button: nothing can be aborted here.
            Self::Judged(Disposition::Abort) => "cannot be decided".to_owned(),
            Self::Judged(disposition) => disposition.name().replace('_', " "),
            Self::MayBeRunning => "may be running".to_owned(),
            Self::Undecided => "undecided".to_owned(),
        }
    }
}

/// How far a recovery came, unless nothing was begun or approved.
#[must_use]
pub const fn progress_label(progress: Progress) -> Option<&'static str> {
    match progress {
        Progress::Open => None,
        Progress::Approved => Some("approved"),
        Progress::UnderWay => Some("under way"),
        Progress::Finished => Some("finished"),
    }
}

/// One line of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Name of the file.
    pub file: String,
    /// The operation, if the file tells.
    pub operation_id: Option<String>,
    /// What kind of write it was.
    pub writer_kind: Option<String>,
    /// Branch of the graph; `None` is main.
    pub branch: Option<String>,
    /// Who wrote.
    pub actor_id: Option<String>,
    /// When the writer started.
    pub started_at: Option<Timestamp>,
    /// Whole seconds since then.
    pub age_seconds: Option<u64>,
    /// The verdict, if there is one.
    pub standing: Standing,
    /// Tables that moved.
    pub tables_moved: Option<usize>,
    /// Tables in all.
    pub tables_total: usize,
    /// Why it is refused.
    pub refused: Option<String>,
    /// How far people and executors came.
    pub progress: Progress,
    /// Everything a filter looks at, its ASCII letters in lower case.
    haystack: String,
}

impl Entry {
    /// A line of the server's list.
    #[must_use]
    pub fn of_summary(summary: RecoverySummary) -> Self {
        Self {
            started_at: summary
                .started_at
                .and_then(|text| Timestamp::try_from(text).ok()),
            file: summary.file,
            operation_id: summary.operation_id,
            writer_kind: summary.writer_kind,
            branch: summary.branch,
            actor_id: summary.actor_id,
            age_seconds: summary.age_seconds,
            standing: match summary.may_be_running {
                true => Standing::MayBeRunning,
                false => Standing::Judged(summary.disposition),
            },
            tables_moved: Some(summary.tables_moved),
            tables_total: summary.tables_total,
            refused: summary.refused.map(|reason| reason.detail),
            progress: summary.progress,
            haystack: String::new(),
        }
        .searchable(&summary.table_keys, Some(summary.disposition))
    }

    /// A dropped file.
    #[must_use]
    pub fn of_listed(listed: &ListedSidecar) -> Self {
        let glimpse = match &listed.file.content {
            Ok(sidecar) => Glimpse {
                writer_kind: Some(sidecar.writer_kind.name().to_owned()),
                branch: sidecar.branch().owned(),
                actor_id: sidecar.actor_id.clone(),
                started_at: Some(sidecar.started_at.into()),
                ..Glimpse::default()
            },
            Err(_) => Glimpse {
                tables: Vec::new(),
                ..listed.file.glimpse.clone()
            },
        };
        let keys: Vec<String> = match &listed.file.content {
            Ok(sidecar) => sidecar
                .tables
                .iter()
                .map(|pin| pin.table_key.clone())
                .collect(),
            Err(_) => listed
                .file
                .glimpse
                .tables
                .iter()
                .map(|pin| pin.table_key.clone())
                .collect(),
        };
        let standing = match (&listed.refusal, &listed.waiting_for) {
            (Some(_), _) => Standing::Judged(Disposition::Refused),
            (None, Some(_)) => Standing::Judged(Disposition::Waiting),
            (None, None) => Standing::Undecided,
        };
        Self {
            file: listed.file.file.clone(),
            operation_id: listed.file.operation_id().map(String::from),
            writer_kind: glimpse.writer_kind,
            branch: glimpse.branch,
            actor_id: glimpse.actor_id,
            started_at: glimpse
                .started_at
                .and_then(|text| Timestamp::try_from(text).ok()),
            age_seconds: None,
            standing,
            tables_moved: None,
            tables_total: keys.len(),
            refused: listed.refusal.as_ref().map(|reason| reason.detail.clone()),
            progress: Progress::Open,
            haystack: String::new(),
        }
        .searchable(&keys, None)
    }

    /// What it is called in addresses.
    #[must_use]
    pub fn key(&self) -> &str {
        match (&self.refused, &self.operation_id) {
            // A refused file may carry the operation id of another one.
            (None, Some(operation_id)) => operation_id,
            _ => &self.file,
        }
    }

    /// Whether it has every word, none of those after a minus, and the age that is asked for, as in `approved -refused age>1h`.
    /// The words’ ASCII letters are in lower case.
    #[must_use]
    pub fn matches(&self, words: &[&str]) -> bool {
        words.iter().all(|word| {
            match word.strip_prefix('-') {
                // Its word is still being typed.
                Some("") => true,
                Some(unwanted) => !self.has(unwanted),
                None => self.has(word),
            }
        })
    }

    fn has(&self, word: &str) -> bool {
        let older = word.strip_prefix("age>").and_then(seconds);
        let younger = word.strip_prefix("age<").and_then(seconds);
        match (older, younger) {
            (Some(limit), _) => self.age_seconds.is_some_and(|age| age > limit),
            (_, Some(limit)) => self.age_seconds.is_some_and(|age| age < limit),
            (None, None) => self.haystack.contains(word),
        }
    }

    fn searchable(mut self, table_keys: &[String], verdict: Option<Disposition>) -> Self {
        let label = self.standing.label();
        // The command line says `abort`, and a young write has a verdict, too.
        let verdict = verdict.map(|verdict| verdict.name().replace('_', " "));
        let fields = [
            Some(self.file.as_str()),
            self.operation_id.as_deref(),
            self.writer_kind.as_deref(),
            Some(Branch::of(self.branch.as_deref()).text()),
            self.actor_id.as_deref(),
            Some(label.as_str()),
            verdict.as_deref(),
            progress_label(self.progress),
        ];
        // A line break keeps a word from matching across two fields.
        let mut haystack = fields.into_iter().flatten().collect::<Vec<_>>().join("\n");
        for key in table_keys {
            haystack.push('\n');
            haystack.push_str(key);
        }
        // The tables for the case of other letters would cost the module as much as a screen.
        haystack.make_ascii_lowercase();
        self.haystack = haystack;
        self
    }
}

/// `90s`, `15min` or `15m`, `2h` and `3d` in seconds; a bare number is one of seconds.
fn seconds(text: &str) -> Option<u64> {
    let unit_at = text.find(|letter: char| !letter.is_ascii_digit());
    let (number, unit) = text.split_at(unit_at.unwrap_or(text.len()));
    let each = match unit {
        "" | "s" => 1,
        "m" | "min" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(each)
}
