use std::path::PathBuf;

use clap::{Args, Subcommand};
use keyfob::{Environment, KeyId, KeyName, OrganizationId, Reason};

use super::times::{Lifetime, Overlap, Patience, When};
use crate::import::ImportFormat;

#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Make a key. It is printed once, alone, on standard output
    Create(Create),
    /// List keys, newest first
    List(List),
    /// Show one key
    Show(OneKey),
    /// Give a key a new secret, which is printed once, alone. The old one works on for a while
    Rotate(Rotate),
    /// End the overlap of a rotation: the old secret is refused
    Retire(OneKey),
    /// Switch a key off, until it is enabled again
    Disable(OneKey),
    /// Switch a key on again
    Enable(OneKey),
    /// Change a key's name, scopes or expiry
    Edit(Edit),
    /// Revoke a key, for ever
    Revoke(Revoke),
    /// Take over keys of another system by their hashes: all of them or none
    #[command(after_help = IMPORT_HELP)]
    Import(Import),
}

const IMPORT_HELP: &str = "\
A line of JSON Lines is an object such as
  {\"sha256\":\"…\",\"name\":\"ci\",\"environment\":\"live\",\"scopes\":[\"shield:*\"],\"expires_at\":\"2030-01-31T00:00:00Z\",\"hint\":\"tk_live_a1b2c3d4\"}
and CSV has these names as its first line, with spaces between scopes. `expires_at` and `hint` may be
missing. `sha256` is what `printf %s \"$KEY\" | sha256sum` prints.";

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Whose
    #[arg(long, value_name = "ID")]
    pub(crate) organization: OrganizationId,
    /// Where it is used: ci-pipeline, cursor-laptop
    #[arg(long)]
    pub(crate) name: KeyName,
    /// A test key reaches nothing live
    #[arg(long, value_name = "live|test")]
    pub(crate) environment: Environment,
    /// What it may do: shield:read, or a wildcard such as shield:* (again for more)
    #[arg(long = "scope", required = true, value_name = "SCOPE")]
    pub(crate) scopes: Vec<String>,
    #[command(flatten)]
    pub(crate) expires: Expires,
}

/// By default nothing is said of an expiry.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct Expires {
    /// How long it lives from now on: 90d, 12h, "1w 2d". By default for ever
    #[arg(long, value_name = "SPAN")]
    pub(crate) expires_in: Option<Lifetime>,
    /// When it ends: 2030-01-31, or 2030-01-31T09:30:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) expires_at: Option<When>,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Whose
    #[arg(long, value_name = "ID")]
    pub(crate) organization: OrganizationId,
    /// Only keys of this environment
    #[arg(long, value_name = "live|test")]
    pub(crate) environment: Option<Environment>,
    /// At most so many
    #[arg(long, value_name = "NUMBER")]
    pub(crate) limit: Option<usize>,
}

#[derive(Debug, Args)]
pub(crate) struct OneKey {
    /// Whose
    #[arg(long, value_name = "ID")]
    pub(crate) organization: OrganizationId,
    /// The key's id, not the key
    #[arg(value_name = "KEY")]
    pub(crate) id: KeyId,
}

#[derive(Debug, Args)]
pub(crate) struct Rotate {
    #[command(flatten)]
    pub(crate) key: OneKey,
    /// How long the old secret works beside the new one: 24h, at most 7d, or 0 for not at all
    #[arg(long, value_name = "SPAN")]
    pub(crate) overlap: Overlap,
}

#[derive(Debug, Args)]
pub(crate) struct Edit {
    #[command(flatten)]
    pub(crate) key: OneKey,
    #[command(flatten)]
    pub(crate) change: Change,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct Change {
    /// What people shall call it
    #[arg(long)]
    pub(crate) name: Option<KeyName>,
    /// What it may do from now on, and nothing else (again for more)
    #[arg(long = "scope", value_name = "SCOPE")]
    pub(crate) scopes: Vec<String>,
    /// How long it lives from now on: 90d, 12h, "1w 2d"
    #[arg(long, value_name = "SPAN", conflicts_with_all = ["expires_at", "never_expires"])]
    pub(crate) expires_in: Option<Lifetime>,
    /// When it ends: 2030-01-31, or 2030-01-31T09:30:00Z
    #[arg(long, value_name = "TIME", conflicts_with = "never_expires")]
    pub(crate) expires_at: Option<When>,
    /// It has no end any more
    #[arg(long)]
    pub(crate) never_expires: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Revoke {
    #[command(flatten)]
    pub(crate) key: OneKey,
    /// Why, for the audit log
    #[arg(long)]
    pub(crate) reason: Option<Reason>,
    /// Wait until every running server refuses it, for 10s or as long as this says, and print which do
    #[arg(long, value_name = "TIMEOUT", num_args = 0..=1, default_missing_value = "10s")]
    pub(crate) confirm: Option<Patience>,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// Whose
    #[arg(long, value_name = "ID")]
    pub(crate) organization: OrganizationId,
    /// The file, or - for standard input
    pub(crate) file: PathBuf,
    /// What it is written in; by default its name says so: .jsonl, .ndjson or .csv
    #[arg(long)]
    pub(crate) format: Option<ImportFormat>,
}
