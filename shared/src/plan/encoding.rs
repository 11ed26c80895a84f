//! The one place that turns plans into bytes, and bytes back into plans.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Plan, PlannedTable, lawful};
use crate::branch::Branch;
use crate::digest::{Digest, Tag};
use crate::root_layout::JOURNAL_FOLDER;
use crate::text::shown;

/// Characters of the reason why bytes are no plan: it quotes text from outside.
const REASON_CHARS_MAX: usize = 2_000;

/// A plan's canonical bytes with their digest.
///
/// The bytes are compact JSON with the fields in the order of the type, whole numbers only, and no maps; a golden test pins them.
/// These bytes are approved, journaled and carried out, never a re-serialisation of something parsed. Clones share them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanBytes {
    text: Arc<str>,
    digest: Digest,
}

/// Why bytes are not a plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The bytes hash to another digest than the one that was approved.
    #[error("the plan's bytes have digest {found}, {expected} was named")]
    DigestDiffers {
        /// The digest that was named.
        expected: Digest,
        /// The digest of the bytes.
        found: Digest,
    },
    /// The bytes are not a plan of this build's format.
    #[error("the bytes with digest {digest} are not a plan of this build: {reason}")]
    NotAPlan {
        /// Digest of the bytes.
        digest: Digest,
        /// The parser's words.
        reason: String,
    },
    /// The bytes name one table twice. No sidecar may pin one twice, so no build of ours wrote this plan.
    #[error("the plan with digest {digest} names table {table_key} of {} twice", Branch::of(.branch.as_deref()))]
    TableTwice {
        /// Digest of the bytes.
        digest: Digest,
        /// Key of the table.
        table_key: String,
        /// Its Lance branch; `None` is main.
        branch: Option<String>,
    },
    /// The steps are not those that its tables, purpose and operation lead to, so no build of ours wrote this plan. Nothing of it is
    /// ever carried out.
    #[error(
        "the plan with digest {digest} is not one that this program makes: {reason}; nothing of it is carried out, and whoever can write {JOURNAL_FOLDER}/ may have forged it"
    )]
    Unlawful {
        /// Digest of the bytes.
        digest: Digest,
        /// The part that no rule lays down.
        reason: String,
    },
    /// A bug of ours: a plan could not be written down.
    #[error("internal error: a plan could not be encoded: {reason}")]
    Encoding {
        /// The serialiser's words.
        reason: String,
    },
}

impl PlanBytes {
    /// Writes a plan down.
    ///
    /// # Errors
    /// [`PlanError::Encoding`], which no plan should cause.
    pub fn of(plan: &Plan) -> Result<Self, PlanError> {
        let text = serde_json::to_string(plan).map_err(|error| PlanError::Encoding {
            reason: error.to_string(),
        })?;
        Ok(Self {
            digest: Digest::of(Tag::Plan, text.as_bytes()),
            text: text.into(),
        })
    }

    /// Takes stored bytes for the plan with digest `expected`: hashed before they are parsed.
    ///
    /// # Errors
    /// [`PlanError::DigestDiffers`] if they hash to anything else.
    pub fn verify(text: impl Into<Arc<str>>, expected: Digest) -> Result<Self, PlanError> {
        let text = text.into();
        let found = Digest::of(Tag::Plan, text.as_bytes());
        if found == expected {
            Ok(Self {
                text,
                digest: found,
            })
        } else {
            Err(PlanError::DigestDiffers { expected, found })
        }
    }

    /// Reads the plan.
    ///
    /// # Errors
    /// [`PlanError::NotAPlan`] for bytes of another format, or that this build would have written otherwise;
    /// [`PlanError::TableTwice`]; [`PlanError::Unlawful`] for steps that no rule lays down for such tables.
    pub fn decode(&self) -> Result<Plan, PlanError> {
        let not_a_plan = |reason: String| PlanError::NotAPlan {
            digest: self.digest,
            reason,
        };
        let plan: Plan =
            serde_json::from_str(&self.text).map_err(|error| not_a_plan(error.to_string()))?;
        if Self::of(&plan)?.text != self.text {
            return Err(not_a_plan("the bytes are not in canonical form".to_owned()));
        }
        if let Some(table) = table_twice(&plan.tables) {
            return Err(PlanError::TableTwice {
                digest: self.digest,
                table_key: table.table_key.clone(),
                branch: table.branch.clone(),
            });
        }
        lawful::check(&plan).map_err(|reason| PlanError::Unlawful {
            digest: self.digest,
            reason: shown(&reason, REASON_CHARS_MAX),
        })?;
        Ok(plan)
    }

    /// The canonical bytes.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The same, for whoever keeps them too.
    #[must_use]
    pub(crate) fn shared_text(&self) -> Arc<str> {
        Arc::clone(&self.text)
    }

    /// Their digest.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }
}

/// A table that the plan names a second time, however its branch is spelled. Two plans are compared table by table, so a plan
/// with a twin in it would differ from itself.
fn table_twice(tables: &[PlannedTable]) -> Option<&PlannedTable> {
    let mut known = BTreeSet::new();
    tables
        .iter()
        .find(|table| !known.insert((&table.table_key, Branch::of(table.branch.as_deref()))))
}
