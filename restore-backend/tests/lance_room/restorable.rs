use std::fs;
use std::path::Path;

use restore_backend::lance_room::Restorable;

use crate::room_support::*;

#[track_caller]
fn reason(answer: Restorable) -> String {
    match answer {
        Restorable::No { reason } => reason,
        Restorable::Yes => panic!("restorable"),
    }
}

fn one_of(folder: &Path) -> std::path::PathBuf {
    files_in(folder).into_iter().next().expect("a file")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_needs_every_file_it_refers_to() {
    let root = published().await;
    let room = &root.room;
    room.delete_rows(&people(), "value = 1")
        .await
        .expect("a delete");
    room.index_rows(&people(), "id").await.expect("an index");
    room.append_rows(&people(), &rows("b", 1))
        .await
        .expect("an append");
    assert_eq!(
        room.restorable(&people(), 4, 3).await.expect("an answer"),
        Restorable::Yes
    );
    let table = root.path().join("nodes/people");
    let index = one_of(&table.join("_indices"));
    for file in [
        one_of(&table.join("_deletions")),
        one_of(&index),
        version_file(root.path(), "nodes/people", 3),
    ] {
        let bytes = fs::read(&file).expect("the file");
        fs::remove_file(&file).expect("removed");
        let answer = room.restorable(&people(), 4, 3).await.expect("an answer");
        reason(answer);
        fs::write(&file, bytes).expect("put back");
    }
    assert_eq!(
        room.restorable(&people(), 4, 3).await.expect("an answer"),
        Restorable::Yes
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_data_file_is_found_by_looking_and_by_listing() {
    let root = published().await;
    let room = &root.room;
    for fragments in 2..=70 {
        room.append_rows(&people(), &rows("b", 1))
            .await
            .expect("an append");
        if fragments != 3 && fragments != 70 {
            continue;
        }
        // One that the target refers to, whatever HEAD adds.
        let file = one_of(&root.path().join("nodes/people/data"));
        let head = room
            .append_rows(&people(), &rows("c", 1))
            .await
            .expect("an append");
        let target = head - 1;
        assert_eq!(
            room.restorable(&people(), head, target)
                .await
                .expect("an answer"),
            Restorable::Yes
        );
        let hidden = file.with_extension("hidden");
        fs::rename(&file, &hidden).expect("hidden");
        let answer = room
            .restorable(&people(), head, target)
            .await
            .expect("an answer");
        assert!(reason(answer).contains("which is gone"));
        fs::rename(&hidden, &file).expect("put back");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_older_versions_that_exist_are_restorable() {
    let root = published().await;
    root.room
        .append_rows(&people(), &rows("b", 1))
        .await
        .expect("an append");
    for target in [2, 3] {
        let answer = root
            .room
            .restorable(&people(), 2, target)
            .await
            .expect("an answer");
        reason(answer);
    }
    let answer = root
        .room
        .restorable(&people(), 2, 0)
        .await
        .expect("an answer");
    reason(answer);
}
