//! The program itself: the operator's commands and `serve`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::place;

/// The program, on the database of a directory.
pub(crate) struct Operator {
    directory: PathBuf,
}

impl Operator {
    pub(crate) fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    /// A command that has nothing of this process's environment that it might look at.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_takumo-cloud"));
        command
            .args(arguments)
            .current_dir(&self.directory)
            .env_remove("TAKUMO_API_KEY")
            .env_remove("TAKUMO_LOG")
            .env("TAKUMO_DATABASE", place::url(&self.directory));
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// What a command that must succeed prints, without the last line feed.
    #[track_caller]
    pub(crate) fn stdout(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {errors}");
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.stdout(&[arguments, &["--json"]].concat())).unwrap()
    }

    /// The exit code and the message of a command that must fail.
    #[track_caller]
    pub(crate) fn failure(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.run(arguments);
        assert!(!output.status.success(), "{arguments:?} succeeded");
        assert!(output.stdout.is_empty(), "{arguments:?} printed a result");
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    #[track_caller]
    pub(crate) fn create_organization(&self, id: &str, plan: &str) {
        self.stdout(&["organizations", "create", id, "--plan", plan]);
    }

    /// Makes a key that may do everything.
    #[track_caller]
    pub(crate) fn create_key(&self, organization: &str, environment: &str) -> String {
        self.stdout(&[
            "keys",
            "create",
            "--organization",
            organization,
            "--name",
            "made-by-a-test",
            "--environment",
            environment,
            "--scope",
            "*:*",
        ])
    }
}
