use clap::ValueEnum;
use serde_json::{Map, Value};

use crate::json::{JsonObject, unknown};

use super::cells::Cells;
use super::record::{FIELDS, OPTIONAL};

/// What a file of keys is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ImportFormat {
    /// JSON Lines
    Jsonl,
    /// CSV, with a first line that names the columns
    Csv,
}

impl ImportFormat {
    /// The format that a file's name ends on.
    pub(crate) fn of_extension(extension: &str) -> Option<Self> {
        match extension.to_ascii_lowercase().as_str() {
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            "csv" => Some(Self::Csv),
            _ => None,
        }
    }
}

/// Makes the fields of a key from a line.
pub(super) enum Parser {
    Json,
    Csv { cells: Box<Cells>, columns: Columns },
}

/// What the first line of CSV says, on which all others depend.
pub(super) enum Columns {
    Unread,
    Named(Vec<String>),
    /// They are wrong: there is no telling what the lines mean.
    Lost,
}

/// What is wrong with a line, in as many sentences as it takes.
type Problems = Vec<String>;

impl Parser {
    pub(super) fn new(format: ImportFormat) -> Self {
        match format {
            ImportFormat::Jsonl => Self::Json,
            ImportFormat::Csv => {
                Self::Csv { cells: Box::new(Cells::new()), columns: Columns::Unread }
            }
        }
    }

    /// Reads a line. The one that names the columns has no fields.
    pub(super) fn parse(&mut self, line: &str) -> Result<Option<JsonObject>, Problems> {
        match self {
            Self::Json => parse_json(line).map(Some),
            Self::Csv { cells, columns } => {
                let cells = cells.of(line).map_err(|problem| vec![problem.to_string()])?;
                columns.read(cells)
            }
        }
    }

    pub(super) const fn is_lost(&self) -> bool {
        matches!(self, Self::Csv { columns: Columns::Lost, .. })
    }
}

impl Columns {
    fn read(&mut self, cells: Vec<String>) -> Result<Option<JsonObject>, Problems> {
        match self {
            Self::Unread => {
                let problems = wrong_columns(&cells);
                let is_right = problems.is_empty();
                *self = if is_right { Self::Named(cells) } else { Self::Lost };
                if is_right { Ok(None) } else { Err(problems) }
            }
            Self::Named(columns) => fields(columns, cells).map(Some),
            Self::Lost => Ok(None),
        }
    }
}

fn parse_json(line: &str) -> Result<JsonObject, Problems> {
    serde_json::from_str(line).map_err(|error| {
        vec![match error.classify() {
            serde_json::error::Category::Data => {
                "must be a JSON object that has each field once".into()
            }
            _ => format!("is not valid JSON: see column {}", error.column()),
        }]
    })
}

fn wrong_columns(columns: &[String]) -> Problems {
    let mut problems = Vec::new();
    for (at, column) in columns.iter().enumerate() {
        if !FIELDS.contains(&column.as_str()) {
            problems.push(unknown("column", column).message().to_owned());
        } else if columns[..at].contains(column) {
            problems.push(format!("the column {column:?} stands there twice"));
        }
    }
    for needed in FIELDS.iter().filter(|field| !OPTIONAL.contains(field)) {
        if !columns.iter().any(|column| column == needed) {
            problems.push(format!("there is no column {needed:?}"));
        }
    }
    problems
}

/// A line of CSV as the JSON object that says the same. An empty cell is a field that is missing.
fn fields(columns: &[String], cells: Vec<String>) -> Result<JsonObject, Problems> {
    if cells.len() != columns.len() {
        return Err(vec![format!("has {} cells for {} columns", cells.len(), columns.len())]);
    }
    let filled = columns.iter().zip(cells).filter(|(_, cell)| !cell.is_empty());
    let fields = filled.map(|(column, cell)| {
        let value = match column.as_str() {
            "scopes" => cell.split_whitespace().collect(),
            _ => Value::String(cell),
        };
        (column.clone(), value)
    });
    Ok(JsonObject::from(fields.collect::<Map<_, _>>()))
}
