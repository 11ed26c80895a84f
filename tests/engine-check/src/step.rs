//! One thing that is done to a graph: by the engine, or by hand where no engine can be made to do it.

use std::path::Path;

use anyhow::{Context, Result, bail};
use lance::index::DatasetIndexExt;
use omnigraph::db::{Omnigraph, ReadTarget};
use omnigraph::loader::LoadMode;

use crate::table;

#[derive(Clone, Debug)]
pub enum Step {
    Load {
        branch: &'static str,
        rows: String,
        mode: LoadMode,
        actor: Option<&'static str>,
    },
    /// The statements of one mutation.
    Mutate {
        branch: &'static str,
        statements: &'static str,
        actor: Option<&'static str>,
    },
    Branch {
        from: &'static str,
        name: &'static str,
    },
    DeleteBranch(&'static str),
    Merge {
        from: &'static str,
        into: &'static str,
        actor: Option<&'static str>,
    },
    EnsureIndices(&'static str),
    /// By hand, as the engine's own tests do: the table's head without its index on `id`, published.
    DropIndex {
        branch: &'static str,
        key: &'static str,
    },
    Schema(String),
    /// The engine's own recovery, as opening a graph runs it.
    Open,
    /// By hand: one of the writer's renames of its staged schema files.
    Promote(&'static str),
    /// By hand: a file is gone.
    Remove(&'static str),
    /// By hand: the newest version of a table is gone.
    LoseNewestVersion(&'static str),
}

impl Step {
    pub async fn take(&self, engine: &Omnigraph, root: &Path) -> Result<()> {
        match self {
            Self::Load {
                branch,
                rows,
                mode,
                actor,
            } => {
                engine.load_as(branch, None, rows, *mode, *actor).await?;
            }
            Self::Mutate {
                branch,
                statements,
                actor,
            } => {
                let query = format!("query change() {{\n{statements}\n}}\n");
                let parameters = Default::default();
                engine
                    .mutate_as(branch, &query, "change", &parameters, *actor)
                    .await?;
            }
            Self::Branch { from, name } => {
                engine
                    .branch_create_from(ReadTarget::branch(*from), name)
                    .await?;
            }
            Self::DeleteBranch(name) => engine.branch_delete(name).await?,
            Self::Merge { from, into, actor } => {
                engine.branch_merge_as(from, into, *actor).await?;
            }
            Self::EnsureIndices(branch) => {
                engine.ensure_indices_on(branch).await?;
            }
            Self::DropIndex { branch, key } => drop_index(root, branch, key).await?,
            Self::Schema(source) => {
                let result = engine.apply_schema(source).await?;
                if !result.applied {
                    bail!("the schema change was not applied: {:?}", result.steps);
                }
            }
            Self::Open => {
                Omnigraph::open(&crate::uri(root)).await?;
            }
            Self::Promote(name) => {
                let staged = root.join(format!("{name}.staging"));
                std::fs::rename(&staged, root.join(name))
                    .with_context(|| format!("cannot promote {}", staged.display()))?;
            }
            Self::Remove(name) => {
                std::fs::remove_file(root.join(name))
                    .with_context(|| format!("cannot remove {name}"))?;
            }
            Self::LoseNewestVersion(key) => table::lose_newest_version(root, key)?,
        }
        Ok(())
    }
}

async fn drop_index(root: &Path, branch: &str, key: &str) -> Result<()> {
    let on_branch = (branch != "main").then_some(branch);
    let mut dataset = lance::Dataset::open(&crate::uri(&root.join(table::location(key)))).await?;
    if let Some(name) = on_branch {
        dataset = dataset.checkout_branch(name).await?;
    }
    dataset.drop_index("id_idx").await?;
    let mut engine = Omnigraph::open(&crate::uri(root)).await?;
    engine
        .failpoint_publish_table_head_without_index_rebuild_for_test(branch, key, on_branch)
        .await?;
    Ok(())
}
