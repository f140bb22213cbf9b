//! `cargo xtask cluster`: the trials, and the nodes that they start.

#![allow(clippy::print_stderr, reason = "talking to a terminal is its job")]

use std::process::ExitCode;

use keyfob_trials::{Options, USAGE};

/// How the controller calls itself for a node. Everything else comes over standard input.
const NODE: &str = "node";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.peek().is_some_and(|first| first == NODE) {
        return keyfob_trials::run_node();
    }
    let outcome = match Options::parse(arguments) {
        Ok(Some(options)) => options.run(),
        Ok(None) => {
            eprintln!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("error: {error}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
