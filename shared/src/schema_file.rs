//! The three schema files of a graph, and the copies that a schema change stages beside them (PROTOCOL.md, section 6.1).

/// One of the three files. No other object of a root is ever promoted or set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SchemaFile {
    /// The schema as it was written.
    Source,
    /// The compiled schema, which names the tables.
    Ir,
    /// What the engine accepted last.
    State,
}

impl SchemaFile {
    /// All of them, in the order in which they are staged and later put in place.
    pub const ALL: [Self; 3] = [Self::Source, Self::Ir, Self::State];

    /// Name of the live file, directly under the root.
    #[must_use]
    pub const fn live(self) -> &'static str {
        match self {
            Self::Source => "_schema.pg",
            Self::Ir => "_schema.ir.json",
            Self::State => "__schema_state.json",
        }
    }

    /// Name of the copy staged beside it.
    #[must_use]
    pub const fn staged(self) -> &'static str {
        match self {
            Self::Source => "_schema.pg.staging",
            Self::Ir => "_schema.ir.json.staging",
            Self::State => "__schema_state.json.staging",
        }
    }

    /// The file with these two names; `None` if they are not exactly those of one of the three.
    #[must_use]
    pub fn named(live: &str, staged: &str) -> Option<Self> {
        let is_named = |file: &Self| file.live() == live && file.staged() == staged;
        Self::ALL.into_iter().find(is_named)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_pair_of_names_is_a_schema_file() {
        for file in SchemaFile::ALL {
            assert_eq!(file.staged(), format!("{}.staging", file.live()));
            assert_eq!(SchemaFile::named(file.live(), file.staged()), Some(file));
            for staged in [
                "__manifest/_versions/1.manifest",
                "./_schema.pg.staging",
                "",
            ] {
                assert_eq!(SchemaFile::named(file.live(), staged), None, "{staged}");
            }
        }
        assert_eq!(
            SchemaFile::named("_schema.pg", "_schema.ir.json.staging"),
            None
        );
    }
}
