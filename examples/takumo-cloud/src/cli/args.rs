use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use jiff::{Span, SpanRelativeTo};
use keyfob::{Environment, KeyId, KeyName, OrganizationId, Reason};

use crate::config::{Config, DatabaseUrl};
use crate::takumo::{MAX_LIFE, Plan};

/// Takumo Cloud: an HTTP service whose every request needs an API key.
///
/// Without a command it serves.
#[derive(Debug, Parser)]
#[command(version, after_help = AFTER_HELP)]
pub(super) struct Arguments {
    /// Where everything is kept
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

Environment:
  TAKUMO_API_KEY   the key that `request` uses; a .env file may hold it. There is no option for it:
                   what stands on a command line can be read by every user of the machine
  TAKUMO_DATABASE  the same as --database
  TAKUMO_LOG       what to log on standard error: error, warn, info, debug, trace, or by module";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Serve the HTTP API until SIGINT or SIGTERM
    Serve(Serve),
    /// Make and list organizations
    Organizations {
        #[command(subcommand)]
        command: Organizations,
    },
    /// Make, list, show and revoke keys
    Keys {
        #[command(subcommand)]
        command: Keys,
    },
    /// Print an organization's audit log, newest first
    Audit(Audit),
    /// Call the server with the key in the environment
    Request(Request),
}

#[derive(Debug, Args)]
pub(super) struct Serve {
    /// The address to listen on. What is not a loopback address is reachable from outside
    #[arg(long, default_value = Config::DEFAULT_LISTEN, value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Refuse keys of the other environment
    #[arg(long, value_name = "live|test")]
    require_environment: Option<Environment>,
}

impl Default for Serve {
    fn default() -> Self {
        let listen = Config::DEFAULT_LISTEN.parse().expect("the default is an address");
        Self { listen, require_environment: None }
    }
}

impl Serve {
    pub(super) fn config(self, database: DatabaseUrl) -> Config {
        let Self { listen, require_environment } = self;
        Config { listen, database, require_environment }
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
}

#[derive(Debug, Subcommand)]
pub(super) enum Keys {
    /// Make a key. It is printed once, alone, on standard output
    Create {
        /// Whose
        #[arg(long, value_name = "ID")]
        organization: OrganizationId,
        /// Where it is used: ci-pipeline, cursor-laptop
        #[arg(long)]
        name: KeyName,
        /// A test key reaches nothing live
        #[arg(long, value_name = "live|test")]
        environment: Environment,
        /// What it may do: shield:read, or a wildcard such as shield:* (again for more)
        #[arg(long = "scope", required = true, value_name = "SCOPE")]
        scopes: Vec<String>,
        /// When it ends: 90d, 12h, "1w 2d". By default never
        #[arg(long, value_name = "SPAN")]
        expires_in: Option<Lifetime>,
    },
    /// List keys, newest first
    List {
        /// Whose
        #[arg(long, value_name = "ID")]
        organization: OrganizationId,
        /// Only keys of this environment
        #[arg(long, value_name = "live|test")]
        environment: Option<Environment>,
        /// At most so many
        #[arg(long, value_name = "NUMBER")]
        limit: Option<usize>,
    },
    /// Show one key
    Show {
        /// Whose
        #[arg(long, value_name = "ID")]
        organization: OrganizationId,
        /// The key's id
        key: KeyId,
    },
    /// Revoke a key, for ever
    Revoke {
        /// Whose
        #[arg(long, value_name = "ID")]
        organization: OrganizationId,
        /// The key's id, not the key
        key: KeyId,
        /// Why, for the audit log
        #[arg(long)]
        reason: Option<Reason>,
    },
}

#[derive(Debug, Args)]
pub(super) struct Audit {
    /// Whose
    #[arg(long, value_name = "ID")]
    pub(super) organization: OrganizationId,
    /// At most so many events
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    pub(super) limit: usize,
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

/// How long a key lives: `90d`. A day has 24 hours here, and a month no fixed length at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lifetime(pub(super) Duration);

impl std::str::FromStr for Lifetime {
    type Err = InvalidLifetime;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let span: Span = text.parse().map_err(|_| InvalidLifetime)?;
        let duration =
            span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| InvalidLifetime)?;
        match Duration::try_from(duration) {
            Ok(duration) if (1..=MAX_LIFE).contains(&duration.as_secs()) => Ok(Self(duration)),
            _ => Err(InvalidLifetime),
        }
    }
}

/// The text is no span of time that a key could live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("give weeks, days, hours, minutes or seconds, up to 100 years: 90d, 12h, \"1w 2d\"")]
pub(super) struct InvalidLifetime;

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn lifetime_is_a_span_of_fixed_length() {
        let days = |days: u64| Ok(Lifetime(Duration::from_secs(days * 24 * 60 * 60)));
        assert_eq!("90d".parse(), days(90));
        assert_eq!("1w 2d".parse(), days(9));
        assert_eq!("24h".parse(), days(1));
        for bad in ["", "0s", "-1d", "1 month", "1y", "90", "soon", "5300w"] {
            assert_eq!(bad.parse::<Lifetime>(), Err(InvalidLifetime), "{bad}");
        }
    }
}
