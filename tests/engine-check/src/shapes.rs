//! Every shape there is.

use omnigraph::loader::LoadMode;

use crate::library::{self, author, book, wrote};
use crate::shape::{End, Moment, Shape, Strike};
use crate::step::Step;

/// After a mutation's or a load's tables were committed, before anything is published.
const BEFORE_PUBLISH: &str = "mutation.post_finalize_pre_publisher";
const MERGE_BEFORE_PUBLISH: &str = "branch_merge.post_phase_b_pre_manifest_commit";
const INDICES_BEFORE_PUBLISH: &str = "ensure_indices.post_phase_b_pre_manifest_commit";
const BEFORE_SIDECAR: &str = "recovery.sidecar_write";
const BEFORE_STAGING: &str = "schema_apply.before_staging_write";
const AFTER_STAGING: &str = "schema_apply.after_staging_write";
const AFTER_PUBLISH: &str = "schema_apply.after_manifest_commit";

const PG: &str = "_schema.pg";
const IR: &str = "_schema.ir.json";

pub fn all() -> Vec<Shape> {
    let groups = [
        writes(),
        merges(),
        indices(),
        schemas(),
        sidecars(),
        drift(),
    ];
    groups.into_iter().flatten().collect()
}

fn writes() -> Vec<Shape> {
    let two = "insert Author { name: \"Nobody\", born: 1 }\ninsert Book { title: \"Nothing\" }";
    vec![
        shape(
            "forward-overwrite",
            "a load that overwrites two tables, committed, not published",
            "roll_forward",
        )
        .strike(overwrite(), End::Dies(BEFORE_PUBLISH)),
        shape(
            "back-overwrite-mid-phase",
            "a load that overwrites two tables, the second not committed",
            "roll_back",
        )
        .strike(overwrite(), End::Obstructed("node:Book", None)),
        shape(
            "forward-load-merge",
            "a load that updates one row and adds one, committed, not published",
            "roll_forward",
        )
        .strike(
            load("main", author("Author 1", 1850) + &author("Author 7", 1907), LoadMode::Merge),
            End::Dies(BEFORE_PUBLISH),
        ),
        shape(
            "back-load-indexing",
            "a load on a table that has two indices to build: committed, and killed when it had built one of them, which is more commits than a load may have",
            "roll_back",
        )
        .prepare([
            Step::DropIndex { branch: "main", key: "node:Author" },
            Step::Schema(library::with_index_on_born()),
        ])
        .strike(
            load("main", author("Author 7", 1907), LoadMode::Append),
            End::DiesAgain("ensure_indices.post_stage_pre_commit_btree"),
        ),
        shape(
            "forward-update",
            "an update of one row, committed, not published",
            "roll_forward",
        )
        .strike(
            mutate("main", "update Author set { born: 1800 } where name = \"Author 1\""),
            End::Dies(BEFORE_PUBLISH),
        ),
        shape(
            "back-update-mid-phase",
            "an update of one table and an insert into another, which was not committed",
            "roll_back",
        )
        .strike(
            mutate(
                "main",
                "update Author set { born: 1800 } where name = \"Author 1\"\ninsert Book { title: \"Nothing\" }",
            ),
            End::Obstructed("node:Book", None),
        ),
        shape(
            "forward-delete",
            "a delete of a node and, by cascade, of its edges, committed, not published",
            "roll_forward",
        )
        .strike(
            mutate("main", "delete Author where name = \"Author 1\""),
            End::Dies(BEFORE_PUBLISH),
        ),
        shape(
            "never-started",
            "a mutation whose sidecar was written, and nothing else",
            "never_started",
        )
        .strike(
            mutate("main", "insert Author { name: \"Nobody\", born: 1 }"),
            End::Obstructed("node:Author", None),
        ),
        shape(
            "forward-branch-mutation",
            "the first write to two tables on branch feature, which forks them, committed, not published",
            "roll_forward",
        )
        .prepare([branch("main", "feature")])
        .strike(mutate("feature", two), End::Dies(BEFORE_PUBLISH)),
        shape(
            "back-branch-mid-phase",
            "a mutation of two tables on branch feature, the second not committed",
            "roll_back",
        )
        .prepare([branch("main", "feature")])
        .strike(mutate("feature", two), End::Obstructed("node:Book", Some("feature"))),
    ]
}

fn merges() -> Vec<Shape> {
    // Both sides changed two tables: the merge rewrites them.
    let diverged = || {
        vec![
            branch("main", "feature"),
            load(
                "feature",
                author("Feature", 1) + &book("On feature"),
                LoadMode::Append,
            ),
            load(
                "main",
                author("Main", 2) + &book("On main"),
                LoadMode::Append,
            ),
        ]
    };
    // Author changed on both sides, Book on feature alone: its table is adopted, which no sidecar names.
    let adopted = vec![
        branch("main", "feature"),
        load(
            "feature",
            author("Feature", 1) + &book("On feature"),
            LoadMode::Append,
        ),
        load("main", author("Main", 2), LoadMode::Append),
    ];
    // Branch later inherits from main what main changed meanwhile: merging feature into it forks its tables first.
    let forking = || {
        vec![
            branch("main", "feature"),
            load(
                "feature",
                author("Feature", 1) + &book("On feature"),
                LoadMode::Append,
            ),
            load(
                "main",
                author("Main", 2) + &book("On main"),
                LoadMode::Append,
            ),
            branch("main", "later"),
        ]
    };
    vec![
        shape(
            "forward-merge",
            "a merge of feature into main that rewrites two tables, committed, not published",
            "roll_forward",
        )
        .prepare(diverged())
        .strike(merge("feature", "main"), End::Dies(MERGE_BEFORE_PUBLISH)),
        shape(
            "back-merge-mid-phase",
            "a merge of feature into main that rewrites two tables, the second not committed",
            "roll_back",
        )
        .prepare(diverged())
        .strike(merge("feature", "main"), End::Obstructed("node:Book", None)),
        shape(
            "forward-merge-adopted",
            "a merge of feature into main that rewrites one table and adopts another, which its sidecar does not name; committed, not published",
            "roll_forward",
        )
        .prepare(adopted)
        .strike(merge("feature", "main"), End::Dies(MERGE_BEFORE_PUBLISH)),
        shape(
            "forward-merge-into-branch",
            "a merge of feature into branch later, which forks the tables it rewrites, committed, not published",
            "roll_forward",
        )
        .prepare(forking())
        .strike(merge("feature", "later"), End::Dies(MERGE_BEFORE_PUBLISH)),
        shape(
            "back-merge-not-reached",
            "a merge of feature into branch later that died before it forked the second table: its Lance branch is not there",
            "never_started",
        )
        .prepare(forking())
        .strike(merge("feature", "later"), End::Obstructed("node:Author", Some("later"))),
        shape(
            "merge-published",
            "a merge of feature into main, killed after it was published and before its commit was recorded",
            "already_published",
        )
        .prepare(diverged())
        .strike(merge("feature", "main"), End::Dies("graph_publish.after_manifest_commit")),
    ]
}

fn indices() -> Vec<Shape> {
    let dropped = |branch, key| Step::DropIndex { branch, key };
    vec![
        shape(
            "forward-ensure-indices",
            "the index that a schema change asked for, built, not published",
            "roll_forward",
        )
        .prepare([Step::Schema(library::with_index_on_born())])
        .strike(
            Step::EnsureIndices("main"),
            End::Dies(INDICES_BEFORE_PUBLISH),
        ),
        shape(
            "back-ensure-indices-mid-phase",
            "the missing indices of two tables, the second not built",
            "roll_back",
        )
        .prepare([dropped("main", "node:Author"), dropped("main", "node:Book")])
        .strike(
            Step::EnsureIndices("main"),
            End::Obstructed("node:Book", None),
        ),
        shape(
            "forward-ensure-indices-branch",
            "the missing index of a table on branch feature, built, not published",
            "roll_forward",
        )
        .prepare([
            branch("main", "feature"),
            load("feature", author("Feature", 1), LoadMode::Append),
            dropped("feature", "node:Author"),
        ])
        .strike(
            Step::EnsureIndices("feature"),
            End::Dies(INDICES_BEFORE_PUBLISH),
        ),
    ]
}

fn schemas() -> Vec<Shape> {
    let schema = |source: String| Step::Schema(source);
    vec![
        shape(
            "schema-rewritten-before-staging",
            "a schema change that writes one table anew, killed before it staged its files",
            "roll_back",
        )
        .strike(schema(library::with_died()), End::Dies(BEFORE_STAGING)),
        shape(
            "schema-rewritten-mid-phase",
            "a schema change that writes two tables anew, the second not committed; the writer had time to let go of its lock",
            "roll_back",
        )
        .strike(
            schema(library::with_died_and_pages()),
            End::Obstructed("node:Book", None),
        ),
        shape(
            "schema-staging-cut-short",
            "a schema change that writes one table anew, killed when it had staged the first of its files",
            "roll_back",
        )
        .strike(schema(library::with_died()), End::Dies(AFTER_STAGING))
        .after([
            Step::Remove("_schema.ir.json.staging"),
            Step::Remove("__schema_state.json.staging"),
        ]),
        shape(
            "schema-rewritten-staged",
            "a schema change that writes one table anew, staged whole, not published",
            "roll_forward",
        )
        .strike(schema(library::with_died()), End::Dies(AFTER_STAGING)),
        shape(
            "schema-rewritten-staged-unlocked",
            "a schema change that writes one table anew, staged whole, not published; the writer had time to let go of its lock",
            "roll_forward",
        )
        .strike(schema(library::with_died()), End::Fails(AFTER_STAGING)),
        shape(
            "schema-added-before-staging",
            "a schema change that adds node:Publisher, killed before it staged its files",
            "roll_back",
        )
        .strike(schema(library::with_publisher()), End::Dies(BEFORE_STAGING)),
        shape(
            "schema-added-staged",
            "a schema change that adds node:Publisher, staged whole, not published, its lock left behind",
            "roll_forward",
        )
        .strike(schema(library::with_publisher()), End::Dies(AFTER_STAGING)),
        shape(
            "schema-removed-staged",
            "a schema change that removes edge:Cites, staged whole, not published",
            "roll_forward",
        )
        .strike(schema(library::without_cites()), End::Dies(AFTER_STAGING)),
        shape(
            "schema-renamed-staged",
            "a schema change that renames node:Book to node:Volume, staged whole, not published",
            "roll_forward",
        )
        .strike(schema(library::with_volumes()), End::Dies(AFTER_STAGING)),
        shape(
            "schema-mixed-staged",
            "a schema change that writes one table anew, adds one and removes one, staged whole, not published",
            "roll_forward",
        )
        .strike(schema(library::with_all_of_these()), End::Dies(AFTER_STAGING)),
        shape(
            "schema-mixed-published",
            "a schema change that writes one table anew, adds one and removes one, published, none of its files renamed",
            "roll_forward",
        )
        .strike(schema(library::with_all_of_these()), End::Dies(AFTER_PUBLISH)),
        shape(
            "schema-mixed-renaming-1",
            "the same, the first of its three files renamed",
            "roll_forward",
        )
        .strike(schema(library::with_all_of_these()), End::Dies(AFTER_PUBLISH))
        .after([Step::Promote(PG)]),
        shape(
            "schema-mixed-renaming-2",
            "the same, two of its three files renamed",
            "roll_forward",
        )
        .strike(schema(library::with_all_of_these()), End::Dies(AFTER_PUBLISH))
        .after([Step::Promote(PG), Step::Promote(IR)]),
        shape(
            "schema-added-published",
            "a schema change that adds node:Publisher, published, none of its files renamed",
            "roll_forward",
        )
        .strike(schema(library::with_publisher()), End::Dies(AFTER_PUBLISH)),
        shape(
            "schema-mixed-stale",
            "a schema change that ended well, only its sidecar was left",
            "already_published",
        )
        .strike(schema(library::with_all_of_these()), End::Lingers),
        shape(
            "schema-added-stale",
            "a schema change that adds node:Publisher and ended well, only its sidecar was left",
            "already_published",
        )
        .strike(schema(library::with_publisher()), End::Lingers),
        shape(
            "schema-lock-only",
            "a schema change killed before its sidecar: nothing but its lock",
            "none",
        )
        .strike(schema(library::with_died()), End::Dies(BEFORE_SIDECAR)),
    ]
}

fn sidecars() -> Vec<Shape> {
    let first = || mutate("main", "insert Author { name: \"First\", born: 1 }");
    let second = || mutate("main", "insert Author { name: \"Second\", born: 2 }");
    vec![
        shape(
            "two-sidecars",
            "two writers of one table, each of whom committed and died: the second had looked for sidecars before the first wrote its own",
            "roll_back",
        )
        .strike_while(
            Strike::new(second(), End::Dies(BEFORE_PUBLISH)),
            Moment::At(BEFORE_SIDECAR),
            Strike::new(first(), End::Dies(BEFORE_PUBLISH)),
        ),
        shape(
            "two-sidecars-borrowed",
            "a mutation of two tables that committed the first, and then another writer's of the second table, committed: taken together they look like the first one's work",
            "roll_forward",
        )
        .strike_while(
            Strike::new(
                mutate("main", "insert Book { title: \"Second\" }"),
                End::Dies(BEFORE_PUBLISH),
            ),
            Moment::Opened,
            Strike::new(
                mutate(
                    "main",
                    "insert Author { name: \"First\", born: 1 }\ninsert Book { title: \"First\" }",
                ),
                End::Obstructed("node:Book", None),
            ),
        ),
        shape(
            "orphaned-branch",
            "a mutation of two tables on branch feature, the second not committed; then the branch was deleted",
            "orphaned_branch",
        )
        .prepare([branch("main", "feature")])
        .strike(
            mutate(
                "feature",
                "insert Author { name: \"Nobody\", born: 1 }\ninsert Book { title: \"Nothing\" }",
            ),
            End::Obstructed("node:Book", Some("feature")),
        )
        .after([Step::DeleteBranch("feature")]),
        shape(
            "recovery-died-forward",
            "a mutation, committed; the engine rolled it forward, and died before it had recorded that",
            "already_published",
        )
        .strike_while(
            Strike::new(Step::Open, End::Dies("recovery.record_audit")),
            Moment::Opened,
            Strike::new(first(), End::Dies(BEFORE_PUBLISH)),
        ),
        shape(
            "recovery-died-back",
            "a mutation of two tables, the second not committed; the engine rolled it back, and died before it had recorded that",
            "superseded",
        )
        .strike_while(
            Strike::new(Step::Open, End::Dies("recovery.record_audit")),
            Moment::Opened,
            Strike::new(
                mutate(
                    "main",
                    "insert Author { name: \"First\", born: 1 }\ninsert Book { title: \"First\" }",
                ),
                End::Obstructed("node:Book", None),
            ),
        ),
    ]
}

fn drift() -> Vec<Shape> {
    vec![
        shape(
            "head-below-pin",
            "a mutation that was published, its sidecar left; then the storage lost the newest version of its table",
            "abort",
        )
        .strike(
            mutate("main", "insert Author { name: \"Nobody\", born: 1 }"),
            End::Lingers,
        )
        .after([Step::LoseNewestVersion("node:Author")]),
        shape(
            "uncovered-delete",
            "a delete of a node, killed when its edges were deleted: released engines delete before they write a sidecar",
            "none",
        )
        .strike(
            mutate("main", "delete Author where name = \"Author 1\""),
            End::Dies(BEFORE_SIDECAR),
        ),
    ]
}

fn overwrite() -> Step {
    // The edges too: whose ends are gone, no engine takes.
    let rows = author("Author 1", 1901) + &author("Only", 1) + &book("Book 1");
    let rows = rows + &wrote("Author 1", "Book 1", 1951);
    load(
        "main",
        rows + &library::cites("Book 1", "Book 1"),
        LoadMode::Overwrite,
    )
}

fn shape(name: &'static str, crash: &'static str, disposition: &'static str) -> Shape {
    Shape {
        name,
        crash,
        disposition,
        prepare: Vec::new(),
        strike: None,
        after: Vec::new(),
    }
}

impl Shape {
    fn prepare(mut self, steps: impl IntoIterator<Item = Step>) -> Self {
        self.prepare.extend(steps);
        self
    }

    fn strike(mut self, write: Step, end: End) -> Self {
        self.strike = Some(Strike::new(write, end));
        self
    }

    fn strike_while(mut self, outer: Strike, moment: Moment, inner: Strike) -> Self {
        self.strike = Some(outer.while_it(moment, inner));
        self
    }

    fn after(mut self, steps: impl IntoIterator<Item = Step>) -> Self {
        self.after.extend(steps);
        self
    }
}

fn load(branch: &'static str, rows: String, mode: LoadMode) -> Step {
    let actor = Some("act-loader");
    Step::Load {
        branch,
        rows,
        mode,
        actor,
    }
}

fn mutate(branch: &'static str, statements: &'static str) -> Step {
    let actor = Some("act-ada");
    Step::Mutate {
        branch,
        statements,
        actor,
    }
}

fn branch(from: &'static str, name: &'static str) -> Step {
    Step::Branch { from, name }
}

fn merge(from: &'static str, into: &'static str) -> Step {
    let actor = Some("act-grace");
    Step::Merge { from, into, actor }
}
