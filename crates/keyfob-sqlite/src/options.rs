use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::TablePrefix;

/// Where a store keeps its file, and how.
///
/// ```
/// # use keyfob_sqlite::{SqliteOptions, TablePrefix};
/// let options = SqliteOptions::new("app.db")
///     .with_table_prefix(TablePrefix::new("auth_")?)
///     .with_create_if_missing(false);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "options open nothing by themselves"]
pub struct SqliteOptions {
    path: PathBuf,
    table_prefix: TablePrefix,
    readers: NonZeroUsize,
    list_readers: NonZeroUsize,
    create_if_missing: bool,
    migrations: bool,
    busy_timeout: Duration,
    max_pages: Option<u32>,
    page_cache: u64,
    memory_map: u64,
}

impl SqliteOptions {
    /// The defaults: tables that start with `keyfob_`, two readers for lookups and two for lists. The
    /// file is created and migrated as needed. Another process may hold its lock for 5 seconds.
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self {
            path: path.as_ref().to_owned(),
            table_prefix: TablePrefix::default(),
            readers: NonZeroUsize::MIN.saturating_add(1),
            list_readers: NonZeroUsize::MIN.saturating_add(1),
            create_if_missing: true,
            migrations: true,
            busy_timeout: Duration::from_secs(5),
            max_pages: None,
            page_cache: 64 << 20,
            memory_map: 0,
        }
    }

    /// What the names of the tables start with.
    pub fn with_table_prefix(mut self, prefix: TablePrefix) -> Self {
        self.table_prefix = prefix;
        self
    }

    /// Sets how many threads answer lookups and read the feed. Each has its own connection.
    pub const fn with_readers(mut self, readers: NonZeroUsize) -> Self {
        self.readers = readers;
        self
    }

    /// Sets how many threads answer lists, audit pages and usage. Each has its own connection. They
    /// are apart from [`readers`](Self::with_readers), so a long list never delays a lookup.
    pub const fn with_list_readers(mut self, readers: NonZeroUsize) -> Self {
        self.list_readers = readers;
        self
    }

    /// Whether a file that is missing is created. Its directory never is.
    pub const fn with_create_if_missing(mut self, create: bool) -> Self {
        self.create_if_missing = create;
        self
    }

    /// Whether opening migrates the schema. With `false`, a schema that is not of this release is
    /// an error, and whoever deploys runs [`Migration`](crate::Migration)s before.
    pub const fn with_migrations(mut self, migrations: bool) -> Self {
        self.migrations = migrations;
        self
    }

    /// How long another process may hold the lock that is needed, before the answer is
    /// [`Unavailable`](keyfob_store::StoreError::Unavailable), or [`Busy`](crate::OpenError::Busy)
    /// when opening. Where others hold it in turns and commit, it is up to six times as long. A timeout
    /// beyond a day counts as a day.
    pub const fn with_busy_timeout(mut self, timeout: Duration) -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        self.busy_timeout = if timeout.as_secs() < DAY.as_secs() { timeout } else { DAY };
        self
    }

    /// The most pages (of 4096 bytes, unless the file has another size) that the database may grow
    /// to by this store's writes. Beyond, writes are
    /// [`Unavailable`](keyfob_store::StoreError::Unavailable), as on a full disk.
    pub const fn with_max_pages(mut self, pages: u32) -> Self {
        self.max_pages = Some(pages);
        self
    }

    /// How many bytes of the file each thread keeps in memory at most: 64 MiB unless told. A thread
    /// takes as much only if it reads as many pages; there is one for each reader and one that writes.
    ///
    /// A lookup is fast while this holds the inner pages of the indices: about 3 bytes for each key.
    pub const fn with_page_cache(mut self, bytes: u64) -> Self {
        self.page_cache = bytes;
        self
    }

    /// How many bytes of the file readers map into memory, rather than copy from it: none unless told.
    /// SQLite may be built to map less; unless built otherwise, 2 GiB.
    ///
    /// In a large file it makes lookups and lists faster, since most pages that they read are in no
    /// cache but the system's. The price: **if the disk fails under a page that is mapped, or another
    /// program cuts the file short, the system ends the process (`SIGBUS`)** where a copy would have
    /// been an error.
    pub const fn with_memory_map(mut self, bytes: u64) -> Self {
        self.memory_map = bytes;
        self
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) const fn table_prefix(&self) -> &TablePrefix {
        &self.table_prefix
    }

    pub(crate) const fn readers(&self) -> usize {
        self.readers.get()
    }

    pub(crate) const fn list_readers(&self) -> usize {
        self.list_readers.get()
    }

    pub(crate) const fn create_if_missing(&self) -> bool {
        self.create_if_missing
    }

    pub(crate) const fn migrations(&self) -> bool {
        self.migrations
    }

    pub(crate) const fn busy_timeout(&self) -> Duration {
        self.busy_timeout
    }

    pub(crate) const fn page_cache(&self) -> u64 {
        self.page_cache
    }

    pub(crate) const fn memory_map(&self) -> u64 {
        self.memory_map
    }

    pub(crate) const fn max_pages(&self) -> Option<u32> {
        self.max_pages
    }
}
