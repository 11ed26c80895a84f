//! From the list to the result: looking, approving, executing.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Method, StatusCode};
use restore_backend::root::{Root, RootOptions};
use root_objects::journal_store::{Appended, Journal};
use serde_json::{Value, json};
use sidecar::api::PlanReport;
use sidecar::journal::JournalEntry;
use sidecar::{Approval, Timestamp};

use super::client::{Api, RECOVERIES};
use crashed_roots::crashed_root::{BACK, CrashedRoot, FORWARD, NEWER};

#[tokio::test]
async fn looking_changes_nothing() {
    let root = CrashedRoot::new().await;
    let api = Api::logged_in(&root).await;
    let roots = api.get("/api/v1/roots").await.json();
    assert_eq!(roots["roots"][0]["name"], "graph");
    let list = api.get(RECOVERIES).await.json();
    assert_eq!(list["root"], roots["roots"][0]["uri"]);
    for operation in [FORWARD, BACK, NEWER] {
        let path = format!("{RECOVERIES}/{operation}");
        let answer = api.get(&path).await;
        let plan = answer.json();
        assert_eq!(
            answer.header("etag"),
            format!("\"{}\"", plan["digest"].as_str().expect("a digest"))
        );
        assert_eq!(
            api.get(&format!("{path}.json")).await.json()["digest"],
            plan["digest"],
            "by the name of its file"
        );
        assert_eq!(
            api.ask(Method::HEAD, &path, &[], Body::empty())
                .await
                .header("etag"),
            answer.header("etag")
        );
    }
    assert_eq!(
        api.get("/api/v1/roots/graph/audit").await.json()["operations"],
        json!([])
    );
    for question in ["", "?upgrade=true"] {
        let path = format!("/api/v1/roots/graph/doctor{question}");
        let report = api.get(&path).await.json();
        assert_eq!(report["root"], list["root"]);
        assert_eq!(report["stands_in_the_way"], true);
        let kinds = report["findings"].as_array().expect("a list");
        let pending = kinds
            .iter()
            .filter(|finding| finding["kind"] == "pending_sidecar");
        assert_eq!(pending.count(), 3);
        assert_eq!(report.get("upgrade").is_some(), !question.is_empty());
    }
    let path = "/api/v1/roots/graph/doctor?upgrade=perhaps";
    let answer = api.get(path).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.problem("/api/v1/roots/graph/doctor"), "bad_query");
    assert!(api.log.reads() > 0);
    assert_eq!(api.log.mutations(), 0);
}

#[tokio::test]
async fn a_choice_that_there_is_not_is_refused_and_an_unknown_one_is_not_understood() {
    let root = CrashedRoot::new().await;
    let api = Api::logged_in(&root).await;
    let forward = format!("{RECOVERIES}/{FORWARD}");
    let plan = api.get(&forward).await.json();
    let same = api.get(&format!("{forward}?choice=verdict")).await.json();
    assert_eq!(same["digest"], plan["digest"]);
    let refused = api.get(&format!("{forward}?choice=roll_back")).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.json()["code"], "refused");

    let back = format!("{RECOVERIES}/{BACK}");
    let plan = api.get(&back).await.json();
    let same = api.get(&format!("{back}?choice=roll_back")).await.json();
    assert_eq!(same["digest"], plan["digest"], "it is rolled back anyway");
    for query in ["choice=forward", "choise=roll_back"] {
        let answer = api.get(&format!("{forward}?{query}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
    }
    assert_eq!(api.log.mutations(), 0);
}

#[tokio::test]
async fn an_approved_plan_is_executed_and_on_record() {
    let root = CrashedRoot::new().await;
    let api = Api::logged_in(&root).await;
    let tag = api.tag(FORWARD).await;
    let path = format!("{RECOVERIES}/{FORWARD}");
    let approval = api
        .post(
            &format!("{path}/approvals"),
            &tag,
            json!({"reason": "looked at it"}),
        )
        .await;
    assert_eq!(approval.status, StatusCode::CREATED);
    let approval = approval.json();
    assert_eq!(
        (
            &approval["authorized"],
            &approval["approval"]["approved_by"]
        ),
        (&json!(true), &json!("grace")),
        "who is logged in"
    );

    let begun = api
        .post(&format!("{path}/execution"), &tag, json!({}))
        .await;
    assert_eq!(begun.status, StatusCode::ACCEPTED, "{}", begun.body);
    assert_eq!(begun.json()["operation_id"], FORWARD);
    let ended = api.ended(FORWARD).await;
    assert_eq!(
        (&ended["report"]["outcome"], &ended["failure"]),
        (&json!("rolled_forward"), &Value::Null)
    );
    assert!(
        ended["steps"].as_array().is_some_and(
            |steps| !steps.is_empty() && steps.iter().all(|step| step["state"] == "done")
        ),
        "{ended}"
    );

    let audit = api
        .get(&format!("/api/v1/roots/graph/audit/{FORWARD}"))
        .await
        .json();
    assert_eq!(
        (
            &audit["operations"][0]["verified"],
            &audit["operations"][0]["outcome"]
        ),
        (&json!(true), &json!("rolled_forward"))
    );
    let list = api.get(RECOVERIES).await.json();
    assert!(
        list["recoveries"]
            .as_array()
            .expect("a list")
            .iter()
            .all(|recovery| recovery["operation_id"] != FORWARD)
    );

    // Another server knows it from the journal.
    let restarted = Api::logged_in(&root).await;
    assert_eq!(restarted.ended(FORWARD).await["report"], ended["report"]);
}

#[tokio::test]
async fn approvals_are_refused_in_words() {
    let root = CrashedRoot::new().await;
    let api = Api::logged_in(&root).await;
    let tag = api.tag(BACK).await;
    let path = format!("{RECOVERIES}/{BACK}/approvals");
    let unstated = api.post(&path, &tag, json!({})).await;
    assert_eq!(
        (unstated.status, unstated.problem(&path).as_str()),
        (StatusCode::UNPROCESSABLE_ENTITY, "refused")
    );
    assert!(
        unstated.json()["detail"]
            .as_str()
            .expect("words")
            .contains("writers_stopped")
    );

    let refused = format!("{RECOVERIES}/{NEWER}/approvals");
    let answer = api.post(&refused, &api.tag(NEWER).await, json!({})).await;
    assert_eq!(
        (answer.status, answer.problem(&refused).as_str()),
        (StatusCode::UNPROCESSABLE_ENTITY, "refused")
    );
    assert_eq!(answer.json()["reasons"][0]["code"], "unsupported_version");
    assert_eq!(api.log.mutations(), 0);
}

#[tokio::test]
async fn a_plan_that_is_not_current_is_neither_approved_nor_executed() {
    let root = CrashedRoot::new().await;
    let api = Api::logged_in(&root).await;
    let tag = api.approve(BACK).await;
    root.write_to("nodes/book").await;

    let path = format!("{RECOVERIES}/{BACK}");
    let stale = api
        .post(
            &format!("{path}/approvals"),
            &tag,
            json!({"writers_stopped": true}),
        )
        .await;
    assert_eq!(
        (
            stale.status,
            stale.problem(&format!("{path}/approvals")).as_str()
        ),
        (StatusCode::PRECONDITION_FAILED, "stale_plan")
    );
    assert!(
        stale.json()["differences"]
            .as_array()
            .is_some_and(|differences| !differences.is_empty()),
        "{}",
        stale.body
    );

    assert_eq!(
        api.post(&format!("{path}/execution"), &tag, json!({}))
            .await
            .status,
        StatusCode::ACCEPTED
    );
    let report = api.ended(BACK).await["report"].clone();
    assert_eq!(report["outcome"], "conflict");
    let moved = report["differences"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|difference| difference["field"] == "lance_head");
    assert_eq!(
        moved.map(|moved| (&moved["planned"], &moved["found"])),
        Some((&json!("2"), &json!("3")))
    );
}

#[tokio::test]
async fn an_unapproved_plan_is_not_executed() {
    let root = CrashedRoot::new().await;
    let api = Api::logged_in(&root).await;
    let path = format!("{RECOVERIES}/{FORWARD}/execution");
    let before = api.get(&path).await.json();
    assert_eq!(
        (&before["running"], &before["report"]),
        (&json!(false), &Value::Null)
    );
    assert_eq!(
        api.post(&path, &api.tag(FORWARD).await, json!({}))
            .await
            .status,
        StatusCode::ACCEPTED
    );
    assert_eq!(api.ended(FORWARD).await["report"]["outcome"], "refused");
    assert_eq!(api.log.mutations(), 0);

    let unknown = format!("{RECOVERIES}/01M8125Z20G3JA88BS9CEJEX1K/execution");
    assert_eq!(
        api.post(&unknown, &api.tag(FORWARD).await, json!({}))
            .await
            .status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_wishes_to_execute_are_one_execution() {
    let root = CrashedRoot::new().await;
    let api = Api::logged_in(&root).await;
    let tag = api.approve(BACK).await;
    let path = format!("{RECOVERIES}/{BACK}/execution");
    let (first, second) = tokio::join!(
        api.post(&path, &tag, json!({})),
        api.post(&path, &tag, json!({}))
    );
    assert_eq!(
        (first.status, second.status),
        (StatusCode::ACCEPTED, StatusCode::ACCEPTED)
    );
    assert_eq!(api.ended(BACK).await["report"]["outcome"], "rolled_back");

    let audit = api
        .get(&format!("/api/v1/roots/graph/audit/{BACK}"))
        .await
        .json();
    let kinds: Vec<&Value> = audit["operations"][0]["records"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|record| &record["record"]["entry"]["kind"])
        .collect();
    let count = |kind: &str| kinds.iter().filter(|found| **found == kind).count();
    assert_eq!((count("claimed"), count("finished")), (1, 1), "{kinds:?}");

    // And once more after it has ended: nothing changes.
    assert_eq!(
        api.post(&path, &tag, json!({})).await.status,
        StatusCode::ACCEPTED
    );
    assert_eq!(api.ended(BACK).await["report"]["outcome"], "rolled_back");
}

#[tokio::test]
async fn an_attempt_whose_step_keeps_failing_is_ended_by_who_is_logged_in() {
    let root = CrashedRoot::new().await;
    let api = Api::logged_in(&root).await;
    let tag = api.approve(FORWARD).await;
    let path = format!("{RECOVERIES}/{FORWARD}");
    let (execution, end) = (format!("{path}/execution"), format!("{path}/execution/end"));
    let why = json!({"reason": "it cannot be tagged", "writers_stopped": true});
    let none = api.post(&end, &tag, why.clone()).await;
    assert_eq!(
        none.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "{}",
        none.body
    );
    // No tag can be set where a file is in the way.
    let in_the_way = root.file("nodes/author/_refs");
    std::fs::write(&in_the_way, "").expect("a file");
    let begun = api.post(&execution, &tag, json!({})).await;
    assert_eq!(begun.status, StatusCode::ACCEPTED, "{}", begun.body);
    let failed = api.ended(FORWARD).await;
    assert!(failed["failure"].is_string(), "{failed}");

    let unnamed = api.post(&end, "", why.clone()).await;
    assert_eq!(unnamed.status, StatusCode::PRECONDITION_REQUIRED);
    for incomplete in [
        json!({"reason": "", "writers_stopped": true}),
        json!({"reason": "it cannot be tagged"}),
    ] {
        let refused = api.post(&end, &tag, incomplete).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let by_somebody = json!({"reason": "x", "writers_stopped": true, "name": "somebody"});
    let malformed = api.post(&end, &tag, by_somebody).await;
    assert_eq!(malformed.status, StatusCode::BAD_REQUEST);
    let ended = api.post(&end, &tag, why).await;
    assert_eq!(ended.status, StatusCode::OK, "{}", ended.body);
    assert_eq!(ended.json()["ended_by"]["name"], "grace");

    // Nothing tells of the failed execution any more, and the same plan is approved anew.
    let report = api.get(&execution).await.json();
    assert_eq!(
        (&report["failure"], &report["steps"]),
        (&Value::Null, &json!([]))
    );
    assert_eq!(api.get(&path).await.json()["progress"], "open");
    std::fs::remove_file(in_the_way).expect("it goes");
    assert_eq!(api.approve(FORWARD).await, tag);
    api.post(&execution, &tag, json!({})).await;
    let report = api.ended(FORWARD).await;
    assert_eq!(report["report"]["outcome"], "rolled_forward", "{report}");
}

#[tokio::test]
async fn a_root_without_a_catalog_is_an_error_and_not_an_empty_list() {
    let root = CrashedRoot::healthy().await;
    let api = Api::logged_in(&root).await;
    assert_eq!(api.get(RECOVERIES).await.json()["recoveries"], json!([]));
    std::fs::remove_dir_all(root.file("__manifest")).expect("a folder");
    let answer = api.get(RECOVERIES).await;
    assert_eq!(
        (answer.status, answer.problem(RECOVERIES).as_str()),
        (StatusCode::SERVICE_UNAVAILABLE, "no_catalog")
    );
    assert!(
        answer.json()["detail"]
            .as_str()
            .expect("words")
            .contains("there is no catalog (__manifest)")
    );
}

/// The code with which every request about an operation, which nobody knows, is answered.
async fn answers_about_an_operation(api: &Api) -> Vec<(String, StatusCode, String)> {
    let recovery = format!("{RECOVERIES}/{FORWARD}");
    let tag = format!("\"sha256:{}\"", "0".repeat(64));
    let mut answers = Vec::new();
    for below in [
        "",
        "/undo",
        "/release",
        "/dismissal",
        "/execution",
        "/execution/events",
    ] {
        let path = format!("{recovery}{below}");
        answers.push((path.clone(), api.get(&path).await));
    }
    for (below, body) in [
        ("/approvals", json!({"writers_stopped": true})),
        ("/execution", json!({})),
        (
            "/execution/end",
            json!({"reason": "x", "writers_stopped": true}),
        ),
    ] {
        let path = format!("{recovery}{below}");
        answers.push((path.clone(), api.post(&path, &tag, body).await));
    }
    let path = format!("{recovery}/approvals");
    let revoked = api
        .ask(Method::DELETE, &path, &[("if-match", &tag)], Body::empty())
        .await;
    answers.push((path, revoked));
    let path = format!("/api/v1/roots/graph/audit/{FORWARD}");
    let audited = api.get(&path).await;
    answers.push((path, audited));
    let told = |(path, answer): (String, super::client::Answer)| {
        let code = answer.problem(&path);
        (path, answer.status, code)
    };
    answers.into_iter().map(told).collect()
}

#[tokio::test]
async fn of_an_operation_in_a_root_without_a_catalog_it_is_said_that_there_is_none() {
    let root = CrashedRoot::healthy().await;
    let api = Api::logged_in(&root).await;
    for (path, status, code) in answers_about_an_operation(&api).await {
        // Who revokes a consent that nobody gave is told that.
        if status == StatusCode::UNPROCESSABLE_ENTITY {
            assert!(path.ends_with("/approvals"), "{path}");
            continue;
        }
        let expected = (StatusCode::NOT_FOUND, "unknown_operation");
        assert_eq!((status, code.as_str()), expected, "{path}");
    }
    std::fs::remove_dir_all(root.file("__manifest")).expect("a folder");
    let unavailable = StatusCode::SERVICE_UNAVAILABLE;
    for (path, status, code) in answers_about_an_operation(&api).await {
        assert_eq!(
            (status, code.as_str()),
            (unavailable, "no_catalog"),
            "{path}"
        );
    }
    std::fs::remove_dir_all(root.uri()).expect("a folder");
    std::os::unix::fs::symlink(root.uri(), root.uri()).expect("a link");
    for (path, status, code) in answers_about_an_operation(&api).await {
        assert_eq!(
            (status, code.as_str()),
            (unavailable, "root_unusable"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn the_audit_comes_page_by_page_the_newest_first() {
    const AUDIT: &str = "/api/v1/roots/graph/audit";
    let root = CrashedRoot::new().await;
    let api = Api::logged_in(&root).await;
    for operation in [FORWARD, BACK] {
        api.approve(operation).await;
    }
    let ids = |page: &Value| -> Vec<String> {
        let operations = page["operations"].as_array().expect("a list");
        let ids = operations.iter().map(|it| it["operation_id"].as_str());
        ids.map(|id| id.expect("an id").to_owned()).collect()
    };
    let all = api.get(AUDIT).await.json();
    assert_eq!(
        (ids(&all), &all["next"]),
        (vec![BACK.to_owned(), FORWARD.to_owned()], &Value::Null)
    );
    let first = api.get(&format!("{AUDIT}?limit=1")).await.json();
    assert_eq!(
        (ids(&first), &first["next"]),
        (vec![BACK.to_owned()], &json!(BACK))
    );
    let second = api
        .get(&format!("{AUDIT}?limit=1&after={BACK}"))
        .await
        .json();
    assert_eq!(
        (ids(&second), &second["next"]),
        (vec![FORWARD.to_owned()], &Value::Null)
    );
    for query in ["after=nonsense", "limit=-1", "page=2"] {
        let path = format!("{AUDIT}?{query}");
        let answer = api.get(&path).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
    }
}

#[tokio::test]
async fn a_long_journal_comes_in_parts_and_a_plan_carries_its_newest_approvals() {
    let root = CrashedRoot::new().await;
    let api = Api::logged_in(&root).await;
    api.approve(FORWARD).await;
    let opened = Root::open(root.uri(), RootOptions::default()).await;
    let opened = opened.expect("the root opens");
    let operation = FORWARD.parse().expect("an id");
    let mut journal = Journal::load(opened.objects(), &operation, &opened.limits())
        .await
        .expect("a journal");
    let (first, plan) = journal.state.approvals()[0].clone();
    // All of them together are more than one answer carries.
    for number in 1..APPROVALS {
        let approval = Approval {
            reason: Some(format!("{number} {}", "x".repeat(50_000))),
            ..first.clone()
        };
        let entry = JournalEntry::Approved {
            approval,
            plan: plan.to_string(),
        };
        let appended = journal.append(opened.objects(), Timestamp::from_micros(1), entry);
        let Appended::Done(next) = appended.await.expect("a record") else {
            panic!("nobody else writes")
        };
        journal = *next;
    }
    let plan = api.get(&format!("{RECOVERIES}/{FORWARD}")).await.json();
    let approvals = plan["approvals"].as_array().expect("a list");
    assert_eq!(approvals.len(), PlanReport::APPROVALS_MAX);
    assert_eq!(plan["approvals_left_out"], json!(2));
    let reason = approvals[0]["reason"].as_str().expect("words");
    assert!(reason.starts_with("2 "), "the newest are carried");

    let audit = format!("/api/v1/roots/graph/audit/{FORWARD}");
    let (mut from, mut sequences) = (1, Vec::new());
    loop {
        let part = api.get(&format!("{audit}?from={from}")).await;
        assert!(part.body.len() < 16 << 20, "{}", part.body.len());
        let operation = part.json()["operations"][0].clone();
        assert_eq!(operation["verified"], json!(true), "the whole chain");
        let records = operation["records"].as_array().expect("a list").iter();
        sequences.extend(records.map(|record| record["record"]["sequence"].as_u64()));
        match operation["next_record"].as_u64() {
            Some(next) => from = next,
            None => break,
        }
    }
    assert!(from > 1, "it came in parts");
    let all: Vec<_> = (1..=APPROVALS as u64).map(Some).collect();
    assert_eq!(sequences, all);
}

/// Two more than a plan carries.
const APPROVALS: usize = PlanReport::APPROVALS_MAX + 2;

/// One mebibyte of a sidecar that is refused for a field that nobody knows.
fn large_file() -> String {
    let lists = "[1,2,3,4,5,6,7],".repeat((1 << 20) / 16 - 40);
    format!(
        r#"{{"schema_version": 1, "operation_id": "", "writer_kind": "Mutation", "tables": [], "more": [{lists}1]}}"#
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_answers_while_it_looks_at_many_large_files() {
    let root = CrashedRoot::new().await;
    let large = large_file();
    for number in 0..8 {
        let file = root.file(&format!("__recovery/large-{number}.json"));
        std::fs::write(file, &large).expect("a write");
    }
    let api = Api::logged_in(&root).await;
    let looks = futures::future::join_all((0..2).map(|_| api.get(RECOVERIES)));
    let mut looks = std::pin::pin!(looks);
    let mut longest = Duration::ZERO;
    let answers = loop {
        let asked = Instant::now();
        tokio::select! {
            answers = &mut looks => break answers,
            answer = api.get("/healthz") => assert_eq!(answer.status, StatusCode::OK),
        }
        longest = longest.max(asked.elapsed());
        tokio::task::yield_now().await;
    };
    for answer in answers {
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    }
    assert!(longest < Duration::from_secs(1), "{longest:?}");
}
