//! Storage that does not answer: every command that asks it something ends in bounded time and says so. Storage that answers
//! slowly: the command goes on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use clap::Parser;
use sidecar::{Disposition, OperationId};
use tempfile::TempDir;

use super::context::Context;
use super::error::CliError;
use super::{Arguments, Exit, dispatch, runtime};
use crate::patience::Patience;
use crate::root::{Root, RootOptions};
use crate::service::Answer;
use crate::{demo, service};
use root_objects::clock;
use root_objects::store::{Gate, Request, RequestLog};

const PATIENCE: Patience = Patience {
    permit: Duration::from_millis(300),
    look: Duration::from_millis(1_000),
    step: Duration::from_millis(3_000),
};
/// Long enough for any machine.
const PATIENT: Patience = Patience {
    permit: Duration::from_secs(60),
    look: Duration::from_secs(60),
    step: Duration::from_secs(60),
};

/// How late slow storage answers, and how long a command waits for it.
const LATE: Duration = Duration::from_millis(100);
const LONGER_THAN_LATE: Patience = Patience {
    permit: Duration::from_millis(1_500),
    look: Duration::from_millis(1_500),
    step: Duration::from_millis(1_500),
};

/// Storage that never answers some requests.
#[derive(Debug)]
struct Hanging {
    is_asked_in_vain: fn(&Request) -> bool,
}

#[async_trait]
impl Gate for Hanging {
    async fn before(&self, request: &Request) -> object_store::Result<()> {
        if (self.is_asked_in_vain)(request) {
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}

/// Storage that answers one request after the other, and each of them late.
#[derive(Debug, Default)]
struct Slow {
    turn: tokio::sync::Mutex<()>,
}

#[async_trait]
impl Gate for Slow {
    async fn before(&self, _request: &Request) -> object_store::Result<()> {
        let _turn = self.turn.lock().await;
        // Time is tested: every answer is late, and all of them together take longer than a command waits for one.
        tokio::time::sleep(LATE).await;
        Ok(())
    }
}

/// A store in which a whole write waits to be rolled forward, approved already.
struct Pending {
    _folder: TempDir,
    uri: String,
    operation: OperationId,
    digest: String,
}

impl Pending {
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let stores = demo::make_stores(folder.path(), clock::now()).await;
        let uri = stores.unwrap()[0].path.to_str().unwrap().to_owned();
        let root = Root::open(&uri, RootOptions::default()).await.unwrap();
        let list = service::list(&root, clock::now()).await.unwrap();
        let mut pending = list.recoveries.iter();
        let forward = pending.find(|it| it.disposition == Disposition::RollForward);
        let operation: OperationId = forward
            .unwrap()
            .operation_id
            .clone()
            .unwrap()
            .parse()
            .unwrap();
        let plan = service::plan(&root, operation.as_str(), clock::now())
            .await
            .unwrap();
        let digest = plan.digest.unwrap();
        let approver = service::Approver {
            name: "grace".to_owned(),
            writers_stopped: true,
            ..service::Approver::default()
        };
        let approved = service::approve(&root, &operation, digest, approver, clock::now());
        assert!(matches!(approved.await.unwrap(), Answer::Done(report) if report.authorized));
        Self {
            _folder: folder,
            uri,
            operation,
            digest: digest.to_string(),
        }
    }

    async fn run(&self, context: &Context, command: &str) -> Result<Exit, CliError> {
        let line = command
            .replace("ROOT", &self.uri)
            .replace("OPERATION", self.operation.as_str())
            .replace("DIGEST", &self.digest);
        let arguments = Arguments::try_parse_from(line.split(' ')).unwrap();
        Box::pin(dispatch(context, arguments.command)).await
    }
}

fn hanging(is_asked_in_vain: fn(&Request) -> bool, patience: Patience) -> Context {
    behind(Arc::new(Hanging { is_asked_in_vain }), patience)
}

fn behind(gate: Arc<dyn Gate>, patience: Patience) -> Context {
    let options = RootOptions {
        log: RequestLog::new().with_gate(gate),
        ..RootOptions::default()
    };
    Context::impatient(options, patience)
}

/// The name of a root is read when it is opened.
fn is_not_of_opening(request: &Request) -> bool {
    !request.path.starts_with("__recovery_log/root-")
}

const LOOKS: [&str; 11] = [
    "x drain ROOT",
    "x list ROOT",
    "x doctor ROOT",
    "x doctor ROOT --upgrade",
    "x list ROOT --fail-if-pending",
    "x plan ROOT OPERATION",
    "x undo ROOT OPERATION",
    "x release ROOT OPERATION",
    "x dismiss ROOT OPERATION",
    "x audit ROOT",
    "x audit ROOT OPERATION --verify",
];

const APPLY: &str = "x apply ROOT OPERATION --digest DIGEST";

const RECORDS: [&str; 3] = [
    "x approve ROOT OPERATION --digest DIGEST --as ada",
    "x revoke ROOT OPERATION --digest DIGEST --as ada",
    "x end ROOT OPERATION --digest DIGEST --as ada --reason why --writers-stopped",
];

/// The failure of each of these commands, which run at the same time.
async fn failures(
    pending: &Pending,
    context: &Context,
    commands: impl IntoIterator<Item = &'static str>,
) -> Vec<(&'static str, CliError)> {
    let runs = commands.into_iter().map(|command| async move {
        let ended = pending.run(context, command).await;
        (command, ended.unwrap_err())
    });
    futures::future::join_all(runs).await
}

#[test]
fn a_look_at_a_root_that_does_not_answer_is_given_up_and_says_what_to_see_to() {
    runtime().unwrap().block_on(async {
        let pending = Pending::new().await;
        let all = LOOKS.into_iter().chain(RECORDS).chain([APPLY]);
        let nothing = hanging(|_| true, PATIENCE);
        for (command, error) in failures(&pending, &nothing, all).await {
            assert!(
                matches!(error, CliError::Overdue { .. }),
                "{command}, which cannot even open the root: {error:?}"
            );
        }
        let opened = hanging(is_not_of_opening, PATIENCE);
        let looks = LOOKS.into_iter().chain([APPLY]);
        for (command, error) in failures(&pending, &opened, looks).await {
            assert!(
                matches!(error, CliError::Overdue { .. }),
                "{command}: {error:?}"
            );
            says(
                &error,
                &[&pending.uri, "changed nothing", "a mount that hangs"],
            );
        }
        for (command, error) in failures(&pending, &opened, RECORDS).await {
            assert!(
                matches!(error, CliError::RecordOverdue { .. }),
                "{command}: {error:?}"
            );
            says(&error, &[&pending.uri, "may be on record", "`audit`"]);
        }
    });
}

fn says(error: &CliError, wanted: &[&str]) {
    let words = error.text();
    for said in wanted {
        assert!(words.contains(said), "{said}: {words}");
    }
    assert_eq!(error.exit(), Exit::Failed);
}

#[test]
fn a_journal_that_cannot_be_read_in_time_ends_the_audit_of_all() {
    runtime().unwrap().block_on(async {
        let pending = Pending::new().await;
        let context = hanging(|request| request.path.ends_with("/000001.json"), PATIENCE);
        let error = pending.run(&context, "x audit ROOT").await.unwrap_err();
        assert!(matches!(error, CliError::Overdue { .. }), "{error:?}");
    });
}

#[test]
fn an_execution_is_waited_for_longer_than_a_look_and_resumed_where_it_was_given_up() {
    runtime().unwrap().block_on(async {
        let pending = Pending::new().await;
        let is_tag = |request: &Request| request.path.contains("_refs/tags/");
        let context = hanging(is_tag, PATIENCE);
        let begun = Instant::now();
        let error = pending.run(&context, APPLY).await.unwrap_err();
        assert!(
            matches!(error, CliError::ExecutionStuck { .. }),
            "{error:?}"
        );
        assert!(
            begun.elapsed() >= PATIENCE.step,
            "its time is longer than that of a look"
        );
        let operation = pending.operation.as_str();
        says(
            &error,
            &[&pending.uri, operation, "may still take effect", "resumes"],
        );

        let answering = hanging(|_| false, PATIENT);
        let resumed = pending.run(&answering, APPLY).await.unwrap();
        assert_eq!(resumed, Exit::Done);
    });
}

#[test]
fn a_command_goes_on_for_as_long_as_storage_answers_however_late() {
    runtime().unwrap().block_on(async {
        let pending = Pending::new().await;
        let slow = behind(Arc::<Slow>::default(), LONGER_THAN_LATE);
        let commands = [
            "x list ROOT",
            "x plan ROOT OPERATION",
            "x approve ROOT OPERATION --digest DIGEST --as ada --writers-stopped",
            APPLY,
        ];
        for command in commands {
            let begun = Instant::now();
            let ended = pending.run(&slow, command).await;
            assert_eq!(ended.unwrap(), Exit::Done, "{command}");
            assert!(
                begun.elapsed() > LONGER_THAN_LATE.look,
                "{command} was done before its time was up"
            );
        }
    });
}
