use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use keyfob::{ImportKey, KeyLimit, KeyRecord, KeyStore, OrganizationId, StoreError};
use serde_json::json;

use super::args::Import;
use super::failure::{Exit, Failure};
use super::keys::operator;
use super::output::{self, Format};
use super::progress::Progress;
use crate::app::App;
use crate::import::{self, ImportFormat, Problem, Reading};
use crate::takumo::Scope;
use crate::views::KeyView;

/// Imports a file: all of its keys, or none and a report of everything that is wrong with it.
pub(super) async fn run(app: &App, import: Import, format: Format) -> Result<(), Failure> {
    let Import { organization, file, format: named } = import;
    let limit = app.organization(&organization).await?.plan.key_limit();
    let written_in = written_in(&file, named)?;

    let progress = Progress::new();
    let reading = read(app, &file, written_in, &progress)?;
    progress.next(reading.keys.len(), "compared with the database");
    let known = known(app, &reading, &progress).await?;
    let in_use = app.keys.keys_in_use(&organization).await?;
    progress.done();
    refuse_what_is_wrong(&file, &reading, &known, limit, in_use)?;

    let imported = store(app, &organization, reading, limit).await?;
    report_success(app, &imported, format)
}

fn written_in(file: &Path, named: Option<ImportFormat>) -> Result<ImportFormat, Failure> {
    let extension = file.extension().and_then(OsStr::to_str);
    named.or_else(|| ImportFormat::of_extension(extension?)).ok_or_else(|| {
        Failure::new(Exit::Usage, "say what the file is written in: --format jsonl, or csv")
    })
}

fn read(
    app: &App,
    file: &Path,
    format: ImportFormat,
    progress: &Progress,
) -> Result<Reading, Failure> {
    let failure = |error: io::Error| {
        let message = format!("{} can't be read: {error}", file.display());
        Failure::new(Exit::Failure, message)
    };
    let now = app.keys.now();
    if file == Path::new("-") {
        return import::read(BufReader::new(io::stdin()), format, now).map_err(failure);
    }
    let input = File::open(file).map_err(failure)?;
    let bytes = input.metadata().map_err(failure)?.len();
    import::read(BufReader::new(progress.reading(input, bytes)), format, now).map_err(failure)
}

/// How many hashes are looked up at once.
const BATCH: usize = 500;

/// The lines whose keys are stored already, of this organization or another.
async fn known(
    app: &App,
    reading: &Reading,
    progress: &Progress,
) -> Result<Vec<Problem>, StoreError> {
    let mut known = Vec::new();
    for batch in reading.keys.chunks(BATCH) {
        let hashes: Vec<_> = batch.iter().map(|(_, key)| key.hash).collect();
        let found = app.keys.store().find(&hashes).await?.keys;
        let stored = batch.iter().zip(found).filter(|(_, found)| !matches!(found, Ok(None)));
        known.extend(stored.map(|((line, _), _)| exists(*line)));
        progress.advance(batch.len());
    }
    Ok(known)
}

fn exists(line: usize) -> Problem {
    Problem { line, what: "sha256: the database has a key of this hash already".into() }
}

fn refuse_what_is_wrong(
    file: &Path,
    reading: &Reading,
    known: &[Problem],
    limit: KeyLimit,
    in_use: u64,
) -> Result<(), Failure> {
    let room = match limit {
        KeyLimit::AtMost(limit) => limit.saturating_sub(in_use),
        KeyLimit::Unlimited => u64::MAX,
    };
    let described = u64::try_from(reading.described).unwrap_or(u64::MAX);
    let exit = match (reading.problems.is_empty(), known.is_empty(), described <= room) {
        (true, true, true) => return Ok(()),
        (false, _, _) => Exit::BadFile,
        (true, false, _) => Exit::Conflict,
        (true, true, false) => Exit::LimitReached,
    };
    let mut problems: Vec<_> = reading.problems.iter().chain(known).collect();
    problems.sort_by_key(|problem| problem.line);
    for Problem { line, what } in &problems {
        output::remark(&format!("{}:{line}: {what}", file.display()));
    }
    if described > room {
        output::remark(&format!(
            "the file has {described} keys, and the plan has room for {room}: {in_use} of {limit} are in use"
        ));
    }
    problems.dedup_by_key(|problem| problem.line);
    let wrong = match problems.len() {
        0 => return Err(Failure::new(exit, "nothing was imported")),
        1 => "1 line is wrong".to_owned(),
        lines => format!("{lines} lines are wrong"),
    };
    Err(Failure::new(exit, format!("nothing was imported: {wrong}")))
}

async fn store(
    app: &App,
    organization: &OrganizationId,
    reading: Reading,
    limit: KeyLimit,
) -> Result<Vec<KeyRecord>, Failure> {
    let (lines, keys): (Vec<usize>, Vec<ImportKey<Scope>>) = reading.keys.into_iter().unzip();
    let imported = app.keys.import(organization, keys, limit, operator()).await;
    imported.map_err(|error| {
        // Whatever it is, it came after the file was compared with the database.
        let line = lines.get(error.index).copied().unwrap_or_default();
        let failure = Failure::from(error.error);
        Failure::new(failure.exit(), format!("nothing was imported: line {line}: {failure}"))
    })
}

fn report_success(app: &App, imported: &[KeyRecord], format: Format) -> Result<(), Failure> {
    if format == Format::Json {
        let now = app.keys.now();
        let keys: Vec<_> = imported.iter().map(|key| KeyView::new(key, now)).collect();
        output::print_json(&json!({ "keys": keys }))?;
    } else {
        output::print(&format!("{} keys were imported", imported.len()))?;
    }
    Ok(())
}
