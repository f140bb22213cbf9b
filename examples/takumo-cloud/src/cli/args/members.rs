use clap::Subcommand;
use keyfob::OrganizationId;

use crate::people::{Login, Role};

const LOCAL: &str = "http://127.0.0.1:8080";

#[derive(Debug, Subcommand)]
pub(crate) enum Members {
    /// Add a member, and print the link by which somebody new signs in
    Add {
        /// What they sign in with: an address of mail, or a name in lower case
        login: Login,
        /// Of which organization
        #[arg(long, value_name = "ID")]
        organization: OrganizationId,
        /// What they may do: see; make keys; manage all keys; manage members too
        #[arg(long, value_name = "viewer|member|admin|owner")]
        role: Role,
        /// Where people reach the server
        #[arg(long, default_value = LOCAL)]
        url: String,
    },
    /// List an organization's members
    List {
        /// Of which organization
        #[arg(long, value_name = "ID")]
        organization: OrganizationId,
    },
    /// Give a member another role
    SetRole {
        /// Who
        login: Login,
        /// The new role
        #[arg(value_name = "viewer|member|admin|owner")]
        role: Role,
        /// Of which organization
        #[arg(long, value_name = "ID")]
        organization: OrganizationId,
    },
    /// Remove a member. Keys that they made go on working
    Remove {
        /// Who
        login: Login,
        /// Of which organization
        #[arg(long, value_name = "ID")]
        organization: OrganizationId,
    },
    /// Print a link that signs somebody in once, and voids the one before
    Link {
        /// Who
        login: Login,
        /// Where people reach the server
        #[arg(long, default_value = LOCAL)]
        url: String,
    },
    /// End somebody's sessions, and print their new password
    ResetPassword {
        /// Who
        login: Login,
    },
}
