use keyfob::{Page, PageSize, Timestamp};
use rusqlite::Row;
use serde::{Deserialize, Serialize};

use super::{Database, DatabaseError, Tenant};

/// What a scan found, and nothing of the text that it looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scan {
    pub(crate) place: i64,
    pub(crate) id: String,
    pub(crate) filename: Option<String>,
    pub(crate) bytes: u32,
    pub(crate) findings: Vec<Finding>,
    pub(crate) created_at: Timestamp,
    pub(crate) created_by: String,
}

/// A scan to be stored.
#[derive(Clone, Debug)]
pub(crate) struct NewScan {
    pub(crate) filename: Option<String>,
    pub(crate) bytes: u32,
    pub(crate) findings: Vec<Finding>,
    pub(crate) created_at: Timestamp,
    pub(crate) created_by: String,
}

/// A key in a text: where it stands, in bytes, and what may be shown of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Finding {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) hint: String,
    pub(crate) environment: String,
    /// Whether it was an active key of the organization that asked, at the time of the scan.
    pub(crate) live: bool,
}

impl Database {
    pub(crate) async fn add_scan(
        &self,
        tenant: Tenant,
        scan: NewScan,
    ) -> Result<Scan, DatabaseError> {
        self.run(move |connection| {
            let id = uuid::Uuid::now_v7().to_string();
            let findings = serde_json::to_string(&scan.findings)
                .map_err(|_| DatabaseError::Corrupt("findings that are no JSON"))?;
            let place = connection.query_row(
                "INSERT INTO takumo_scans (id, organization, environment, filename, bytes, findings, \
                 created_at, created_by) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) RETURNING place",
                (
                    &id,
                    tenant.organization.as_str(),
                    tenant.environment.as_str(),
                    &scan.filename,
                    scan.bytes,
                    findings,
                    scan.created_at.as_micros(),
                    &scan.created_by,
                ),
                |row| row.get(0),
            )?;
            let NewScan { filename, bytes, findings, created_at, created_by } = scan;
            Ok(Scan { place, id, filename, bytes, findings, created_at, created_by })
        })
        .await
    }

    /// Past scans, newest first.
    pub(crate) async fn scans(
        &self,
        tenant: Tenant,
        size: PageSize,
        after: Option<i64>,
    ) -> Result<Page<Scan, i64>, DatabaseError> {
        self.run(move |connection| {
            let mut statement = connection.prepare(
                "SELECT place, id, filename, bytes, findings, created_at, created_by \
                 FROM takumo_scans WHERE organization = ?1 AND environment = ?2 AND place < ?3 \
                 ORDER BY place DESC LIMIT ?4",
            )?;
            let rows = statement.query_map(
                (
                    tenant.organization.as_str(),
                    tenant.environment.as_str(),
                    after.unwrap_or(i64::MAX),
                    u32::from(size.get()) + 1,
                ),
                |row| Ok(scan(row)),
            )?;
            let scans = rows.map(|row| row?).collect::<Result<Vec<_>, _>>()?;
            Ok(Page::of_read_ahead(scans, size, |scan| scan.place))
        })
        .await
    }
}

fn scan(row: &Row<'_>) -> Result<Scan, DatabaseError> {
    let findings: String = row.get(4)?;
    Ok(Scan {
        place: row.get(0)?,
        id: row.get(1)?,
        filename: row.get(2)?,
        bytes: row.get(3)?,
        findings: serde_json::from_str(&findings)
            .map_err(|_| DatabaseError::Corrupt("a scan's findings"))?,
        created_at: Timestamp::from_micros(row.get(5)?),
        created_by: row.get(6)?,
    })
}
