//! A root as the console serves it.

use crate::error::ServiceError;
use crate::http::failure::Failure;
use crate::http::looks::{Looks, NoLook};
use crate::patience::Patience;
use crate::root::Root;

/// A root under the name it has in paths.
#[derive(Debug)]
pub struct ServedRoot {
    name: String,
    root: Root,
    looks: Looks,
    patience: Patience,
}

impl ServedRoot {
    /// Serves `root` as `name`.
    #[must_use]
    pub fn new(name: String, root: Root) -> Self {
        Self {
            name,
            root,
            looks: Looks::default(),
            patience: Patience::default(),
        }
    }

    /// The same with other bounds on how long to wait.
    #[must_use]
    pub fn with_patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    /// Its name in paths.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The root itself.
    #[must_use]
    pub fn root(&self) -> &Root {
        &self.root
    }

    pub(in crate::http) fn patience(&self) -> &Patience {
        &self.patience
    }

    /// Looks at the root, or writes to it, once there is a permit, and for a bounded time. Every request to the root goes through
    /// here, except executions, which have bounds of their own.
    pub(in crate::http) async fn look<T, F>(
        &self,
        look: impl FnOnce(Root) -> F,
    ) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, ServiceError>> + Send + 'static,
    {
        match self
            .looks
            .run(&self.patience, look(self.root.clone()))
            .await
        {
            Ok(answer) => Ok(answer?),
            Err(no_look) => {
                if no_look == NoLook::Overdue {
                    tracing::error!(
                        root = self.name,
                        seconds = self.patience.look.as_secs(),
                        "a look at a root does not end and is given up; see to its storage, for example a mount that hangs"
                    );
                }
                Err(Failure::no_look(&self.name, no_look))
            }
        }
    }
}
