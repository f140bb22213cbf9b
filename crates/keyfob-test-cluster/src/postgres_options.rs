/// How a server is set up.
#[derive(Clone, Debug, Default)]
#[must_use = "options start nothing by themselves"]
pub struct PostgresOptions {
    durable: bool,
    settings: Vec<(String, String)>,
}

impl PostgresOptions {
    /// A server that is quick and forgets what it answered if the machine loses its power; not if
    /// only its processes are killed.
    pub fn new() -> Self {
        Self::default()
    }

    /// Syncs each commit to the disk, as a server of which something is measured must.
    pub fn durable(mut self) -> Self {
        self.durable = true;
        self
    }

    /// Sets a parameter of `postgresql.conf` for as long as the server exists.
    pub fn with_setting(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }

    /// What goes on the command line; the last of two settings of a name counts.
    pub(crate) fn arguments(&self) -> impl Iterator<Item = String> {
        const ALWAYS: &[(&str, &str)] = &[
            ("max_connections", "300"),
            // Files in the server's directory, so that a killed server leaves nothing elsewhere.
            ("dynamic_shared_memory_type", "mmap"),
        ];
        const QUICK: &[(&str, &str)] = &[("fsync", "off"), ("full_page_writes", "off")];
        let quick = if self.durable { &[] } else { QUICK };
        let preset = ALWAYS.iter().chain(quick).map(|(name, value)| format!("{name}={value}"));
        preset
            .chain(self.settings.iter().map(|(name, value)| format!("{name}={value}")))
            .flat_map(|setting| ["-c".to_owned(), setting])
    }
}
