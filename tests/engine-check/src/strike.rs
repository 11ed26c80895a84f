//! Runs a write that is to be struck down, in a process of its own: only a process that dies leaves what a crash leaves.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail, ensure};
use omnigraph::db::Omnigraph;

use crate::shape::{End, Moment, Shape, Strike};
use crate::table::Obstacle;

/// Starts the process and waits for its end, which must be the one that the strike names.
pub fn launch(shape: &Shape, depth: usize, root: &Path) -> Result<()> {
    let strike = at(shape, depth)?;
    let status = Command::new(std::env::current_exe()?)
        .args([
            "strike",
            shape.name,
            "--depth",
            &depth.to_string(),
            "--graph",
        ])
        .arg(root)
        .status()
        .context("cannot start the process to be struck")?;
    match strike.end {
        // Killed by a signal: no exit code.
        End::Dies(_) | End::DiesAgain(_) => {
            ensure!(status.code().is_none(), "the write ended with {status}")
        }
        _ => ensure!(status.success(), "the write ended with {status}"),
    }
    Ok(())
}

/// The process itself.
pub async fn suffer(shape: &Shape, depth: usize, root: &Path) -> Result<()> {
    let strike = at(shape, depth)?;
    let engine = Omnigraph::open(&crate::uri(root)).await?;
    match strike.meanwhile {
        Some((Moment::Opened, _)) => launch(shape, depth + 1, root)?,
        Some((Moment::At(failpoint), _)) => interrupt(failpoint, shape, depth + 1, root)?,
        None => {}
    }
    let obstacle = prepare(strike.end, root)?;
    let result = strike.write.take(&engine, root).await;
    if let Some(obstacle) = obstacle {
        obstacle.remove()?;
    }
    match (strike.end, result) {
        (End::Dies(failpoint) | End::DiesAgain(failpoint), Ok(())) => {
            bail!("the write never came to {failpoint}")
        }
        (End::Dies(_) | End::DiesAgain(_), Err(error)) => Err(error),
        (End::Fails(_) | End::Obstructed(..), Ok(())) => bail!("the write ended well"),
        (End::Fails(_) | End::Obstructed(..), Err(error)) => {
            println!("  the write failed: {error:#}");
            Ok(())
        }
        (End::Lingers, result) => result,
    }
}

fn at(shape: &Shape, depth: usize) -> Result<&Strike> {
    let strike = shape.strike.as_ref().and_then(|it| it.at_depth(depth));
    strike.with_context(|| format!("{} has no strike at depth {depth}", shape.name))
}

fn prepare(end: End, root: &Path) -> Result<Option<Obstacle>> {
    let configured = match end {
        End::Dies(failpoint) => fail::cfg_callback(failpoint, || std::process::abort()),
        End::DiesAgain(failpoint) => {
            let is_second = AtomicBool::new(false);
            fail::cfg_callback(failpoint, move || {
                if is_second.swap(true, Ordering::SeqCst) {
                    std::process::abort();
                }
            })
        }
        End::Fails(failpoint) => fail::cfg(failpoint, "return"),
        End::Lingers => fail::cfg("recovery.sidecar_delete", "return"),
        End::Obstructed(key, branch) => return Obstacle::put(root, key, branch).map(Some),
    };
    configured.map_err(|error| anyhow::anyhow!("cannot set the failpoint: {error}"))?;
    Ok(None)
}

/// Has the other strike happen when this process first comes to the failpoint.
fn interrupt(failpoint: &'static str, shape: &Shape, depth: usize, root: &Path) -> Result<()> {
    let (shape, root) = (shape.clone(), root.to_owned());
    let is_done = AtomicBool::new(false);
    fail::cfg_callback(failpoint, move || {
        if is_done.swap(true, Ordering::SeqCst) {
            return;
        }
        if let Err(error) = launch(&shape, depth, &root) {
            eprintln!("  the strike in between went wrong: {error:#}");
            std::process::exit(1);
        }
    })
    .map_err(|error| anyhow::anyhow!("cannot set the failpoint: {error}"))
}
