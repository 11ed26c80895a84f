//! Points in time as microseconds since the Unix epoch, and how people read them.
//!
//! Times are display and age only; no verdict and no order of effects depends on one.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Microseconds since the Unix epoch, UTC; in JSON a decimal string, as in the sidecar's `started_at` (PROTOCOL.md, section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp(u64);

impl Timestamp {
    /// Takes microseconds since the Unix epoch.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Takes whole seconds since the Unix epoch, as Lance keeps the times of its branches.
    #[must_use]
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Microseconds since the Unix epoch.
    #[must_use]
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// Whole seconds from this point to `now`; 0 if it lies in the future.
    #[must_use]
    pub const fn age_seconds(self, now: Self) -> u64 {
        now.0.saturating_sub(self.0) / 1_000_000
    }

    /// The minute, with its date: `2026-11-22 14:02 UTC`.
    #[must_use]
    pub fn minute(self) -> String {
        let (year, month, day) = civil_from_days(self.0 / 86_400_000_000);
        format!("{year:04}-{month:02}-{day:02} {} UTC", self.clock())
    }

    /// The time of day, `14:02` (UTC).
    #[must_use]
    pub fn clock(self) -> String {
        let seconds = self.0 / 1_000_000 % 86_400;
        format!("{:02}:{:02}", seconds / 3_600, seconds / 60 % 60)
    }
}

impl TryFrom<String> for Timestamp {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        // `u64::from_str` takes a leading plus; the format does not have one.
        text.parse()
            .ok()
            .filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
            .map(Self)
            .ok_or_else(|| {
                "expected microseconds since the Unix epoch as a decimal string".to_owned()
            })
    }
}

impl From<Timestamp> for String {
    fn from(timestamp: Timestamp) -> Self {
        timestamp.0.to_string()
    }
}

impl fmt::Display for Timestamp {
    /// `2026-11-22 14:02:11 UTC`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0 / 1_000_000;
        let (year, month, day) = civil_from_days(seconds / 86_400);
        let second = seconds % 86_400;
        write!(
            formatter,
            "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02} UTC",
            second / 3_600,
            second / 60 % 60,
            second % 60
        )
    }
}

/// The Gregorian date of a day counted from 1970-01-01, by counting from 0000-03-01 in eras of 400 years.
const fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    (
        year_of_era + era * 400 + if month <= 2 { 1 } else { 0 },
        month,
        day,
    )
}

/// An age as people say it: `42 s`, `14 min`, `3 h 12 min`, `6 d 2 h`.
#[must_use]
pub fn age_text(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match () {
        () if minutes == 0 => format!("{seconds} s"),
        () if hours == 0 => format!("{minutes} min"),
        () if days == 0 => format!("{hours} h {} min", minutes % 60),
        () => format!("{days} d {} h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_utc() {
        for (micros, text) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_400_000_000, "2000-02-29 00:00:00 UTC"),
            (1_795_332_160_170_908, "2026-11-22 07:22:40 UTC"),
            (4_107_542_399_000_000, "2100-02-28 23:59:59 UTC"),
        ] {
            assert_eq!(Timestamp::from_micros(micros).to_string(), text);
        }
    }

    #[test]
    fn ages_read_short() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (11_520, "3 h 12 min"),
            (525_600, "6 d 2 h"),
        ] {
            assert_eq!(age_text(seconds), text);
        }
    }
}
