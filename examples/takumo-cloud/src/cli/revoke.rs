use keyfob::{Confirmation, NodeConfirmation, NodeState};

use super::args::{Patience, Revoke};
use super::failure::{Exit, Failure};
use super::key_output::print_one;
use super::keys::operator;
use super::output::{self, Format};
use crate::app::App;
use crate::time::short;
use crate::views::{ConfirmationView, RevokedView};

pub(super) async fn run(app: &App, revoke: Revoke, format: Format) -> Result<(), Failure> {
    let Revoke { key, reason, confirm } = revoke;
    let revoke = app.keys.revoke(&key.organization, key.id, reason, operator());
    let Some(Patience(timeout)) = confirm else {
        let revoked = revoke.await?;
        output::remark("revoked: running servers refuse it within seconds");
        return print_one(&revoked, app.keys.now(), format);
    };
    let confirmation = revoke.confirmed(timeout).await?;
    let now = app.keys.now();
    if format == Format::Json {
        let shown = ConfirmationView { confirmation: &confirmation, sees_nodes: true };
        output::print_json(&RevokedView::new(&confirmation.key, Some(shown), now))?;
    } else {
        print_one(&confirmation.key, now, format)?;
        print_nodes(&confirmation)?;
    }
    if confirmation.in_force() {
        output::remark(&how_it_is_known(&confirmation));
        return Ok(());
    }
    Err(Failure::new(
        Exit::Unconfirmed,
        format!("it is revoked; {}", what_is_missing(&confirmation)),
    ))
}

fn print_nodes(confirmation: &Confirmation) -> Result<(), Failure> {
    if confirmation.nodes.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = confirmation.nodes.iter().map(row).collect();
    output::print("")?;
    output::print_table(&["SERVER", "NAME", "THE REVOCATION IS"], &rows)?;
    Ok(())
}

fn row(node: &NodeConfirmation) -> Vec<String> {
    let state = match node.state {
        NodeState::Applied { at } => format!("applied, as of {}", short(at)),
        NodeState::NotYet { last_report, lag } => {
            format!("not applied as of {}, {lag} behind", short(last_report))
        }
        NodeState::Gone { last_report } => {
            format!("not awaited: silent since {}", short(last_report))
        }
    };
    vec![node.id.to_string(), node.name.to_string(), state]
}

fn how_it_is_known(confirmation: &Confirmation) -> String {
    let bound = confirmation.staleness_bound.as_secs();
    if confirmation.bound_passed {
        format!("revoked: the staleness bound of {bound} s has passed, so no server accepts it")
    } else if confirmation.nodes.is_empty() {
        "revoked: the database knows of no running server".into()
    } else {
        "revoked: every running server refuses it".into()
    }
}

fn what_is_missing(confirmation: &Confirmation) -> String {
    let bound = confirmation.staleness_bound.as_secs();
    if confirmation.nodes_listed {
        format!(
            "not every server has said that it knows. All of them refuse it {bound} s after {}",
            short(confirmation.committed_at)
        )
    } else {
        format!("the list of servers could not be read. All of them refuse it within {bound} s")
    }
}
