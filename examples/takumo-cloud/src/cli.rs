//! The command line: the server, the operator's tool on its database, and a client.

mod args;
mod audit;
mod completions;
mod failure;
mod import;
mod key_output;
mod keys;
mod members;
mod organizations;
mod output;
mod progress;
mod request;
mod revoke;
mod serve;
mod usage;

use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use crate::app::{App, Purpose};
use crate::config::{Beside, DatabaseConfig};
use crate::database_url::{InvalidDatabaseUrl, PostgresUrl};
use crate::scanner;
use crate::store::IfMissing;
use args::{Arguments, Command, Serve};
use failure::{Exit, Failure};
use output::Format;

/// Runs the command that the process was started with.
#[must_use]
pub fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        // Help and the version are no errors; clap knows which goes where.
        Err(error) if error.use_stderr() && a_key_was_given() => {
            output::remark("takumo-cloud: the command line is wrong, and it holds an API key");
            return Exit::Usage.into();
        }
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

/// Then clap's error is not shown, since it quotes what it was given.
fn a_key_was_given() -> bool {
    std::env::args_os().any(|argument| scanner::mentions_key(&argument.to_string_lossy()))
}

fn dispatch(arguments: Arguments) -> Result<Exit, Failure> {
    let database = database(&arguments)?;
    let Arguments { json, command, .. } = arguments;
    let format = if json { Format::Json } else { Format::Table };
    match command.unwrap_or_else(|| Command::Serve(Serve::default())) {
        Command::Serve(serve) => {
            log("info");
            let runtime = tokio::runtime::Runtime::new()?;
            runtime.block_on(serve::run(&serve.config(database.clone())))?;
        }
        Command::Migrate => {
            on_database(&database, IfMissing::Create, async |_| {
                output::remark("the tables are those of this release");
                Ok(())
            })?;
        }
        Command::Organizations { command } => {
            let if_missing = organizations::if_missing(&command);
            on_database(&database, if_missing, async |app| {
                organizations::run(app, command, format).await
            })?;
        }
        Command::Keys { command } => {
            on_database(&database, IfMissing::Fail, async |app| {
                keys::run(app, command, format).await
            })?;
        }
        Command::Members { command } => {
            on_database(&database, IfMissing::Fail, async |app| {
                members::run(app, command, format).await
            })?;
        }
        Command::Usage(query) => {
            on_database(&database, IfMissing::Fail, async |app| {
                usage::run(app, query, format).await
            })?;
        }
        Command::Audit(query) => {
            on_database(&database, IfMissing::Fail, async |app| {
                audit::run(app, query, format).await
            })?;
        }
        Command::Completions { shell } => completions::run(shell)?,
        Command::Request(call) => return request::run(&call, format),
    }
    Ok(Exit::Success)
}

fn database(arguments: &Arguments) -> Result<DatabaseConfig, InvalidDatabaseUrl> {
    // In the environment, what is not wanted may be there and empty.
    let given = |url: &&String| !url.is_empty();
    let postgres = |url: &String| url.parse::<PostgresUrl>();
    let notifications = arguments.notifications_url.as_ref().filter(given);
    let replicas = arguments.replicas.iter().filter(given);
    let beside = Beside {
        notifications: notifications.map(postgres).transpose()?,
        replicas: replicas.map(postgres).collect::<Result<_, _>>()?,
        certificates: arguments.database_ca.clone(),
    };
    DatabaseConfig::new(arguments.database.parse()?, beside)
}

/// One command is one short-lived task: a thread beside this one would have nothing to do.
fn on_database(
    database: &DatabaseConfig,
    if_missing: IfMissing,
    command: impl AsyncFnOnce(&App) -> Result<(), Failure>,
) -> Result<(), Failure> {
    log("warn");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let app = App::open(database, if_missing, Purpose::Operate).await?;
        let done = command(&app).await;
        app.close().await;
        done
    })
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
