//! Why a command failed, for people and for programs.

use std::io;

use serde::Serialize;
use sidecar::{Digest, OperationId};

use super::exit::Exit;
use crate::demo::DemoError;
use crate::error::ServiceError;
use crate::http::ServeError;
use crate::root::{FolderError, IdentityError, RootError};
use sidecar::error_text;

/// A command that did not do its job. Refusals and conflicts are answers, not these.
#[derive(Debug, thiserror::Error)]
pub(super) enum CliError {
    #[error("{0}")]
    Usage(String),
    #[error(
        "{prefix} is the beginning of {count} {what}: {fitting}; type more of the one that you mean"
    )]
    Ambiguous {
        what: &'static str,
        prefix: String,
        count: usize,
        fitting: String,
    },
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error(
        "the storage of {root} has answered nothing for {seconds} s, and the command is given up; it changed nothing: see to the storage, for example a mount that hangs, then try again"
    )]
    Overdue { root: String, seconds: u64 },
    #[error(
        "the storage of {root} has answered nothing for {seconds} s, and the command is given up; the request may be on record all the same: see to the storage, for example a mount that hangs, then look at `audit` before you try again"
    )]
    RecordOverdue { root: String, seconds: u64 },
    #[error(
        "the storage of {root} has answered nothing for {seconds} s, and the execution of operation {operation_id} is given up; requests that it sent may still take effect: see to the storage, for example a mount that hangs, then apply the plan again, which resumes"
    )]
    ExecutionStuck {
        root: String,
        operation_id: OperationId,
        seconds: u64,
    },
    #[error(
        "the storage of {root} has answered nothing for {seconds} s, and the plan {digest} is given up; requests that it sent may still take effect: see to the storage, for example a mount that hangs, then look at `drain` again"
    )]
    DrainStuck {
        root: String,
        digest: Digest,
        seconds: u64,
    },
    #[error(transparent)]
    Root(Box<RootError>),
    #[error(transparent)]
    Service(Box<ServiceError>),
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error("the sample stores cannot be made")]
    Demo(#[source] Box<DemoError>),
    #[error("no folder for the sample stores can be made; name one with --dir")]
    DemoFolder(#[source] io::Error),
    #[error("the manual page {path} cannot be written; --dir names a folder that is there")]
    ManualPage {
        path: String,
        #[source]
        source: io::Error,
    },
    #[error("the answer cannot be written to standard output")]
    Output(#[source] io::Error),
    #[error("internal error: the answer cannot be encoded")]
    Encode(#[source] serde_json::Error),
    #[error("the program cannot start its threads")]
    Runtime(#[source] io::Error),
}

impl CliError {
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Usage(_)
            | Self::Ambiguous { .. }
            | Self::Serve(ServeError::DuplicateName { .. }) => Exit::Usage,
            Self::Serve(ServeError::NotLoopback { .. }) => Exit::Refused,
            _ => Exit::Failed,
        }
    }

    /// What failed, why, and what to do, in one line.
    pub(super) fn text(&self) -> String {
        error_text(self)
    }

    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Usage(_) => "usage",
            Self::Ambiguous { .. } => "ambiguous",
            Self::Folder(error) => error.code(),
            Self::Overdue { .. }
            | Self::RecordOverdue { .. }
            | Self::ExecutionStuck { .. }
            | Self::DrainStuck { .. } => "timed_out",
            Self::Root(error) => match error.as_ref() {
                RootError::Unusable { source, .. } => source.code(),
                RootError::Unidentified {
                    source: IdentityError::Folder(error),
                    ..
                } => error.code(),
                RootError::Unidentified { .. } => "root_not_identified",
            },
            Self::Service(error) => error.code(),
            Self::Serve(error) => error.code(),
            Self::Demo(_) | Self::DemoFolder(_) => "demo_failed",
            Self::Output(_) | Self::ManualPage { .. } => "output_failed",
            Self::Encode(_) | Self::Runtime(_) => "internal",
        }
    }
}

impl From<RootError> for CliError {
    fn from(error: RootError) -> Self {
        Self::Root(Box::new(error))
    }
}

impl From<ServiceError> for CliError {
    fn from(error: ServiceError) -> Self {
        Self::Service(Box::new(error))
    }
}

impl From<DemoError> for CliError {
    fn from(error: DemoError) -> Self {
        Self::Demo(Box::new(error))
    }
}

/// What `--json` prints for a failure.
#[derive(Debug, Serialize)]
pub(super) struct ErrorDocument {
    pub(super) error: ErrorBody,
}

/// A code for programs, and words for people.
#[derive(Debug, Serialize)]
pub(super) struct ErrorBody {
    pub(super) code: &'static str,
    pub(super) detail: String,
}

impl ErrorDocument {
    pub(super) fn of(error: &CliError) -> Self {
        Self {
            error: ErrorBody {
                code: error.code(),
                detail: error.text(),
            },
        }
    }

    pub(super) fn usage(detail: &str) -> Self {
        Self {
            error: ErrorBody {
                code: "usage",
                detail: detail.to_owned(),
            },
        }
    }
}
