//! `…/rows`: the rows that a plan changes.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::client::{Api, RECOVERIES};
use crashed_roots::crashed_root::{BACK, CrashedRoot, FORWARD};

#[tokio::test]
async fn the_rows_of_a_plan_are_told_and_asking_changes_nothing() {
    let root = CrashedRoot::new().await;
    let api = Api::logged_in(&root).await;
    let forward = format!("{RECOVERIES}/{FORWARD}");
    let report = api.get(&format!("{forward}/rows")).await.json();
    assert_eq!(report["digest"], api.get(&forward).await.json()["digest"]);
    let tables = report["tables"].as_array().expect("a list");
    let inserted: Vec<&Value> = tables
        .iter()
        .map(|table| &table["readers"]["inserted"])
        .collect();
    assert_eq!(inserted, [&json!(2), &json!(3)]);
    assert!(
        tables
            .iter()
            .all(|table| table["readers"].get("sample").is_none())
    );

    let question = format!("{RECOVERIES}/{BACK}/rows?sample=3&table=node:Book");
    let report = api.get(&question).await.json();
    let [table] = report["tables"].as_array().expect("a list").as_slice() else {
        panic!("{report}")
    };
    assert_eq!(table["readers"], json!({"known": "same"}));
    assert_eq!(table["unpublished"]["fate"], "taken_back");
    assert_eq!(table["unpublished"]["changes"]["deleted"], 4);
    let shown = table["unpublished"]["changes"]["sample"]["deleted"].as_array();
    assert_eq!(shown.map(Vec::len), Some(3));
    assert_eq!(api.log.mutations(), 0);
}

#[tokio::test]
async fn a_question_that_is_not_understood_and_a_table_that_is_not_there_are_told_apart() {
    let root = CrashedRoot::new().await;
    let api = Api::logged_in(&root).await;
    let path = format!("{RECOVERIES}/{FORWARD}/rows");
    for query in ["sample=51", "sample=some", "rows=1"] {
        let answer = api.get(&format!("{path}?{query}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
        assert_eq!(answer.problem(&path), "bad_query");
    }
    let answer = api.get(&format!("{path}?table=node:None")).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(answer.problem(&path), "unknown_table");
    let answer = api.get(&format!("{path}?choice=roll_back")).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    let answer = api.ask(Method::POST, &path, &[], "").await;
    assert!(answer.status.is_client_error());

    let stranger = Api::new(&root).await;
    assert_eq!(stranger.get(&path).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(stranger.log.reads(), 0);
}
