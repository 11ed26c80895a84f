//! Bounds on everything that comes from outside.

/// How much of a sidecar, a folder or a journal is accepted; anything above is refused with a typed reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one sidecar file. The largest known protocol bounds a sidecar by 1,024 tables at well under 1 KiB each.
    pub sidecar_bytes_max: u64,
    /// Bytes kept of a file that is not a sidecar: as many as fit in a journal record, so that it can be dismissed.
    pub kept_bytes_max: u64,
    /// Nesting of JSON arrays and objects in a sidecar. Released writers nest seven deep.
    pub json_depth_max: usize,
    /// Pins, registrations and tombstones in one sidecar, counted together.
    pub tables_max: usize,
    /// Characters of one name or path in a sidecar.
    pub text_chars_max: usize,
    /// Sidecar files in one root; a listing stops there and says so.
    pub sidecars_max: usize,
    /// Bytes that the sidecars of one root may take in memory while they are looked at together; those after it wait.
    pub sidecars_held_bytes_max: u64,
    /// Bytes of one journal record: a plan of `tables_max` tables, its sidecar, and room to spare.
    pub journal_record_bytes_max: u64,
    /// Records in the journal of one operation.
    pub journal_records_max: usize,
    /// Bytes of the journals that one look reads at the same time. A journal of more is read alone.
    pub journals_read_bytes_max: u64,
    /// Bytes that the open journals of one root may take in memory while they are looked at together. Journals beyond that are refused.
    pub journals_held_bytes_max: u64,
}

impl Limits {
    /// The limits every program of this project uses.
    pub const DEFAULT: Self = Self {
        sidecar_bytes_max: 1 << 20,
        kept_bytes_max: 32 << 20,
        json_depth_max: 32,
        tables_max: 10_000,
        text_chars_max: 4_096,
        sidecars_max: 200_000,
        sidecars_held_bytes_max: 64 << 20,
        journal_record_bytes_max: 64 << 20,
        journal_records_max: 100_000,
        journals_read_bytes_max: 64 << 20,
        journals_held_bytes_max: 256 << 20,
    };

    /// Those of a sidecar whose bytes are in a journal: none of size. A file's bytes were accepted when they were claimed, and the
    /// sidecar of an undo, which this program wrote itself, may be longer than a file may be.
    pub const RECORDED: Self = Self {
        sidecar_bytes_max: u64::MAX,
        tables_max: usize::MAX,
        text_chars_max: usize::MAX,
        ..Self::DEFAULT
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
