//! An executor made of the product's public pieces that does what the product does, but for one planted flaw.

use fenced_lance::{
    CATALOG_PATH, CatalogReading, CommitOutcome, EffectIdentity, FenceRequest, Head,
    PublishRequest, RestoreRequest, TableLocation, TransactionEntry,
};
use object_store::PutMode;
use root_objects::clock;
use root_objects::journal_store::{Appended, Journal, publish_claim};
use root_objects::sidecar_dir::{create_sidecar, delete_sidecar};
use sidecar::journal::{Attempt, JournalEntry, StepResult};
use sidecar::{
    ApplyReport, Digest, Effect, EffectOn, Limits, OutcomeKind, PinMove, Plan, PlanBytes,
    SidecarBytes, SidecarFate, Step, TableOutcome, Tag,
};

use super::super::invariants::version_path;
use super::super::script::{Acting, product};
use super::super::world::{BY_HAND, raw};
use super::flaw::Flaw;
use crate::support::{place, rows};

struct Imitation {
    acting: Acting,
    flaw: Flaw,
    journal: Journal,
    epoch: u64,
    plan: Plan,
    identity: EffectIdentity,
}

pub async fn imitate(acting: Acting, flaw: Flaw) -> Result<ApplyReport, String> {
    let root = acting.opened.root.clone();
    let digest = acting.digest.ok_or("no digest")?;
    if flaw != Flaw::NeverLooks {
        acting.subject.report(&acting.opened).await?;
    }
    let journal = Journal::load(root.objects(), &acting.subject.operation, &Limits::DEFAULT)
        .await
        .map_err(|error| error.to_string())?;
    if journal.state.finished().is_some() {
        return product(acting).await;
    }
    let text = journal.state.approvals()[0].1.clone();
    let plan = PlanBytes::verify(text.clone(), digest)
        .unwrap()
        .decode()
        .unwrap();
    let named = match flaw {
        Flaw::ApprovedById => Digest::of(Tag::Sidecar, b"another plan"),
        _ => digest,
    };
    let sidecar = SidecarBytes::new(acting.subject.stands.clone());
    let mut imitation = Imitation {
        identity: EffectIdentity {
            operation_id: acting.subject.operation.to_string(),
            plan_digest: named.to_string(),
        },
        acting,
        flaw,
        epoch: journal.state.next_epoch(),
        journal,
        plan,
    };
    if flaw == Flaw::EndsForeignAttempt
        && let Some(attempt) = imitation.journal.state.attempt()
    {
        let interrupted = JournalEntry::Interrupted {
            epoch: attempt.epoch,
            detail: "it was begun at another root".to_owned(),
            differences: Vec::new(),
            ended_by: None,
        };
        imitation.record(interrupted).await?;
        return Ok(conflict(&imitation.acting, digest));
    }
    let claim = JournalEntry::Claimed {
        epoch: imitation.epoch,
        executor: "an imitation".to_owned(),
        plan_digest: digest,
        plan: text.to_string(),
        sidecar: sidecar.clone(),
    };
    imitation.record(claim).await?;
    publish_claim(root.objects(), &imitation.acting.subject.operation)
        .await
        .map_err(|error| error.to_string())?;
    imitation.do_steps().await?;
    imitation.end(sidecar).await?;
    if flaw == Flaw::GoesOnAfterConflict {
        return Ok(conflict(&imitation.acting, digest));
    }
    if flaw == Flaw::LeavesSidecar {
        return Ok(retired(&imitation));
    }
    // The product, which finds the terminal record, tells what it came to.
    product(imitation.acting).await
}

fn concerns_catalog(step: &Step) -> bool {
    matches!(step, Step::FenceCatalog { .. } | Step::Publish { .. })
}

fn conflict(acting: &Acting, digest: Digest) -> ApplyReport {
    let unknown = EffectOn {
        effect: Effect::Unknown,
    };
    ApplyReport {
        operation_id: acting.subject.operation.clone(),
        digest,
        outcome: OutcomeKind::Conflict,
        extent: None,
        tables: Vec::new(),
        catalog: unknown,
        audit: unknown,
        sidecar: SidecarFate::Unknown,
        undone_by: Vec::new(),
        differences: Vec::new(),
        detail: "something moved".to_owned(),
    }
}

/// Says that all is done and the sidecar gone.
fn retired(imitation: &Imitation) -> ApplyReport {
    let changed = EffectOn {
        effect: Effect::Changed,
    };
    let finished = imitation.journal.state.finished().unwrap();
    ApplyReport {
        outcome: finished.outcome,
        tables: finished.tables.clone(),
        catalog: changed,
        audit: changed,
        sidecar: SidecarFate::Retired,
        detail: "all is done".to_owned(),
        ..conflict(&imitation.acting, finished.digest)
    }
}

impl Imitation {
    async fn record(&mut self, entry: JournalEntry) -> Result<(), String> {
        let objects = self.acting.opened.root.objects();
        if self.flaw == Flaw::GivesWayToItself {
            let state = &self.journal.state;
            let record = state.next_record(clock::now(), entry.clone());
            let operation = &self.acting.subject.operation;
            let path = format!("__recovery_log/{operation}/{:06}.json", record.sequence).into();
            let bytes = record.to_bytes()?;
            let put = objects.put_opts(&path, bytes.clone().into(), PutMode::Create.into());
            put.await.map_err(|error| error.to_string())?;
            self.journal.state = state.clone().append(&bytes).unwrap();
            self.journal.stored.push(bytes);
            return Ok(());
        }
        let appended = self
            .journal
            .clone()
            .append(objects, clock::now(), entry)
            .await
            .map_err(|error| error.to_string())?;
        let Appended::Done(journal) = appended else {
            return Err("the record is taken".to_owned());
        };
        self.journal = *journal;
        Ok(())
    }

    fn attempt(&self) -> &Attempt {
        self.journal.state.attempt().unwrap()
    }

    async fn catalog_version(&self) -> u64 {
        let lance = self.acting.opened.root.lance();
        let CatalogReading::Present(catalog) = lance.catalog(None).await.unwrap() else {
            panic!("no catalog")
        };
        catalog.version
    }

    async fn do_steps(&mut self) -> Result<(), String> {
        let steps = self.plan.steps.clone();
        for (index, step) in steps.iter().enumerate() {
            if matches!(step, Step::Record { .. } | Step::Retire { .. }) {
                continue;
            }
            if self.attempt().done.contains_key(&index) {
                if self.flaw == Flaw::ForgetsJournal {
                    let version = self.catalog_version().await;
                    self.do_step(step, Some(version)).await?;
                }
                continue;
            }
            // An effect that was begun before is looked for where it was intended.
            let begun = self.attempt().started.get(&index).copied().flatten();
            let catalog_version = match begun {
                None if concerns_catalog(step) => Some(self.catalog_version().await),
                begun => begun,
            };
            let is_unsaid =
                self.flaw == Flaw::PublishesUnsaid && matches!(step, Step::Publish { .. });
            if is_unsaid {
                self.do_step(step, catalog_version).await?;
            }
            self.record(JournalEntry::StepsStarted {
                epoch: self.epoch,
                steps: vec![index],
                catalog_version,
            })
            .await?;
            let version = match self.flaw {
                Flaw::RecordsWithoutEffects => Some(1),
                _ => self.do_step(step, catalog_version).await?,
            };
            self.record(JournalEntry::StepsFinished {
                epoch: self.epoch,
                results: vec![StepResult {
                    step: index,
                    version,
                    already_done: false,
                }],
            })
            .await?;
        }
        match self.flaw {
            Flaw::AnnouncesLate => {
                let mut steps = steps.iter();
                let announce = steps.find(|step| matches!(step, Step::Announce { .. }));
                let Some(Step::Announce { file, sidecar, .. }) = announce else {
                    panic!("nothing to announce")
                };
                let objects = self.acting.opened.root.objects();
                create_sidecar(objects, file, sidecar.as_bytes())
                    .await
                    .unwrap();
            }
            Flaw::PublishesUndone => {
                let pins = self.plan.tables.iter().filter_map(|table| {
                    Some(PinMove {
                        table_key: table.table_key.clone(),
                        branch: None,
                        from_version: table.manifest_pinned?,
                        to_version: table.restore_to.and(table.head_after())?,
                    })
                });
                let pins: Vec<PinMove> = pins.collect();
                let version = self.catalog_version().await;
                let published = self.publish(&pins, version).await?;
                assert!(matches!(published, CommitOutcome::Committed { .. }));
            }
            Flaw::RestoresUnasked => {
                self.restore("node:T0", 1).await?;
            }
            _ => {}
        }
        Ok(())
    }

    async fn do_step(&mut self, step: &Step, catalog: Option<u64>) -> Result<Option<u64>, String> {
        let lance = self.acting.opened.root.lance().clone();
        let outcome = match step {
            Step::Tag {
                table_key,
                name,
                version,
                ..
            } => {
                if self.flaw != Flaw::NeverLooks {
                    let tagged = lance.tag(&place(table_key), name, *version).await;
                    tagged.map_err(|error| error.to_string())?;
                }
                return Ok(Some(*version));
            }
            Step::Untag {
                table_key,
                name,
                version,
                ..
            } => {
                let name = match self.flaw {
                    Flaw::ForgetsTag if *version == 1 => return Ok(Some(*version)),
                    Flaw::DropsForeignTag if *version == 1 => {
                        lance.untag(&place(table_key), BY_HAND).await.unwrap();
                        name
                    }
                    _ => name,
                };
                let untagged = lance.untag(&place(table_key), name).await;
                untagged.map_err(|error| error.to_string())?;
                return Ok(Some(*version));
            }
            Step::Announce { file, sidecar, .. } => {
                if !matches!(self.flaw, Flaw::AnnouncesLate | Flaw::NeverAnnounces) {
                    let objects = self.acting.opened.root.objects();
                    let announced = create_sidecar(objects, file, sidecar.as_bytes()).await;
                    announced.map_err(|error| error.to_string())?;
                }
                return Ok(None);
            }
            // No store of the sweep is of version 9.
            Step::PrepareSidecar { .. } | Step::DropDataset { .. } => return Ok(None),
            Step::FenceCatalog { .. } if self.flaw == Flaw::NoFence => return Ok(catalog),
            Step::FenceCatalog { .. } => {
                let read_version = catalog.unwrap_or_default();
                let request = FenceRequest {
                    branch: None,
                    read_version,
                    read_transaction: self.transaction(CATALOG_PATH, read_version).await,
                    identity: self.identity.clone(),
                };
                lance
                    .fence_catalog(&request)
                    .await
                    .map_err(|error| error.to_string())?
            }
            Step::Restore {
                table_key, version, ..
            } => return self.restore(table_key, *version).await,
            Step::Publish { pins, .. } => {
                let published = match self.flaw {
                    Flaw::HalfPublish => &pins[..1],
                    _ => &pins[..],
                };
                let read_version = match self.flaw {
                    Flaw::PublishesOnLast => self.catalog_version().await,
                    _ => catalog.unwrap_or_default(),
                };
                self.publish(published, read_version).await?
            }
            Step::Record { .. }
            | Step::Retire { .. }
            | Step::PromoteSchema { .. }
            | Step::DiscardSchema { .. }
            | Step::GraphHistory { .. }
            | Step::UnlockSchema { .. } => return Ok(None),
        };
        match outcome {
            CommitOutcome::Committed { version } | CommitOutcome::AlreadyDone { version } => {
                Ok(Some(version))
            }
            other => Err(format!("{other:?}")),
        }
    }

    async fn publish(&self, pins: &[PinMove], read_version: u64) -> Result<CommitOutcome, String> {
        let updates = pins.iter().map(|pin| PinMove {
            table_key: pin.table_key.clone(),
            from_version: pin.from_version,
            to_version: pin.to_version,
            branch: None,
        });
        let request = PublishRequest {
            branch: None,
            read_version,
            updates: updates.collect(),
            registrations: Vec::new(),
            tombstones: Vec::new(),
            graph_commit: None,
            identity: self.identity.clone(),
            exact: None,
        };
        let lance = self.acting.opened.root.lance();
        lance
            .publish(&request)
            .await
            .map_err(|error| error.to_string())
    }

    async fn transaction(&self, path: &str, version: u64) -> String {
        let lance = self.acting.opened.root.lance();
        let entry = lance.transaction(&TableLocation::main(path), version).await;
        let TransactionEntry::Known(summary) = entry.unwrap() else {
            panic!("version {version} of {path} is gone")
        };
        summary.uuid
    }

    async fn restore(&mut self, table: &str, target: u64) -> Result<Option<u64>, String> {
        let mut tables = self.plan.tables.iter();
        let planned = tables
            .find(|planned| planned.table_key == table)
            .map(|planned| (planned.lance_head, planned.head_transaction.clone()));
        let Some((Some(planned_head), Some(planned_transaction))) = planned else {
            return Err(format!("{table} is not in the plan"));
        };
        let mut made = None;
        let times = if self.flaw == Flaw::RestoresTwice {
            2
        } else {
            1
        };
        if self.flaw == Flaw::UnfencedRestore {
            let told = raw(&self.acting.store, table).await;
            self.acting.told.lock().await.push(told);
        }
        let on_last = matches!(
            self.flaw,
            Flaw::UnfencedRestore | Flaw::RestoresTwice | Flaw::ForgetsJournal
        );
        for _ in 0..times {
            let lance = self.acting.opened.root.lance();
            let (head_version, head_transaction) = if on_last {
                let Head::At { version } = lance.head(&place(table)).await.unwrap() else {
                    panic!("no table")
                };
                (version, self.transaction(&place(table).path, version).await)
            } else {
                (planned_head, planned_transaction.clone())
            };
            let request = RestoreRequest {
                location: place(table),
                head_version,
                head_transaction,
                target,
                identity: self.identity.clone(),
            };
            match lance.restore(&request).await {
                Ok(
                    CommitOutcome::Committed { version } | CommitOutcome::AlreadyDone { version },
                ) => made = Some(version),
                other => return Err(format!("{other:?}")),
            }
        }
        Ok(made)
    }

    async fn end(&mut self, sidecar: SidecarBytes) -> Result<(), String> {
        let objects = self.acting.opened.root.objects().clone();
        let lance = self.acting.opened.root.lance().clone();
        let folder = format!("__recovery_log/{}", self.acting.subject.operation);
        let put = async |name: &str, bytes: Vec<u8>| {
            let path = format!("{folder}/{name}").into();
            objects
                .put_opts(&path, bytes.into(), Default::default())
                .await
                .unwrap();
        };
        match self.flaw {
            Flaw::TidiesUp => {
                let table = self.plan.tables.last().unwrap().table_key.clone();
                lance
                    .set_config(&place(&table), "tidy", "yes")
                    .await
                    .unwrap();
            }
            Flaw::CleansUp => {
                let first = version_path(&place("node:T0").path, 1);
                std::fs::remove_file(self.acting.store.path().join(first)).unwrap();
            }
            Flaw::DeletesFirst => {
                delete_sidecar(&objects, &self.plan.file).await.unwrap();
                return Err("it dies here".to_owned());
            }
            Flaw::GoesOnAfterConflict => {
                self.record(JournalEntry::Interrupted {
                    epoch: self.epoch,
                    detail: "something moved".to_owned(),
                    differences: Vec::new(),
                    ended_by: None,
                })
                .await?;
                lance
                    .append_rows(&place("node:T0"), &rows(0..1))
                    .await
                    .unwrap();
                delete_sidecar(&objects, &self.plan.file).await.unwrap();
                return Ok(());
            }
            Flaw::Overwrites => put("000004.json", b"{}".to_vec()).await,
            _ => {}
        }
        let kept = match self.flaw {
            Flaw::ForgetsSidecar => SidecarBytes::new(Vec::new()),
            _ => sidecar,
        };
        let outcome = |table: &sidecar::PlannedTable| {
            let effect = match table.publish_as.or(table.restore_to) {
                Some(_) => Effect::Changed,
                None => Effect::Unchanged,
            };
            TableOutcome::of(&self.plan, table, effect)
        };
        let tables = self.plan.tables.iter().map(outcome).collect();
        let mut done = self.attempt().done.keys();
        let has_committed = done.any(|step| concerns_catalog(&self.plan.steps[*step]));
        let finished = JournalEntry::Finished {
            epoch: self.epoch,
            outcome: self.plan.outcome().unwrap(),
            tables,
            catalog: if has_committed {
                Effect::Changed
            } else {
                Effect::Unchanged
            },
            sidecar: kept,
        };
        if self.flaw == Flaw::ForgetsSidecar {
            // The journal refuses such a record; somebody who does not ask it writes it all the same.
            let record = self.journal.state.next_record(clock::now(), finished);
            put(
                &format!("{:06}.json", record.sequence),
                record.to_bytes().unwrap(),
            )
            .await;
        } else {
            self.record(finished).await?;
        }
        if let Some(file) = self.plan.retires()
            && self.flaw != Flaw::LeavesSidecar
        {
            let deleted = delete_sidecar(&objects, file).await;
            deleted.map_err(|error| error.to_string())?;
        }
        let closed = self.journal.close(&objects).await;
        closed.map_err(|error| error.to_string())
    }
}
