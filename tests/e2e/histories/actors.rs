//! Each of those who know of no sidecars alone, in every history that is about them and short enough to be written down.

use super::{Event, History, Tally, Way};
use crate::histories::model::{Damage, TABLES};
use crate::support::Store;

/// Every mutating request of an undo over two tables, and some that are never sent.
const REQUESTS: std::ops::Range<u64> = 1..24;

const TWO: u8 = 0b011;

fn write(steps: usize) -> Event {
    Event::Write { tables: TWO, steps }
}

fn recover() -> Event {
    Event::Recover(Way::default())
}

fn undo() -> Event {
    Event::Undo(vec![Way::default()])
}

/// Plays them, and says how often something happened.
async fn played(histories: Vec<Vec<Event>>, what: &str) -> u64 {
    let template = Store::with_tables(&TABLES).await;
    let tally = Tally::default();
    for events in histories {
        History::play(&template, &events, &tally).await;
    }
    tally.counts().get(what).copied().unwrap_or_default()
}

/// Half an undo is never published, at whichever of its requests somebody commits to one of its tables without a name, and whether or
/// not its process dies there.
#[tokio::test(flavor = "multi_thread")]
async fn somebody_commits_at_every_request_of_an_undo() {
    let mut histories = Vec::new();
    for at in REQUESTS {
        for table in 0..2 {
            for dies in [false, true] {
                let beside = Event::UndoBeside { at, dies, table };
                histories.push(vec![write(2), recover(), beside, recover()]);
            }
        }
    }
    let stopped = played(histories, "undo that somebody stopped").await;
    assert!(stopped > 20, "{stopped}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_loser_of_a_race_is_not_called_published() {
    let race = Event::Race { tables: TWO };
    let histories = vec![
        vec![race.clone(), recover()],
        vec![race.clone(), write(3), recover()],
        vec![race.clone(), race, recover(), recover()],
    ];
    assert_eq!(played(histories, "lost a race").await, 4);
}

/// A write that a backup brings back is recovered anew, and so is one that was taken back since.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_comes_back_under_the_journals() {
    let (back_up, bring_back) = (Event::BackUp, Event::BringBack);
    let mut histories = Vec::new();
    for steps in [0, 1, 2, 3] {
        let write = write(steps);
        histories.push(vec![
            write.clone(),
            back_up.clone(),
            recover(),
            bring_back.clone(),
            recover(),
        ]);
        // And what follows from it, before and after.
        histories.push(vec![
            write.clone(),
            back_up.clone(),
            recover(),
            undo(),
            bring_back.clone(),
            recover(),
            undo(),
            recover(),
        ]);
        histories.push(vec![
            write,
            recover(),
            back_up.clone(),
            undo(),
            bring_back.clone(),
            undo(),
            recover(),
        ]);
    }
    assert_eq!(played(histories, "brought a backup back").await, 12);
}

/// A file that was set aside and is brought back is set aside with new consent alone, whatever it is called and wherever the process died.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_brings_back_what_was_set_aside() {
    let replaced = Event::Corrupt {
        pending: 0,
        damage: Damage::Replace,
        at: 0,
    };
    let mut histories = Vec::new();
    for dies_at in [None, Some(2), Some(3), Some(4)] {
        let way = Way {
            dies_at,
            ..Way::default()
        };
        let dismiss = Event::Dismiss { file: 0, way };
        for before in [vec![Event::BrokenFile], vec![write(1), replaced.clone()]] {
            let mut history = before;
            for _ in 0..2 {
                history.extend([Event::BackUp, dismiss.clone(), Event::BringBack]);
            }
            history.push(dismiss.clone());
            histories.push(history);
        }
    }
    assert_eq!(played(histories, "opened again").await, 16);
}

/// A roll forward needs none of what was cleaned away, and a roll back that does says so.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_write_began_from_is_cleaned_away() {
    let mut histories = Vec::new();
    for (steps, table, dies_at) in [(2, 0, None), (2, 1, Some(4)), (1, 0, None), (1, 1, None)] {
        let way = Way {
            dies_at,
            ..Way::default()
        };
        histories.push(vec![
            write(steps),
            Event::CleanUp { table },
            Event::Recover(way),
            undo(),
            recover(),
        ]);
    }
    let forward = "rolled forward from what was cleaned away";
    assert_eq!(played(histories, forward).await, 2);
}

/// An attempt that one process began goes on in another that has the root under another spelling.
#[tokio::test(flavor = "multi_thread")]
async fn a_root_of_two_spellings_is_one_root() {
    let mut histories = Vec::new();
    for dies_at in [None, Some(2), Some(5), Some(9), Some(13)] {
        let way = Way {
            dies_at,
            spells_otherwise: true,
        };
        for steps in [1, 2] {
            histories.push(vec![
                write(steps),
                Event::Recover(way),
                Event::Undo(vec![way]),
                Event::BrokenFile,
                Event::Dismiss { file: 0, way },
            ]);
        }
    }
    let went_on = played(histories, "went on under another spelling").await;
    assert_eq!(went_on, 30);
}
