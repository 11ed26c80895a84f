//! The evidence for version 9 in JSON. Looks share it, and JSON holds it by value.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::code::Reason;
use crate::version_9::Evidence;

type Found = Option<Arc<Result<Evidence, Reason>>>;

pub(super) fn serialize<S: Serializer>(found: &Found, serializer: S) -> Result<S::Ok, S::Error> {
    found.as_deref().serialize(serializer)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Found, D::Error> {
    let found: Option<Result<Evidence, Reason>> = Option::deserialize(deserializer)?;
    Ok(found.map(Arc::new))
}
