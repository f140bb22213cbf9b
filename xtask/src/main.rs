//! The workspace's own tasks: `cargo xtask help` lists them.
//!
//! Progress goes to standard error. Standard output has what the tests print, and the totals.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "talking to a terminal is its job")]

mod apt;
mod cargo_tool;
mod cluster;
mod failure;
mod feature_set;
mod fuzz;
mod lint;
mod metadata;
mod package;
mod step;
mod system_need;
mod task;
mod test;
mod totals;

use std::process::ExitCode;

use crate::task::Task;

fn main() -> ExitCode {
    let arguments = std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into());
    match Task::parse(arguments) {
        Ok(task) => task.run(),
        Err(error) => {
            eprintln!("error: {error}\n\n{}", task::HELP);
            ExitCode::from(2)
        }
    }
}
