//! Planted bugs: for every invariant something broken that its checker has to see. A checker that sees nothing is none.

mod flaw;
mod imitation;

use std::collections::BTreeSet;
use std::sync::Arc;

use sidecar::{Digest, Tag};

use super::evidence::Evidence;
use super::faults::Fault;
use super::invariants::{self, violations};
use super::script::{Acting, Driver, Looked, Looker, Script, look, product};
use super::world::{Ending, World};
use crate::support::place;
use flaw::Flaw;
use imitation::imitate;

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
        Flaw::HalfPublish => (Ending::Forward, 3),
        _ => (Ending::Back, 1),
    };
    Planted {
        bug,
        world,
        script: Script::driven(driver),
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
    let done = &world.clean().unwrap().last().done;
    let at = done
        .iter()
        .position(|request| is_it(&request.path))
        .unwrap()
        + 1;
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
        operation: acting.operation.clone(),
        digest: None,
        told: acting.told.clone(),
    })
    .await
}

fn bugs(back: &World) -> Vec<Planted> {
    let mut bugs = vec![
        flawed("removes an old version", Flaw::CleansUp, &[1]),
        flawed("commits what nobody planned", Flaw::TidiesUp, &[2, 4, 12]),
        flawed(
            "publishes half of a write",
            Flaw::HalfPublish,
            &[3, 4, 12, 16],
        ),
        flawed(
            "records what it did not do",
            Flaw::RecordsWithoutEffects,
            &[4, 12, 16, 20],
        ),
        flawed(
            "takes an approval of the operation for one of the plan",
            Flaw::ApprovedById,
            &[5, 16],
        ),
        flawed(
            "restores on whatever HEAD is",
            Flaw::UnfencedRestore,
            &[6, 13],
        ),
        flawed(
            "goes on after a conflict",
            Flaw::GoesOnAfterConflict,
            &[7, 2, 8, 9, 12],
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
            "does not keep the sidecar's bytes",
            Flaw::ForgetsSidecar,
            &[9, 10, 12],
        ),
        flawed("overwrites a record", Flaw::Overwrites, &[10, 12]),
        flawed("restores twice", Flaw::RestoresTwice, &[20, 4, 6, 12]),
        flawed(
            "neither looks at nor keeps the target",
            Flaw::NeverLooks,
            &[20, 22],
        ),
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
            &[20],
        ),
    ];
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
                    let path = format!("__recovery_log/{}/closed.json", acting.operation);
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
        &[17],
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
        "reads the catalog once",
        Arc::new(|acting| {
            Box::pin(async move {
                let room = acting.opened.root.room();
                room.catalog(None).await.unwrap();
                for table in ["node:T0", "node:T1"] {
                    room.head(&place(table)).await.unwrap();
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
    let (back, forward) = (
        World::new(Ending::Back, 1).await,
        World::new(Ending::Forward, 3).await,
    );
    let mut caught = BTreeSet::new();
    let mut wrong = Vec::new();
    for planted in bugs(&back) {
        let world = match planted.world.0 {
            Ending::Forward => &forward,
            _ => &back,
        };
        let evidence = Evidence::of(world, planted.script).await;
        let found = violations(world, &evidence);
        let broken: BTreeSet<usize> = found.iter().map(|(number, _)| *number).collect();
        let expected: BTreeSet<usize> = planted.breaks.iter().copied().collect();
        if broken != expected {
            wrong.push(format!(
                "{}: {broken:?} instead of {expected:?}: {found:?}",
                planted.bug
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
    let planted = flawed("nothing", Flaw::None, &[]);
    let world = World::new(planted.world.0, planted.world.1).await;
    let evidence = Evidence::of(&world, planted.script).await;
    let found = violations(&world, &evidence);
    assert!(found.is_empty(), "{found:#?}");
}
