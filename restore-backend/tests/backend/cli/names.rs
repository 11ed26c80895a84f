//! Operations and digests that are typed by their first characters, and plans that are applied without their digest.

use crashed_roots::crashed_root::{BACK, CrashedRoot, FORWARD, NEWER};

use super::program::{
    applied, approval, approve, assert_blocked_by, digest_of, plan_of, run_to, undo_of, unwrapped,
};

/// As much of an id as tells it from the others of a crashed root.
fn short(operation: &str) -> &str {
    &operation[..8]
}

/// Twelve digits of a digest.
fn short_digest(digest: &str) -> &str {
    &digest["sha256:".len()..][..12]
}

#[tokio::test]
async fn a_recovery_goes_from_its_plan_to_its_undo_by_the_first_characters_of_everything() {
    let root = CrashedRoot::new().await;
    let uri = root.uri();
    let forward = short(FORWARD);
    let plan = run_to(0, &["plan", uri, &forward.to_lowercase(), "--json"]).json();
    assert_eq!(plan["operation_id"], FORWARD);
    let digest = digest_of(&plan);
    let digits = short_digest(&digest);

    let approved = run_to(0, &approval(&root, forward, digits, &["--json"])).json();
    assert_eq!(approved["approval"]["operation_id"], FORWARD);
    assert_eq!(approved["approval"]["plan_digest"], digest.as_str());
    let revoked = ["revoke", uri, forward, "--digest", digits, "--as", "ada"];
    run_to(0, &revoked);
    let gone = unwrapped(&run_to(3, &revoked).stdout);
    let told = format!("no plan of operation {FORWARD} that is approved or under way");
    assert!(gone.contains(&told), "{gone}");
    let words = run_to(0, &approval(&root, forward, digits, &[])).stdout;
    assert!(
        words.contains(FORWARD) && words.contains(&digest),
        "what was approved is told in full: {words}"
    );
    let report = applied(&root, forward, digits);
    assert_eq!(report["outcome"], "rolled_forward");
    assert_eq!(report["digest"], digest.as_str());
    let audit = run_to(0, &["audit", uri, forward, "--json"]).json();
    assert_eq!(audit["operations"][0]["operation_id"], FORWARD);

    // Nothing is on record of the undo, whose id begins with the time of its operation.
    let undo = undo_of(&root, forward);
    let id = undo["operation_id"].as_str().expect("an id");
    let shown = run_to(0, &["plan", uri, &id[..14], "--json"]).json();
    assert_eq!(shown["operation_id"], id);
    assert_eq!(digest_of(&shown), digest_of(&undo));
}

#[tokio::test]
async fn a_beginning_that_fits_several_is_refused_with_all_of_them_and_nothing_is_done() {
    let root = CrashedRoot::new().await;
    let uri = root.uri();
    let digest = approve(&root, FORWARD, &[]);
    let common = &FORWARD[..7];
    for arguments in [
        &["plan", uri, common][..],
        &["apply", uri, common],
        &["apply", uri, common, "--digest", &digest],
        &approval(&root, common, &digest, &[]),
        &["dismiss", uri, common],
    ] {
        let words = run_to(2, arguments).stderr;
        assert!(
            words.contains("is the beginning of 3 operations"),
            "{words}"
        );
        for operation in [FORWARD, BACK, NEWER] {
            assert!(words.contains(operation), "{words}");
        }
        let document = run_to(2, &[arguments, &["--json"]].concat()).json();
        assert_eq!(document["error"]["code"], "ambiguous");
    }
    // The operation is unique, and yet it is not that of the digest.
    let other = run_to(3, &["apply", uri, short(BACK), "--digest", &digest]).stdout;
    assert!(other.starts_with(&format!("{BACK}  conflict")), "{other}");
    let unknown = run_to(1, &["plan", uri, "01M9", "--json"]).json();
    assert_eq!(unknown["error"]["code"], "unknown_operation");
    for too_short in [
        &["plan", uri, "01M"][..],
        &["apply", uri, FORWARD, "--digest", &digest[..18]],
    ] {
        let exit = if too_short[0] == "plan" { 1 } else { 2 };
        run_to(exit, too_short);
    }
    assert_eq!(
        super::program::list_of(&root)["recoveries"][0]["progress"],
        "approved"
    );
}

#[tokio::test]
async fn the_beginning_of_a_digest_that_is_not_the_current_plans_approves_nothing() {
    let root = CrashedRoot::new().await;
    let digest = digest_of(&plan_of(&root, FORWARD));
    root.write_to("nodes/author").await;
    let now = digest_of(&plan_of(&root, FORWARD));
    assert_ne!(digest, now);
    let refused = run_to(3, &approval(&root, FORWARD, short_digest(&digest), &[]));
    let words = unwrapped(&refused.stdout);
    assert!(
        words.contains("Not approved: Nothing was changed") && words.contains(&now),
        "{words}"
    );
    // A refused file has one plan to approve, that of its dismissal.
    let dismissal = run_to(0, &["dismiss", root.uri(), NEWER, "--json"]).json();
    assert_blocked_by(&plan_of(&root, NEWER), "unsupported_version");
    let digest = digest_of(&dismissal);
    let reason = ["--reason", "nobody needs it"];
    run_to(
        0,
        &approval(&root, short(NEWER), short_digest(&digest), &reason),
    );
    assert_eq!(
        run_to(0, &["apply", root.uri(), NEWER, "--json"]).json()["digest"],
        digest.as_str()
    );
}

#[tokio::test]
async fn the_one_approved_plan_is_applied_without_its_digest_and_of_two_none_is() {
    let root = CrashedRoot::new().await;
    let apply = ["apply", root.uri(), short(FORWARD)];
    let refused = run_to(3, &[&apply[..], &["--json"]].concat()).json();
    assert_eq!(refused["error"]["code"], "refused");
    let words = unwrapped(&run_to(3, &apply).stdout);
    assert!(
        words.contains("nobody has approved a plan of operation"),
        "{words}"
    );

    let first = approve(&root, FORWARD, &[]);
    root.write_to("nodes/author").await;
    let stale = run_to(3, &apply);
    assert!(
        stale.stdout.contains("conflict") && stale.stderr.contains(&first),
        "the approved plan, and no other, is tried: {}{}",
        stale.stdout,
        stale.stderr
    );
    let plan = plan_of(&root, FORWARD);
    let requires: Vec<&str> = plan["requires"]
        .as_array()
        .expect("a list")
        .iter()
        .flat_map(|code| ["--acknowledge", code.as_str().expect("a code")])
        .collect();
    let second = approve(&root, FORWARD, &requires);
    let words = unwrapped(&run_to(3, &apply).stdout);
    assert!(
        words.contains("2 plans of operation") && words.contains("by grace at"),
        "{words}"
    );
    assert!(words.contains(&first) && words.contains(&second), "{words}");
    let revoke = [
        "revoke",
        root.uri(),
        FORWARD,
        "--digest",
        &first,
        "--as",
        "ada",
    ];
    run_to(0, &revoke);
    let done = run_to(0, &apply);
    let note = format!("Applying plan {second} of operation {FORWARD}.\n");
    assert_eq!(done.stderr, note);
    let again = run_to(0, &[&apply[..], &["--json"]].concat());
    assert_eq!(again.stderr, "");
    assert_eq!(
        again.json()["digest"],
        second.as_str(),
        "what was begun is meant"
    );
}
