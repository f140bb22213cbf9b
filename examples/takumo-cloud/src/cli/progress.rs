use std::fs::File;
use std::io::{self, IsTerminal, Read};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How far a long command has come, for a person who waits: on standard error, and only if that
/// is a terminal.
pub(super) struct Progress(ProgressBar);

impl Progress {
    pub(super) fn new() -> Self {
        let is_seen = io::stderr().is_terminal();
        let target =
            if is_seen { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Self(ProgressBar::with_draw_target(None, target))
    }

    /// Shows how much of a file of so many bytes was read.
    pub(super) fn reading(&self, file: File, bytes: u64) -> impl Read + use<> {
        self.0.set_length(bytes);
        self.0.set_style(style("{bytes} of {total_bytes} read"));
        self.0.wrap_read(file)
    }

    /// Begins the next part of the work, which has so many steps.
    pub(super) fn next(&self, steps: usize, what: &str) {
        self.0.reset();
        self.0.set_length(u64::try_from(steps).unwrap_or(u64::MAX));
        self.0.set_style(style(&format!("{{pos}} of {{len}} {what}")));
    }

    pub(super) fn advance(&self, steps: usize) {
        self.0.inc(u64::try_from(steps).unwrap_or(u64::MAX));
    }

    /// Takes it off the terminal.
    pub(super) fn done(&self) {
        self.0.finish_and_clear();
    }
}

fn style(numbers: &str) -> ProgressStyle {
    ProgressStyle::with_template(&format!("{{bar:40}} {numbers}"))
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}
