use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use crate::failure::Failure;
use crate::node_process::NodeProcess;
use crate::protocol::Settings;

/// Where nodes of a trial play: a store, and the program that they run. It is gone when dropped.
pub(crate) struct Stage {
    program: PathBuf,
    directory: TempDir,
}

impl Stage {
    /// One SQLite file.
    pub(crate) fn sqlite(program: PathBuf) -> Result<Self, Failure> {
        let directory = tempfile::tempdir().map_err(Failure::io("making a directory"))?;
        Ok(Self { program, directory })
    }

    /// What a node is told, unless a trial changes it.
    pub(crate) fn settings(&self, name: impl Into<String>) -> Settings {
        Settings {
            name: name.into(),
            store: format!("sqlite:{}", self.directory.path().join("keys.db").display()),
            staleness_bound: Duration::from_secs(5),
            lookup_timeout: Duration::from_secs(2),
            usage_interval: Duration::from_secs(1),
            watch_pause: Duration::from_millis(2),
        }
    }

    pub(crate) fn program(&self) -> &std::path::Path {
        &self.program
    }

    /// Starts nodes with these settings, and waits until they trust their caches.
    pub(crate) async fn nodes(&self, settings: &[Settings]) -> Result<Vec<NodeProcess>, Failure> {
        let mut nodes = Vec::with_capacity(settings.len());
        for settings in settings {
            nodes.push(NodeProcess::start(&self.program, settings).await?);
        }
        for node in &nodes {
            node.trusts_its_cache().await?;
        }
        Ok(nodes)
    }
}
