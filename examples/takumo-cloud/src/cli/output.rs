use std::io::{self, Write};

use serde::Serialize;

/// How a result is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// For a person.
    Table,
    /// For a program.
    Json,
}

/// Prints a result to standard output.
pub(super) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

/// Prints a result as indented JSON.
pub(super) fn print_json(value: &impl Serialize) -> io::Result<()> {
    print(&serde_json::to_string_pretty(value)?)
}

/// Prints a table, or nothing but a remark when it has no rows.
pub(super) fn print_table(headings: &[&str], rows: &[Vec<String>]) -> io::Result<()> {
    if rows.is_empty() {
        remark("none");
        return Ok(());
    }
    let headings: Vec<_> = headings.iter().map(|heading| (*heading).to_owned()).collect();
    let lines: Vec<_> = std::iter::once(&headings).chain(rows).collect();
    let mut widths = vec![0; headings.len()];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(*line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let lines: Vec<_> = lines.into_iter().map(|cells| line(cells, &widths)).collect();
    print(&lines.join("\n"))
}

/// Says something beside the result, on standard error. If nobody listens, so be it.
pub(super) fn remark(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

fn line(row: &[String], widths: &[usize]) -> String {
    let cells: Vec<_> =
        row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
    cells.join("  ").trim_end().to_owned()
}

/// What a table shows where there is nothing.
pub(super) fn or_dash(text: Option<String>) -> String {
    text.unwrap_or_else(|| "-".into())
}
