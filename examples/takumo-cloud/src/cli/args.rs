mod keys;
mod members;
mod times;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use keyfob::{Actor, Environment, KeyId, KeyName, OrganizationId};

use crate::config::{Config, DatabaseConfig};
use crate::database_url::DatabaseUrl;
use crate::public_url::PublicUrl;
use crate::takumo::Plan;
use crate::usage_view::Grain;
use crate::views::NamedAction;

pub(super) use keys::{Change, Create, Edit, Expires, Import, Keys, List, Revoke, Rotate};
pub(super) use members::Members;
pub(super) use times::{Lifetime, Patience, When};

/// Takumo Cloud: an HTTP service whose every request needs an API key.
///
/// Without a command it serves.
#[derive(Debug, Parser)]
#[command(version, after_help = AFTER_HELP)]
pub(super) struct Arguments {
    /// Where everything is kept: `sqlite://FILE` or `postgres://USER@HOST/DATABASE`
    #[arg(
        long,
        global = true,
        env = "TAKUMO_DATABASE",
        hide_env_values = true,
        default_value = DatabaseUrl::DEFAULT,
        value_name = "URL"
    )]
    // Parsed later: clap's own message would quote it, and a URL may hold a password.
    pub(super) database: String,
    /// Of a PostgreSQL database behind a pooler: a URL straight to the primary, where other servers'
    /// changes are heard at once. Without it they are found within a second
    #[arg(
        long,
        global = true,
        env = "TAKUMO_NOTIFICATIONS_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub(super) notifications_url: Option<String>,
    /// A streaming replica of a PostgreSQL database, which may answer lookups of keys. Give it once
    /// for each; in the environment, with spaces between them
    #[arg(
        long = "replica",
        global = true,
        env = "TAKUMO_REPLICAS",
        hide_env_values = true,
        value_delimiter = ' ',
        value_name = "URL"
    )]
    pub(super) replicas: Vec<String>,
    /// A PEM file with the certificate of the authority that signed PostgreSQL's, in place of the
    /// system's authorities
    #[arg(long, global = true, env = "TAKUMO_DATABASE_CA", value_name = "FILE")]
    pub(super) database_ca: Option<PathBuf>,
    /// Print JSON instead of tables
    #[arg(long, global = true)]
    pub(super) json: bool,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

const AFTER_HELP: &str = "\
Exit codes:
  0  done
  1  failed: the message says why
  2  the command line is wrong
  3  not found: no such organization, key or path
  4  the plan's limit of keys is reached
  5  in conflict with what is there already
  6  the server refused the key (request)
  7  the file is wrong: each of its lines that is was named (keys import)
  8  revoked, and not confirmed by every running server (keys revoke --confirm)

Environment:
  TAKUMO_API_KEY   the key that `request` uses; a .env file may hold it. There is no option for it:
                   what stands on a command line can be read by every user of the machine
  TAKUMO_DATABASE  the same as --database: where a URL with a password belongs
  TAKUMO_LOG       what to log on standard error: error, warn, info, debug, trace, or by module";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Serve the HTTP API and the pages until SIGINT or SIGTERM
    Serve(Serve),
    /// Make the tables, or bring them up to this release, and do nothing else
    Migrate,
    /// Make, list, change and delete organizations
    Organizations {
        #[command(subcommand)]
        command: Organizations,
    },
    /// Make, list, rotate, edit and revoke keys
    Keys {
        #[command(subcommand)]
        command: Keys,
    },
    /// Add, list and change the people who use the pages
    Members {
        #[command(subcommand)]
        command: Members,
    },
    /// Print how often an organization's keys were accepted and refused
    Usage(Usage),
    /// Print an organization's audit log, newest first
    Audit(Audit),
    /// Call the server with the key in the environment
    Request(Request),
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

#[derive(Debug, Args)]
pub(super) struct Serve {
    /// The address to listen on. What is not a loopback address is reachable from outside
    #[arg(long, default_value = Config::DEFAULT_LISTEN, value_name = "ADDRESS")]
    listen: SocketAddr,
    /// How browsers reach the pages, if a proxy on this machine ends TLS in front of them
    #[arg(long, value_name = "https://HOST")]
    public_url: Option<PublicUrl>,
    /// Refuse keys of the other environment
    #[arg(long, value_name = "live|test")]
    require_environment: Option<Environment>,
}

impl Default for Serve {
    fn default() -> Self {
        let listen = Config::DEFAULT_LISTEN.parse().expect("the default is an address");
        Self { listen, public_url: None, require_environment: None }
    }
}

impl Serve {
    pub(super) fn config(self, database: DatabaseConfig) -> Config {
        let Self { listen, public_url, require_environment } = self;
        Config { listen, public_url, database, require_environment }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Organizations {
    /// Make an organization
    Create {
        /// Its id: 1 to 128 visible ASCII characters
        id: OrganizationId,
        /// How many keys it may hold: 3, 10, 20, or any number
        #[arg(long, value_name = "free|developer|pro|enterprise")]
        plan: Plan,
        /// What people call it; by default its id
        #[arg(long)]
        name: Option<KeyName>,
    },
    /// List every organization
    List,
    /// Change an organization's name or plan
    Edit {
        /// Its id
        id: OrganizationId,
        #[command(flatten)]
        change: ChangeOrganization,
    },
    /// Delete an organization: its keys, its scans, its policies, for ever
    Delete {
        /// Its id
        id: OrganizationId,
        /// Its id again
        #[arg(long, value_name = "ID")]
        confirm: OrganizationId,
    },
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(super) struct ChangeOrganization {
    /// What people shall call it
    #[arg(long)]
    pub(super) name: Option<KeyName>,
    /// The new plan. Keys beyond its limit go on working
    #[arg(long, value_name = "free|developer|pro|enterprise")]
    pub(super) plan: Option<Plan>,
}

#[derive(Debug, Args)]
pub(super) struct Audit {
    /// Whose
    #[arg(long, value_name = "ID")]
    pub(super) organization: OrganizationId,
    /// At most so many events: by default 100, and in an export all of them
    #[arg(long, value_name = "NUMBER")]
    pub(super) limit: Option<usize>,
    /// Only events of this key
    #[arg(long, value_name = "KEY")]
    pub(super) key: Option<KeyId>,
    /// Only what this actor did: cli, key:0190…
    #[arg(long)]
    pub(super) actor: Option<Actor>,
    /// Only this: key.revoked, organization.edited
    #[arg(long)]
    pub(super) action: Option<NamedAction>,
    /// Print the events of deleted organizations of this id as well, if there is one now or not
    #[arg(long)]
    pub(super) include_deleted: bool,
    /// Print the whole log, an event on each line
    #[arg(long, value_name = "FORMAT")]
    pub(super) export: Option<Export>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Export {
    /// JSON Lines
    Jsonl,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct Usage {
    #[command(subcommand)]
    pub(super) command: Option<UsageCommand>,
    /// Whose
    #[arg(long, value_name = "ID", required = true)]
    pub(super) organization: Option<OrganizationId>,
    /// From this time, or day, on: by default from 24 hours before the end
    #[arg(long, value_name = "TIME")]
    pub(super) from: Option<When>,
    /// Up to this time, or day: by default now
    #[arg(long, value_name = "TIME")]
    pub(super) to: Option<When>,
    /// Count by the hour, the day or the month, UTC
    #[arg(long, value_name = "hour|day|month", default_value = "hour")]
    pub(super) granularity: Grain,
}

#[derive(Debug, Subcommand)]
pub(super) enum UsageCommand {
    /// Forget old usage, of every organization
    Prune {
        /// Forget the hours before the one of this time, or day
        #[arg(long, value_name = "TIME")]
        before: When,
    },
}

#[derive(Debug, Args)]
pub(super) struct Request {
    /// The path, such as /v1/whoami
    pub(super) path: String,
    /// GET by default, or POST with --data
    #[arg(long, short = 'X')]
    pub(super) method: Option<String>,
    /// A JSON body
    #[arg(long, short = 'd')]
    pub(super) data: Option<String>,
    /// Where the server is
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    pub(super) url: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn command_line_is_sound() {
        Arguments::command().debug_assert();
    }
}
