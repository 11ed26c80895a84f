//! The dataset that a schema change of version 9 makes: its versions, what a removal that died leaves of it, and what others do there.

use std::collections::BTreeSet;

use sidecar::observation::{HeadObservation, Pinned, RegistrationObservation, SchemaObservation};
use sidecar::version_9::proof::{SeenOperation, SeenTransaction, SeenVersions};
use sidecar::version_9::{HeadSeen, TransactionIdentity};
use sidecar::{DatasetFile, DatasetFiles, Precondition, Step};

use crate::flaw::Flaw;
use crate::store::{By, Planned, Store};
use crate::version_9::{ADDED, ADDED_KEY, planned_transaction};

/// Who made a version of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Maker {
    Write,
    Other,
}

/// The place of the dataset.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Dataset {
    /// Who made each version, the first one first; none where there is no dataset.
    versions: Vec<Maker>,
    /// Whether the file of the write's transaction is there: it goes after the file of the version.
    has_its_transaction: bool,
    /// The version that the catalog names.
    pin: Option<u64>,
    /// The plans that removed anything of it.
    removed_by: BTreeSet<Planned>,
    /// Whether a removal took what somebody else made or committed, or what the catalog names.
    is_lost: bool,
}

/// What a request of a removal came to.
pub(crate) enum Removed {
    /// The file of the version is gone, and the dataset with it. The rest goes with the next request.
    HalfWay,
    Whole,
    /// Nothing was removed.
    Stays,
    /// All that the plan names is removed, and something else is there.
    SomethingElse,
}

/// What somebody else does at the place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DatasetChange {
    /// A dataset is made where there is none.
    Make,
    /// A version is committed to the one that is there.
    Commit,
    /// The one that is there is added to the catalog.
    Publish,
}

impl DatasetChange {
    pub(crate) const ALL: [Self; 3] = [Self::Make, Self::Commit, Self::Publish];

    pub(crate) const fn can_happen(self, store: &Store) -> bool {
        let dataset = &store.dataset;
        match self {
            Self::Make => dataset.versions.is_empty(),
            Self::Commit => !dataset.versions.is_empty(),
            Self::Publish => !dataset.versions.is_empty() && dataset.pin.is_none(),
        }
    }

    pub(crate) fn happen(self, store: &mut Store) {
        let dataset = &mut store.dataset;
        match self {
            Self::Make | Self::Commit => dataset.versions.push(Maker::Other),
            Self::Publish => {
                dataset.pin = dataset.head();
                store.catalog.push(By::Nameless);
            }
        }
    }
}

impl Dataset {
    /// As the write makes it.
    pub(crate) fn made() -> Self {
        Self {
            versions: vec![Maker::Write],
            has_its_transaction: true,
            ..Self::default()
        }
    }

    pub(crate) fn head(&self) -> Option<u64> {
        let head = self.versions.len() as u64;
        (head > 0).then_some(head)
    }

    pub(crate) const fn pin(&self) -> Option<u64> {
        self.pin
    }

    pub(crate) const fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// Whether anything of what the write made is there.
    pub(crate) fn is_left(&self) -> bool {
        self.has_its_transaction || self.versions.first() == Some(&Maker::Write)
    }

    /// Whether a dataset is there that somebody else made.
    pub(crate) fn is_foreign(&self) -> bool {
        self.versions.first() == Some(&Maker::Other)
    }

    pub(crate) fn is_removed(&self) -> bool {
        !self.removed_by.is_empty()
    }

    pub(crate) const fn removed_by(&self) -> &BTreeSet<Planned> {
        &self.removed_by
    }

    fn uuid(&self, version: u64) -> String {
        match self.versions[version as usize - 1] {
            Maker::Write => planned_transaction(ADDED),
            Maker::Other => format!("foreign-{version}"),
        }
    }

    fn files(&self) -> Vec<DatasetFile> {
        let file = |path: String| DatasetFile { path, bytes: 1 };
        let version = |version: u64| file(format!("_versions/{}.manifest", u64::MAX - version));
        let transaction = |read: u64, uuid: &str| file(format!("_transactions/{read}-{uuid}.txn"));
        let mut files = Vec::new();
        if self.has_its_transaction {
            files.push(transaction(0, &planned_transaction(ADDED)));
        }
        for (maker, number) in self.versions.iter().zip(1..) {
            files.push(version(number));
            if *maker == Maker::Other {
                files.push(transaction(number - 1, &self.uuid(number)));
            }
        }
        if !self.versions.is_empty() {
            files.push(file("_versions/latest_version_hint.json".to_owned()));
        }
        files
    }

    /// What the rules of schema changes ask for.
    pub(crate) fn observe(&self) -> SchemaObservation {
        let head = match (self.pin, self.head()) {
            (Some(_), _) => HeadObservation::of_a_taken_place(),
            (None, None) => HeadObservation::DatasetMissing,
            (None, Some(version)) => HeadObservation::At {
                version,
                transaction: Some(self.uuid(version)),
            },
        };
        let registration = RegistrationObservation {
            table_key: ADDED_KEY.to_owned(),
            pinned: match self.pin {
                Some(version) => Pinned::At { version },
                None => Pinned::Absent,
            },
            head,
            location_conflict: None,
            files: self.pin.is_none().then(|| DatasetFiles::of(self.files())),
        };
        SchemaObservation {
            registrations: vec![registration],
            ..SchemaObservation::default()
        }
    }

    /// What the rules of version 9 ask for.
    pub(crate) fn head_seen(&self) -> HeadSeen {
        let Some(head) = self.head() else {
            return HeadSeen::DatasetMissing;
        };
        let seen = |version: u64| SeenTransaction {
            identity: TransactionIdentity {
                read_version: version - 1,
                uuid: self.uuid(version),
            },
            operation: SeenOperation::Other,
        };
        HeadSeen::At(SeenVersions {
            head,
            transactions: (1..=head).map(|version| (version, seen(version))).collect(),
        })
    }

    /// Whether everything is as the step needs it: no other file, no table of the catalog, and the planned transaction.
    fn is_as_planned(&self, step: &Step) -> bool {
        let Step::DropDataset {
            files,
            precondition: Precondition::DatasetAsPlanned { transaction },
            ..
        } = step
        else {
            return false;
        };
        let DatasetFiles::Listed { files: left } = DatasetFiles::of(self.files()) else {
            return false;
        };
        let is_made_by_it = match self.head() {
            None => true,
            Some(head) => head == 1 && self.uuid(1) == *transaction,
        };
        left.iter().all(|file| files.contains(file)) && self.pin.is_none() && is_made_by_it
    }

    /// One request of a removal: the look with what goes first, as no store deletes files on a condition, or what is left then.
    pub(crate) fn remove(
        &mut self,
        planned: Planned,
        step: &Step,
        goes_on: bool,
        flaw: Flaw,
    ) -> Removed {
        if !goes_on && flaw != Flaw::DropsADatasetWithoutLooking && !self.is_as_planned(step) {
            return Removed::Stays;
        }
        if !goes_on && !self.versions.is_empty() {
            self.is_lost |= self.pin.is_some() || self.versions.contains(&Maker::Other);
            self.versions.clear();
            self.removed_by.insert(planned);
            return Removed::HalfWay;
        }
        if std::mem::take(&mut self.has_its_transaction) {
            self.removed_by.insert(planned);
        }
        match self.versions.is_empty() {
            true => Removed::Whole,
            false => Removed::SomethingElse,
        }
    }
}
