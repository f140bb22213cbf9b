use keyfob::{Page, PageSize, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Database, DatabaseError, Row, Tenant, json, values};

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
        let id = uuid::Uuid::now_v7().to_string();
        let sql = "INSERT INTO takumo_scans \
             (id, organization, environment, filename, bytes, findings, created_at, created_by) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) RETURNING place";
        let values = values![
            &id,
            &tenant.organization,
            tenant.environment,
            scan.filename.as_ref(),
            scan.bytes,
            json(&scan.findings),
            scan.created_at,
            &scan.created_by,
        ];
        let place = self.run(sql, values).await?.one(|row| row.get("place"))?;
        let place = place.ok_or(DatabaseError::Corrupt("place"))?;
        let NewScan { filename, bytes, findings, created_at, created_by } = scan;
        Ok(Scan { place, id, filename, bytes, findings, created_at, created_by })
    }

    /// Past scans, newest first.
    pub(crate) async fn scans(
        &self,
        tenant: Tenant,
        size: PageSize,
        after: Option<i64>,
    ) -> Result<Page<Scan, i64>, DatabaseError> {
        let sql = "SELECT place, id, filename, bytes, findings, created_at, created_by \
             FROM takumo_scans WHERE organization = ?1 AND environment = ?2 AND place < ?3 \
             ORDER BY place DESC LIMIT ?4";
        let values = values![
            &tenant.organization,
            tenant.environment,
            after.unwrap_or(i64::MAX),
            u32::from(size.get()) + 1,
        ];
        let scans = self.run(sql, values).await?.all(read)?;
        Ok(Page::of_read_ahead(scans, size, |scan| scan.place))
    }
}

fn read(row: &Row) -> Result<Scan, DatabaseError> {
    Ok(Scan {
        place: row.get("place")?,
        id: row.get("id")?,
        filename: row.get("filename")?,
        bytes: row.get("bytes")?,
        findings: row.json("findings")?,
        created_at: row.get("created_at")?,
        created_by: row.get("created_by")?,
    })
}
