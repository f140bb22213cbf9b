use keyfob::UsageRow;
use serde_json::json;

use super::args::{Usage, UsageCommand, When};
use super::failure::{Exit, Failure};
use super::output::{self, Format};
use crate::app::App;
use crate::usage_view::{TallyView, UsageView, range};

pub(super) async fn run(app: &App, usage: Usage, format: Format) -> Result<(), Failure> {
    let Usage { command, organization, from, to, granularity } = usage;
    if let Some(UsageCommand::Prune { before: When(before) }) = command {
        let pruned = app.keys.prune_usage(before).await?;
        if format == Format::Json {
            output::print_json(&json!({ "pruned": pruned }))?;
        } else {
            output::print(&format!("{pruned} counts were forgotten"))?;
        }
        return Ok(());
    }
    let Some(organization) = organization else {
        return Err(Failure::new(Exit::Usage, "say whose usage: --organization ID"));
    };
    app.organization(&organization).await?;
    let moment = |when: Option<When>| when.map(|When(at)| at);
    let range = range(moment(from), moment(to), granularity, app.keys.now());
    let report = app.keys.usage(&organization, range).await?;
    let view = UsageView::new(report, granularity, None);
    let is_saturated = view.total.saturated;
    if format == Format::Json {
        output::print_json(&view)?;
    } else {
        print(view)?;
    }
    if is_saturated {
        output::remark(&format!(
            "a count of {} has stopped there: there may have been more",
            UsageRow::MOST
        ));
    }
    Ok(())
}

/// Two tables: by time, and by key.
fn print(view: UsageView) -> Result<(), Failure> {
    let row = |first: Vec<String>, tally: TallyView| {
        [first, vec![tally.accepted.to_string(), tally.refused.to_string()]].concat()
    };
    let buckets = view.buckets.into_iter().map(|bucket| row(vec![bucket.start], bucket.tally));
    let total = row(vec!["total".into()], view.total);
    let buckets: Vec<_> = buckets.chain([total]).collect();
    output::print_table(&["FROM", "ACCEPTED", "REFUSED"], &buckets)?;
    let keys = view.keys.into_iter().map(|key| row(vec![key.id, key.name], key.total));
    let keys: Vec<_> = keys.collect();
    if !keys.is_empty() {
        output::print("")?;
        output::print_table(&["KEY", "NAME", "ACCEPTED", "REFUSED"], &keys)?;
    }
    Ok(())
}
