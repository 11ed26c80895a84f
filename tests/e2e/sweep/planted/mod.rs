//! Planted bugs: for every invariant something broken that its checker has to see. A checker that sees nothing is none.

mod flaw;
mod imitation;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use object_store::ObjectStoreExt;
use root_objects::store::Request;
use sidecar::{Digest, Tag, recovery_tag};

use super::evidence::Evidence;
use super::faults::Fault;
use super::invariants::{self, version_path, violations};
use super::script::{Acting, Driver, Looked, Looker, Script, look, product};
use super::wants::tag_file;
use super::world::{Ending, GARBAGE, World, Writer};
use crate::support::place;
use flaw::Flaw;
use imitation::imitate;

/// More requests than a look may send.
const LOOKS_TOO_MANY: usize = 1_000;

/// Something broken, and the numbers of the invariants it breaks.
struct Planted {
    bug: &'static str,
    world: (Ending, usize),
    script: Script,
    breaks: &'static [usize],
}

fn flawed(bug: &'static str, flaw: Flaw, breaks: &'static [usize]) -> Planted {
    let driver: Driver = Arc::new(move |acting| Box::pin(imitate(acting, flaw)));
    let world = match flaw {
        Flaw::HalfPublish | Flaw::RestoresUnasked => (Ending::Forward, 3),
        Flaw::AnnouncesLate | Flaw::NeverAnnounces | Flaw::PublishesUndone => (Ending::UndoBack, 1),
        Flaw::ForgetsTag | Flaw::DropsForeignTag => (Ending::Release, 1),
        _ => (Ending::Back, 1),
    };
    Planted {
        bug,
        world,
        script: Script::driven(driver),
        breaks,
    }
}

/// Which of the mutating requests is the first to such a path, counted from 1.
fn position(sent: &[Request], is_it: impl Fn(&str) -> bool) -> usize {
    let mut mutating = sent.iter().filter(|request| request.verb.is_mutation());
    mutating.position(|request| is_it(&request.path)).unwrap() + 1
}

/// A flaw that shows when its executor is struck, where it sends such a request first.
async fn flawed_and_struck(
    bug: &'static str,
    flaw: Flaw,
    (fault, writer): (Fault, Option<Writer>),
    back: &World,
    is_it: impl Fn(&str) -> bool,
    breaks: &'static [usize],
) -> Planted {
    let imitated = |flaw| -> Driver { Arc::new(move |acting| Box::pin(imitate(acting, flaw))) };
    let calm = Evidence::of(back, Script::driven(imitated(flaw))).await;
    let strike = (fault, position(&calm.runs[0].sent, is_it), writer);
    Planted {
        bug,
        world: (Ending::Back, 1),
        script: Script::struck_and_driven(imitated(flaw), strike),
        breaks,
    }
}

fn driven(bug: &'static str, driver: Driver, breaks: &'static [usize]) -> Planted {
    Planted {
        bug,
        world: (Ending::Back, 1),
        script: Script::driven(driver),
        breaks,
    }
}

fn looked(bug: &'static str, looker: Looker, breaks: &'static [usize]) -> Planted {
    let script = Script {
        looker: Some(looker),
        ..Script::clean()
    };
    Planted {
        bug,
        world: (Ending::Back, 1),
        script,
        breaks,
    }
}

/// A store that acknowledges the first write to such a path in a clean run and does not carry it out.
fn lost(
    bug: &'static str,
    world: &World,
    is_it: fn(&str) -> bool,
    breaks: &'static [usize],
) -> Planted {
    let at = position(&world.clean().unwrap().last().sent, is_it);
    Planted {
        bug,
        world: (Ending::Back, 1),
        script: Script::struck(&[(Fault::WriteLost, at, None)]),
        breaks,
    }
}

async fn put(acting: &Acting, path: &str) {
    let objects = acting.opened.root.objects();
    let bytes = b"{}".to_vec().into();
    objects
        .put_opts(&path.into(), bytes, Default::default())
        .await
        .unwrap();
}

/// Looks with a root of its own, so that only what else is asked shows.
async fn aside(acting: &Acting) -> Looked {
    let opened = acting.store.open().await;
    look(Acting {
        opened,
        store: acting.store.clone(),
        subject: acting.subject.clone(),
        digest: None,
        told: acting.told.clone(),
    })
    .await
}

async fn bugs(back: &World) -> Vec<Planted> {
    let mut bugs = vec![
        flawed("removes an old version", Flaw::CleansUp, &[1, 4]),
        flawed(
            "commits what nobody planned",
            Flaw::TidiesUp,
            &[2, 4, 9, 12],
        ),
        flawed(
            "publishes half of a write",
            Flaw::HalfPublish,
            // Here and below, 10 and 16: whoever applies again finds the terminal record untrue, and the operation is opened again.
            &[3, 4, 9, 10, 12, 16],
        ),
        flawed(
            "records what it did not do",
            Flaw::RecordsWithoutEffects,
            &[8, 9, 10, 16],
        ),
        flawed(
            "takes an approval of the operation for one of the plan",
            Flaw::ApprovedById,
            &[5, 4, 8, 10, 16],
        ),
        flawed(
            "restores on whatever HEAD is",
            Flaw::UnfencedRestore,
            &[6, 10, 13, 16],
        ),
        flawed(
            "goes on after a conflict",
            Flaw::GoesOnAfterConflict,
            &[7, 2, 3, 4, 8, 9, 12],
        ),
        flawed(
            "restores without the fence of the catalog",
            Flaw::NoFence,
            &[8],
        ),
        flawed(
            "deletes the sidecar before the terminal record",
            Flaw::DeletesFirst,
            &[8, 9],
        ),
        flawed(
            "says that the sidecar is retired, and leaves it",
            Flaw::LeavesSidecar,
            &[16, 8],
        ),
        flawed(
            "does not keep the sidecar's bytes",
            Flaw::ForgetsSidecar,
            &[9, 10, 12],
        ),
        flawed("overwrites a record", Flaw::Overwrites, &[10, 12]),
        flawed("restores twice", Flaw::RestoresTwice, &[20, 4, 6, 9, 12]),
        flawed(
            "neither looks at nor keeps the target",
            Flaw::NeverLooks,
            &[22, 4, 12, 20],
        ),
        flawed(
            "restores what is only to be published",
            Flaw::RestoresUnasked,
            &[2, 4, 8, 9, 12],
        ),
        flawed(
            "announces what an undo brings back when it is back",
            Flaw::AnnouncesLate,
            &[8],
        ),
        flawed("announces nothing", Flaw::NeverAnnounces, &[4, 8, 9, 12]),
        flawed(
            "publishes what an undone roll back brought back",
            Flaw::PublishesUndone,
            &[3, 4, 6, 12],
        ),
        flawed("forgets to drop a tag", Flaw::ForgetsTag, &[8, 10, 16]),
        flawed(
            "drops a tag that somebody set by hand",
            Flaw::DropsForeignTag,
            &[1, 4, 12],
        ),
        Planted {
            world: (Ending::UndoForward, 2),
            ..flawed(
                "publishes half of an undo",
                Flaw::HalfPublish,
                &[3, 4, 9, 10, 12, 16],
            )
        },
        Planted {
            world: (Ending::Dismissal, 1),
            ..flawed(
                "deletes a file before the record that keeps it",
                Flaw::DeletesFirst,
                &[8, 9],
            )
        },
        lost(
            "a store that loses the terminal record",
            back,
            |path| path.ends_with("/000011.json"),
            &[8, 9, 16],
        ),
        lost(
            "a store that loses a tag",
            back,
            |path| path.contains("/_refs/tags/"),
            &[20, 4, 12],
        ),
    ];
    let restore = |path: &str| path.starts_with("tables/node_T0/_versions/");
    let last = back.before.catalog.keys().last().unwrap();
    let publish = version_path("__manifest", last + 2);
    bugs.extend([
        flawed_and_struck(
            "does again what its journal says is done",
            Flaw::ForgetsJournal,
            (Fault::CrashAfter, None),
            back,
            restore,
            &[20, 4, 6, 8, 9, 12],
        )
        .await,
        flawed_and_struck(
            "ends what another process began, and nothing moved",
            Flaw::EndsForeignAttempt,
            (Fault::CrashAfter, None),
            back,
            |path| path.ends_with("/000003.json"),
            &[16],
        )
        .await,
        flawed_and_struck(
            "takes its own record for another's",
            Flaw::GivesWayToItself,
            (Fault::ConflictAfterSuccess, None),
            back,
            |path| path.ends_with("/000007.json"),
            &[12],
        )
        .await,
        flawed_and_struck(
            "publishes on whatever is last",
            Flaw::PublishesOnLast,
            (Fault::Nothing, Some(Writer::Other)),
            back,
            |path| path.ends_with("/000011.json"),
            &[6],
        )
        .await,
        flawed_and_struck(
            "publishes before it says so",
            Flaw::PublishesUnsaid,
            (Fault::CrashAfter, None),
            back,
            |path| path == publish,
            &[6, 12, 16],
        )
        .await,
    ]);
    bugs.push(driven(
        "writes outside",
        Arc::new(|acting| {
            Box::pin(async move {
                put(&acting, "elsewhere/note.json").await;
                product(acting).await
            })
        }),
        &[14],
    ));
    bugs.push(Planted {
        bug: "a second execution removes what the first one made",
        world: (Ending::Back, 1),
        script: Script {
            strikes: vec![(Fault::Nothing, 1, None)],
            ..Script::driven(Arc::new(|acting| {
                Box::pin(async move {
                    let tag = recovery_tag(&acting.subject.of, None, 1);
                    let tag = acting.store.path().join(tag_file("node:T0", &tag));
                    std::fs::remove_file(tag).ok();
                    product(acting).await
                })
            }))
        },
        breaks: &[1, 4, 12, 20],
    });
    bugs.push(driven(
        "deletes what a forged journal names",
        Arc::new(|acting| {
            Box::pin(async move {
                let objects = acting.opened.root.objects();
                objects.delete(&GARBAGE.into()).await.ok();
                product(acting).await
            })
        }),
        &[14, 19, 4, 12],
    ));
    bugs.push(driven(
        "writes through a link to elsewhere",
        Arc::new(|acting| {
            Box::pin(async move {
                std::fs::write(acting.store.beside().join("note.json"), b"{}").unwrap();
                product(acting).await
            })
        }),
        &[14],
    ));
    bugs.push(Planted {
        bug: "never answers",
        world: (Ending::Back, 1),
        script: Script {
            time_max: Duration::from_secs(1),
            ..Script::driven(Arc::new(|_| Box::pin(std::future::pending())))
        },
        breaks: &[15],
    });
    bugs.push(driven(
        "panics",
        Arc::new(|_| Box::pin(async { panic!("a planted panic") })),
        &[15],
    ));
    let report = back.clean().unwrap().last().report.clone();
    bugs.push(driven(
        "says done and did nothing",
        Arc::new(move |_| {
            let report = report.clone();
            Box::pin(async move { report })
        }),
        &[16],
    ));
    bugs.push(Planted {
        bug: "writes on a finished plan",
        world: (Ending::Back, 1),
        script: Script {
            last: Arc::new(|acting| {
                Box::pin(async move {
                    let path = format!("__recovery_log/{}/closed.json", acting.subject.operation);
                    put(&acting, &path).await;
                    product(acting).await
                })
            }),
            ..Script::clean()
        },
        breaks: &[11],
    });
    bugs.push(looked(
        "looking leaves a note",
        Arc::new(|acting| {
            Box::pin(async move {
                put(&acting, "__recovery_log/seen.json").await;
                look(acting).await
            })
        }),
        &[17, 14],
    ));
    bugs.push(looked(
        "a digest with something else in it",
        Arc::new(|acting| {
            Box::pin(async move {
                let looked = look(acting).await;
                let text = looked.digests[0].to_string();
                let salted = Digest::of(Tag::Sidecar, text.as_bytes());
                Looked {
                    digests: [looked.digests[0], salted],
                    ..looked
                }
            })
        }),
        &[18],
    ));
    bugs.push(looked(
        "a bad file hides all others",
        Arc::new(|acting| {
            Box::pin(async move {
                let mut looked = look(acting).await;
                looked.list.recoveries.clear();
                looked
            })
        }),
        &[19],
    ));
    bugs.push(looked(
        "an odd name hides one other",
        Arc::new(|acting| {
            Box::pin(async move {
                let hidden = acting.subject.of.file_name();
                let mut looked = look(acting).await;
                looked.list.recoveries.retain(|entry| entry.file != hidden);
                looked
            })
        }),
        &[19],
    ));
    bugs.push(looked(
        "one odd name under the journals fails the whole look",
        Arc::new(|_| Box::pin(async { panic!("a name that is no text") })),
        &[15, 21],
    ));
    bugs.push(looked(
        "reads again and again what is finished",
        Arc::new(|acting| {
            Box::pin(async move {
                let folder = format!("__recovery_log/{}", acting.subject.of).into();
                for _ in 0..LOOKS_TOO_MANY {
                    let objects = acting.opened.root.objects();
                    objects.list_with_delimiter(Some(&folder)).await.unwrap();
                }
                look(acting).await
            })
        }),
        &[15],
    ));
    bugs.push(looked(
        "reads the catalog once",
        Arc::new(|acting| {
            Box::pin(async move {
                let lance = acting.opened.root.lance();
                lance.catalog(None).await.unwrap();
                for table in ["node:T0", "node:T1"] {
                    lance.head(&place(table)).await.unwrap();
                }
                aside(&acting).await
            })
        }),
        &[21],
    ));
    bugs
}

#[tokio::test(flavor = "multi_thread")]
async fn every_planted_bug_is_caught_by_the_invariant_it_breaks() {
    let mut worlds = Vec::new();
    for (ending, drifted) in [
        (Ending::Back, 1),
        (Ending::Forward, 3),
        (Ending::UndoForward, 2),
        (Ending::UndoBack, 1),
        (Ending::Release, 1),
        (Ending::Dismissal, 1),
    ] {
        worlds.push(World::new(ending, drifted).await);
    }
    let mut caught = BTreeSet::new();
    let mut wrong = Vec::new();
    for planted in bugs(&worlds[0]).await {
        let world = worlds
            .iter()
            .find(|world| (world.ending, world.drifted) == planted.world)
            .unwrap();
        let evidence = Evidence::of(world, planted.script).await;
        let found = violations(world, &evidence);
        let broken: BTreeSet<usize> = found.iter().map(|(number, _)| *number).collect();
        let expected: BTreeSet<usize> = planted.breaks.iter().copied().collect();
        if broken != expected || !evidence.missed.is_empty() {
            wrong.push(format!(
                "{}: {broken:?} instead of {expected:?}, {:?} missed: {found:#?}",
                planted.bug, evidence.missed
            ));
        }
        caught.extend(broken);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let all: BTreeSet<usize> = (1..=invariants::ALL.len()).collect();
    assert_eq!(caught, all, "an invariant without a planted bug");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_imitation_without_a_flaw_breaks_nothing() {
    let calm = |world, drifted| Planted {
        world: (world, drifted),
        ..flawed("nothing", Flaw::None, &[])
    };
    let mut all = vec![
        calm(Ending::Forward, 3),
        calm(Ending::UndoBack, 1),
        calm(Ending::Release, 1),
        calm(Ending::Dismissal, 1),
    ];
    let back = World::new(Ending::Back, 1).await;
    for (fault, is_it) in [
        (Fault::Nothing, "tables/node_T0/_versions/"),
        (Fault::CrashAfter, "tables/node_T0/_versions/"),
        (Fault::ConflictAfterSuccess, "/000007.json"),
    ] {
        let is_it = |path: &str| path.contains(is_it);
        all.push(flawed_and_struck("nothing", Flaw::None, (fault, None), &back, is_it, &[]).await);
    }
    for planted in all {
        let world = World::new(planted.world.0, planted.world.1).await;
        let evidence = Evidence::of(&world, planted.script).await;
        let found = violations(&world, &evidence);
        assert!(found.is_empty(), "{}: {found:#?}", world.name());
        assert!(evidence.missed.is_empty(), "{:?}", evidence.missed);
    }
}
