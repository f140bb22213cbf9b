use clap::ValueEnum;
use serde_json::{Map, Value};

use crate::json::{JsonObject, unknown};

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
    /// CSV before its first line, of which all others depend.
    CsvStart,
    Csv {
        columns: Vec<String>,
    },
    /// CSV whose columns are wrong: there is no telling what the lines mean.
    Lost,
}

/// What is wrong with a line, in as many sentences as it takes.
type Problems = Vec<String>;

impl Parser {
    pub(super) const fn new(format: ImportFormat) -> Self {
        match format {
            ImportFormat::Jsonl => Self::Json,
            ImportFormat::Csv => Self::CsvStart,
        }
    }

    /// Reads a line. The one that names the columns has no fields.
    pub(super) fn parse(&mut self, line: &str) -> Result<Option<JsonObject>, Problems> {
        match self {
            Self::Json => parse_json(line).map(Some),
            Self::CsvStart => {
                let columns = cells(line)?;
                let problems = wrong_columns(&columns);
                let is_right = problems.is_empty();
                *self = if is_right { Self::Csv { columns } } else { Self::Lost };
                if is_right { Ok(None) } else { Err(problems) }
            }
            Self::Csv { columns } => fields(columns, cells(line)?).map(Some),
            Self::Lost => Ok(None),
        }
    }

    pub(super) const fn is_lost(&self) -> bool {
        matches!(self, Self::Lost)
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

/// The cells of a line. Each line is read by itself: no field of a key may hold a line feed, and a
/// quote that is left open spoils its own line only.
fn cells(line: &str) -> Result<Vec<String>, Problems> {
    if line.matches('"').count() % 2 == 1 {
        return Err(vec!["a quote is not closed".into()]);
    }
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .buffer_capacity(line.len().max(1))
        .from_reader(line.as_bytes());
    let mut record = csv::StringRecord::new();
    match reader.read_record(&mut record) {
        Ok(_) => Ok(record.iter().map(str::to_owned).collect()),
        Err(_) => Err(vec!["is not valid CSV".into()]),
    }
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
