//! The command line: the server, the operator's tool on its database, and a client.

mod args;
mod audit;
mod failure;
mod keys;
mod organizations;
mod output;
mod request;
mod serve;

use std::future::Future;
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use crate::app::{App, IfMissing};
use crate::config::DatabaseUrl;
use args::{Arguments, Command, Serve};
use failure::{Exit, Failure};
use output::Format;

/// Runs the command that the process was started with.
#[must_use]
pub fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        // Help and the version are no errors; clap knows which goes where.
        Err(error) => {
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Success };
            return if error.print().is_ok() { exit.into() } else { Exit::Failure.into() };
        }
    };
    match dispatch(arguments) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            output::remark(&format!("takumo-cloud: {failure}"));
            failure.exit().into()
        }
    }
}

fn dispatch(arguments: Arguments) -> Result<Exit, Failure> {
    let Arguments { database, json, command } = arguments;
    let format = if json { Format::Json } else { Format::Table };
    let database: DatabaseUrl = database.parse()?;
    let open = async |if_missing| App::open(&database, if_missing, None).await;
    match command.unwrap_or_else(|| Command::Serve(Serve::default())) {
        Command::Serve(serve) => {
            log("info");
            let runtime = tokio::runtime::Runtime::new()?;
            runtime.block_on(serve::run(&serve.config(database.clone())))?;
        }
        Command::Organizations { command } => block_on(async {
            let app = open(organizations::if_missing(&command)).await?;
            organizations::run(&app, command, format).await?;
            app.close().await;
            Ok(())
        })?,
        Command::Keys { command } => block_on(async {
            let app = open(IfMissing::Fail).await?;
            keys::run(&app, command, format).await?;
            app.close().await;
            Ok(())
        })?,
        Command::Audit(query) => block_on(async {
            let app = open(IfMissing::Fail).await?;
            audit::run(&app, query, format).await?;
            app.close().await;
            Ok(())
        })?,
        Command::Request(call) => return request::run(&call, format),
    }
    Ok(Exit::Success)
}

/// One command is one short-lived task: a thread beside this one would have nothing to do.
fn block_on<T>(command: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    log("warn");
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(command)
}

/// Writes the log to standard error, so that standard output stays what was asked for.
fn log(default: &str) {
    let filter = EnvFilter::try_from_env("TAKUMO_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
}
