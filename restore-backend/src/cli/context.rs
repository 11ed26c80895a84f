//! The context of every subcommand: the global options, the way to the terminal, and the way to a root, which may not answer.

use serde::Serialize;
use sidecar::drain::DrainStep;
use sidecar::text::{scrubbed, shell_word};
use sidecar::{ApplyReport, Digest, OperationId};
use tokio::task::JoinError;

use super::arguments::Global;
use super::error::CliError;
use super::output::{note, print_text};
use super::page::{Page, printable_json};
use super::terminal::Layout;
use crate::error::ServiceError;
use crate::patience::{Patience, without_answers};
use crate::root::{MIN_AGE_DEFAULT, Root, RootError, RootOptions, usable_folder};
use crate::service::{self, Approver, DrainTurn, ProgressSink};
use root_objects::clock;

#[derive(Debug)]
pub(super) struct Context {
    json: bool,
    /// Where roots stood before, as it was typed.
    former_places: Vec<String>,
    options: RootOptions,
    patience: Patience,
    layout: Layout,
}

impl Context {
    pub(super) fn new(global: Global) -> Self {
        let Global {
            json,
            relocated_from,
            min_age,
        } = global;
        Self {
            json,
            options: RootOptions {
                relocated_from: relocated_from.first().cloned(),
                min_age,
                ..RootOptions::default()
            },
            former_places: relocated_from,
            patience: Patience::default(),
            layout: Layout::of_stdout(),
        }
    }

    /// A context that gives up early, for tests of storage that does not answer.
    #[cfg(test)]
    pub(super) fn impatient(options: RootOptions, patience: Patience) -> Self {
        Self {
            json: false,
            former_places: options.relocated_from.iter().cloned().collect(),
            options,
            patience,
            layout: Layout::default(),
        }
    }

    pub(super) fn json(&self) -> bool {
        self.json
    }

    pub(super) fn former_places(&self) -> &[String] {
        &self.former_places
    }

    /// A command over one root knows of one place where that stood before.
    pub(super) fn check_one_former_place(&self) -> Result<(), CliError> {
        if self.former_places.len() > 1 {
            return Err(CliError::Usage(
                "--relocated-from says where the root stood before; give it once".to_owned(),
            ));
        }
        Ok(())
    }

    /// The options that say which root this is, and what is executable there.
    fn root_options(&self) -> String {
        let mut options = String::new();
        if let Some(old_root) = &self.options.relocated_from {
            options.push_str(&format!(" --relocated-from {}", shell_word(old_root)));
        }
        if self.options.min_age != MIN_AGE_DEFAULT {
            let min_age = humantime::format_duration(self.options.min_age).to_string();
            options.push_str(&format!(
                " --min-age {}",
                shell_word(&min_age.replace(' ', ""))
            ));
        }
        options
    }

    /// A plan to look at next.
    pub(super) fn write_plan_command(
        &self,
        page: &mut Page,
        root: &str,
        operation: &str,
        rest: &str,
    ) {
        let options = self.root_options();
        page.line(&format!(
            "sidecar-inspector plan {} {operation}{options}{rest}",
            shell_word(root)
        ));
    }

    /// What follows from a finished recovery, to plan next.
    pub(super) fn write_follow_up_command(
        &self,
        page: &mut Page,
        command: &str,
        root: &str,
        of: &OperationId,
    ) {
        let options = self.root_options();
        page.line(&format!(
            "sidecar-inspector {command} {} {of}{options}",
            shell_word(root)
        ));
    }

    /// A command to type next, in lines that can be copied. A digest fills a line by itself. The options that say which root this
    /// is, and what is executable there, go with it.
    pub(super) fn write_command(
        &self,
        page: &mut Page,
        command: &str,
        root: &str,
        operation: &str,
        digest: Digest,
        rest: &str,
    ) {
        let mut options = self.root_options();
        options.push_str(rest);
        page.line(&format!(
            "sidecar-inspector {command} {} {operation} --digest \\",
            shell_word(root)
        ));
        page.line(&format!(
            "  {digest}{}",
            if options.is_empty() { "" } else { " \\" }
        ));
        if !options.is_empty() {
            page.line(&format!(" {options}"));
        }
    }

    /// Opens a root. A store without sidecars has nothing pending, but a folder that is not there is a mistake.
    pub(super) async fn open(&self, uri: &str) -> Result<Root, CliError> {
        self.open_moved(uri, self.options.relocated_from.clone())
            .await
    }

    /// As [`Self::open`], for a root that stood somewhere else when its sidecars were written.
    pub(super) async fn open_moved(
        &self,
        uri: &str,
        relocated_from: Option<String>,
    ) -> Result<Root, CliError> {
        self.opened(uri, |uri, options| async move {
            let options = RootOptions {
                relocated_from,
                ..options
            };
            Box::pin(Root::open(&uri, options)).await
        })
        .await
    }

    /// Opens a root for `doctor`, which may open one that does not say which root it is.
    pub(super) async fn open_to_examine(&self, uri: &str) -> Result<Root, CliError> {
        self.opened(uri, |uri, options| async move {
            Box::pin(Root::open_to_examine(&uri, options)).await
        })
        .await
    }

    async fn opened<F>(
        &self,
        uri: &str,
        open: impl FnOnce(String, RootOptions) -> F,
    ) -> Result<Root, CliError>
    where
        F: Future<Output = Result<Root, RootError>> + Send + 'static,
    {
        let open = open(uri.to_owned(), self.options.clone());
        let open = async move {
            let root = open.await?;
            if let Some(folder) = root.directory() {
                usable_folder(&folder).await?;
            }
            Ok(root)
        };
        let overdue = |seconds| CliError::Overdue {
            root: scrubbed(uri),
            seconds,
        };
        self.within(open, overdue).await?
    }

    /// Looks at a root, for as long as its storage answers. The console also bounds how many look at once; a command is alone.
    pub(super) async fn look<T, F>(
        &self,
        root: &Root,
        look: impl FnOnce(Root) -> F,
    ) -> Result<T, CliError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, ServiceError>> + Send + 'static,
    {
        let overdue = |seconds| CliError::Overdue {
            root: root.shown(),
            seconds,
        };
        Ok(self.within(look(root.clone()), overdue).await??)
    }

    /// As [`Self::look`], for a request that appends to a journal: if it is given up, its record may be written all the same.
    pub(super) async fn record<T, F>(
        &self,
        root: &Root,
        record: impl FnOnce(Root) -> F,
    ) -> Result<T, CliError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, ServiceError>> + Send + 'static,
    {
        let overdue = |seconds| CliError::RecordOverdue {
            root: root.shown(),
            seconds,
        };
        Ok(self.within(record(root.clone()), overdue).await??)
    }

    /// Carries a plan out. It may take any time as long as storage answers. If the root does not answer at all, the command fails
    /// before anything is begun.
    pub(super) async fn execute(
        &self,
        root: &Root,
        operation: OperationId,
        digest: Digest,
    ) -> Result<ApplyReport, CliError> {
        let of = operation.clone();
        self.look(root, async move |root| {
            Box::pin(answers(&root, &of)).await;
            Ok(())
        })
        .await?;
        let stuck = CliError::ExecutionStuck {
            root: root.shown(),
            operation_id: operation.clone(),
            seconds: self.patience.step.as_secs(),
        };
        let root = root.clone();
        let work = async move {
            Box::pin(service::apply(
                &root,
                &operation,
                digest,
                &ProgressSink::default(),
            ))
            .await
        };
        self.patiently(work, stuck).await
    }

    /// Approves and carries out the plan with this digest, as far as it is the current one: see [`service::drain_one`].
    pub(super) async fn drain_one(
        &self,
        root: &Root,
        digest: Digest,
        turn: DrainTurn,
        approver: Approver,
    ) -> Result<DrainStep, CliError> {
        let stuck = CliError::DrainStuck {
            root: root.shown(),
            digest,
            seconds: self.patience.step.as_secs(),
        };
        let root = root.clone();
        let work = async move {
            Box::pin(service::drain_one(
                &root,
                digest,
                &turn,
                approver,
                &ProgressSink::default(),
                clock::now(),
            ))
            .await
        };
        self.patiently(work, stuck).await
    }

    /// Waits for an execution for as long as storage answers at all.
    async fn patiently<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, ServiceError>> + Send + 'static,
        stuck: CliError,
    ) -> Result<T, CliError> {
        let mut work = tokio::spawn(work);
        tokio::select! {
            ended = &mut work => Ok(ended.unwrap_or_else(|failed| panicked(failed))?),
            () = without_answers(&self.options.log, self.patience.step) => {
                // This is like a crash at this point: every step that was begun is in the journal.
                work.abort();
                Err(stuck)
            }
        }
    }

    /// Waits for as long as storage answers.
    // The work runs as a task of its own: if its thread blocks in a system call, this one still sees that the time is up.
    async fn within<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
        overdue: impl FnOnce(u64) -> CliError,
    ) -> Result<T, CliError> {
        let patience = self.patience.look;
        tokio::select! {
            ended = tokio::spawn(work) => Ok(ended.unwrap_or_else(|failed| panicked(failed))),
            () = without_answers(&self.options.log, patience) => Err(overdue(patience.as_secs())),
        }
    }

    /// Prints the answer: the document with `--json`, else the page.
    pub(super) fn print<T: Serialize>(
        &self,
        document: &T,
        page: impl FnOnce(&mut Page),
    ) -> Result<(), CliError> {
        if self.json {
            return self.print_document(document);
        }
        self.print_page(page)
    }

    /// Prints a page, or a part of one.
    pub(super) fn print_page(&self, page: impl FnOnce(&mut Page)) -> Result<(), CliError> {
        let mut written = Page::new(self.layout);
        page(&mut written);
        print_text(written.text())
    }

    pub(super) fn print_document<T: Serialize>(&self, document: &T) -> Result<(), CliError> {
        let text = serde_json::to_string_pretty(document).map_err(CliError::Encode)?;
        print_text(&format!("{}\n", printable_json(&text)))
    }

    /// Writes to standard error: for the person at the terminal, and no part of the answer.
    pub(super) fn note(&self, text: &str) {
        note(text);
    }
}

/// Makes the reads that an execution begins with, to learn whether the root answers. The execution reads again, and decides.
async fn answers(root: &Root, operation: &OperationId) {
    match service::execution(root, operation).await {
        Err(error) if error.is_not_found() => {
            service::plan(root, operation.as_str(), clock::now())
                .await
                .ok();
        }
        _ => {}
    }
}

/// Passes a panic of a task on. The task was not aborted, so a panic is the only way it can fail.
fn panicked(failed: JoinError) -> ! {
    std::panic::resume_unwind(failed.into_panic())
}
