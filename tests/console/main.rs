//! The `apply` of the command line in a process of its own, with two switches that no shipped program has: it can be made to kill
//! or to stop itself at the k-th mutating request.

use std::future::pending;
use std::io::Write;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use fenced_lance::{CatalogReading, Head, TableLocation};
use restore_backend::execute::ProgressSink;
use restore_backend::root::{Root, RootOptions};
use restore_backend::service::{self, Answer, Approver};
use root_objects::clock;
use root_objects::store::{Durability, Gate, Request, RequestLog};
use serde_json::json;
use sidecar::{OperationId, OutcomeKind, SidecarFate};

const USAGE: &str = "[KILL_AT=k | STOP_AT=k] [WHEN=before|after] [RELOCATED_FROM=root] [RELAXED=1] \
                     e2e-console approve|apply|converge|settle ROOT OPERATION DIGEST";

/// More rows than any table of these tests has.
const ROWS_MAX: usize = 10_000;
/// As in the shipped program.
const STACK_BYTES: usize = 8 << 20;

type Failure = Box<dyn std::error::Error>;

/// What the process does to itself, and when.
#[derive(Debug)]
struct Switch {
    /// The signal, as `kill` names it.
    signal: &'static str,
    at: u64,
    after: bool,
    seen: AtomicU64,
    is_sent: AtomicBool,
}

impl Switch {
    fn from_environment() -> Result<Option<Self>, Failure> {
        let after = match text("WHEN").as_deref() {
            None | Some("before") => false,
            Some("after") => true,
            Some(_) => return Err(USAGE.into()),
        };
        for (name, signal) in [("KILL_AT", "KILL"), ("STOP_AT", "STOP")] {
            if let Some(at) = text(name) {
                return Ok(Some(Self {
                    signal,
                    at: at.parse()?,
                    after,
                    seen: AtomicU64::new(0),
                    is_sent: AtomicBool::new(false),
                }));
            }
        }
        Ok(None)
    }

    /// Comes back only from a signal that stops, once the process is continued.
    async fn signal_self(&self) -> object_store::Result<()> {
        self.is_sent.store(true, Ordering::SeqCst);
        let sent = Command::new("sh")
            .arg("-c")
            .arg(format!("kill -{} {}", self.signal, std::process::id()))
            .status();
        match sent {
            Ok(status) if status.success() && self.signal == "STOP" => Ok(()),
            // The signal is on its way, and nothing more may be done until it is here.
            Ok(status) if status.success() => pending().await,
            other => Err(object_store::Error::Generic {
                store: "switch",
                source: format!("the signal was not sent: {other:?}").into(),
            }),
        }
    }
}

#[async_trait]
impl Gate for Switch {
    async fn before(&self, request: &Request) -> object_store::Result<()> {
        if !request.verb.is_mutation() {
            return Ok(());
        }
        if self.is_sent.load(Ordering::SeqCst) && self.signal == "KILL" {
            return pending().await;
        }
        let number = self.seen.fetch_add(1, Ordering::SeqCst) + 1;
        if number == self.at && !self.after {
            return self.signal_self().await;
        }
        Ok(())
    }

    // Requests run side by side, so the one that ends first after the k-th was begun counts as the k-th.
    async fn after(&self, request: &Request) -> object_store::Result<()> {
        if self.after
            && request.verb.is_mutation()
            && self.seen.load(Ordering::SeqCst) >= self.at
            && !self.is_sent.load(Ordering::SeqCst)
        {
            return self.signal_self().await;
        }
        Ok(())
    }
}

fn text(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            drop(writeln!(std::io::stderr(), "{error}"));
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [verb, root, operation, digest] = arguments.as_slice() else {
        return Err(USAGE.into());
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_stack_size(STACK_BYTES)
        .enable_all()
        .build()?;
    match verb.as_str() {
        "apply" => runtime.block_on(apply(root, operation, digest)),
        "approve" => runtime.block_on(approve(root, operation, digest)),
        "converge" => runtime.block_on(converge(root, operation, digest)),
        "settle" => runtime.block_on(settle(root, operation, digest)),
        _ => Err(USAGE.into()),
    }
}

async fn open(root: &str, log: RequestLog) -> Result<Root, Failure> {
    let options = RootOptions {
        relocated_from: text("RELOCATED_FROM"),
        min_age: Duration::ZERO,
        durability: if text("RELAXED").is_some() {
            Durability::Relaxed
        } else {
            Durability::Synced
        },
        log,
        ..RootOptions::default()
    };
    Ok(Box::pin(Root::open(root, options)).await?)
}

/// Applies, and prints one line: the outcome, what became of the sidecar, and how many requests could change something.
async fn apply(root: &str, operation: &str, digest: &str) -> Result<(), Failure> {
    let mut log = RequestLog::new();
    if let Some(switch) = Switch::from_environment()? {
        log = log.with_gate(Arc::new(switch));
    }
    let root = open(root, log.clone()).await?;
    let (operation, digest) = (operation.parse()?, digest.parse()?);
    let progress = ProgressSink::default();
    let report = Box::pin(service::apply(&root, &operation, digest, &progress)).await?;
    // An undo and a release have no sidecar file that could be left.
    let retired = matches!(report.sidecar, SidecarFate::Retired | SidecarFate::NoFile);
    writeln!(
        std::io::stdout(),
        "{} {} {}",
        report.outcome.name(),
        if retired { "retired" } else { "kept" },
        log.mutations()
    )?;
    Ok(())
}

/// Approves, and says so once it is done.
async fn approve(root: &str, operation: &str, digest: &str) -> Result<(), Failure> {
    let root = open(root, RequestLog::new()).await?;
    let (operation, digest) = (operation.parse()?, digest.parse()?);
    let approver = Approver {
        name: "grace".to_owned(),
        reason: Some("the writer died".to_owned()),
        writers_stopped: true,
        ..Approver::default()
    };
    let approved = service::approve(&root, &operation, digest, approver, clock::now());
    match Box::pin(approved).await? {
        Answer::Done(_) => Ok(writeln!(std::io::stdout(), "approved")?),
        Answer::No(refusal) => Err(format!("not approved: {refusal:?}").into()),
    }
}

/// Says what there is; applies, whatever it is that is applied; and says what there is then.
async fn settle(root: &str, operation: &str, digest: &str) -> Result<(), Failure> {
    let opened = open(root, RequestLog::new()).await?;
    let (operation, digest) = (operation.parse::<OperationId>()?, digest.parse()?);
    writeln!(std::io::stdout(), "{}", world(&opened, &operation).await?)?;
    let progress = ProgressSink::default();
    Box::pin(service::apply(&opened, &operation, digest, &progress)).await?;
    writeln!(std::io::stdout(), "{}", world(&opened, &operation).await?)?;
    Ok(())
}

/// Says what there is, if the sidecar is gone; applies; and says what there is then. A world per line.
async fn converge(root: &str, operation: &str, digest: &str) -> Result<(), Failure> {
    let opened = open(root, RequestLog::new()).await?;
    let (operation, digest) = (operation.parse::<OperationId>()?, digest.parse()?);
    let sidecar = Path::new(root)
        .join("__recovery")
        .join(operation.file_name());
    if !sidecar.exists() {
        writeln!(std::io::stdout(), "{}", world(&opened, &operation).await?)?;
    }
    let progress = ProgressSink::default();
    let report = Box::pin(service::apply(&opened, &operation, digest, &progress)).await?;
    if sidecar.exists() {
        return Err(format!("the sidecar is still there: {report:?}").into());
    }
    writeln!(std::io::stdout(), "{}", world(&opened, &operation).await?)?;
    Ok(())
}

/// What readers and auditors see: how the operation ended by its journal, and of every table its pin, its HEAD and its rows.
async fn world(root: &Root, operation: &OperationId) -> Result<serde_json::Value, Failure> {
    let audit = service::audit(root, Some(operation), true).await?;
    let [audited] = audit.operations.as_slice() else {
        return Err("the operation has no journal".into());
    };
    if audited.verified != Some(true) {
        return Err(format!("the journal does not hold: {:?}", audited.problem).into());
    }
    let CatalogReading::Present(catalog) = root.lance().catalog(None).await? else {
        return Err("no catalog".into());
    };
    let mut tables = serde_json::Map::new();
    for (table_key, pin) in &catalog.pins {
        let location = TableLocation::on(&catalog.locations[table_key], None);
        let Head::At { version } = root.lance().head(&location).await? else {
            return Err(format!("{table_key} has no HEAD").into());
        };
        let mut rows = root
            .lance()
            .read_rows(&location, pin.version, ROWS_MAX)
            .await?;
        rows.sort();
        let rows: Vec<String> = rows.iter().map(|row| format!("{row:?}")).collect();
        tables.insert(table_key.clone(), json!([pin.version, version, rows]));
    }
    Ok(json!({"outcome": audited.outcome.map(OutcomeKind::name), "tables": tables}))
}
