use keyfob::{Page, PageSize, Timestamp};
use rusqlite::{OptionalExtension, Row};

use super::{Database, DatabaseError, Tenant};

/// A gateway that an organization runs and has registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Gateway {
    pub(crate) place: i64,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) region: Option<String>,
    pub(crate) registered_at: Timestamp,
    pub(crate) registered_by: String,
}

/// A gateway to be registered.
#[derive(Clone, Debug)]
pub(crate) struct NewGateway {
    pub(crate) name: String,
    pub(crate) region: Option<String>,
    pub(crate) registered_at: Timestamp,
    pub(crate) registered_by: String,
}

impl Database {
    /// Registers a gateway, or answers `None` when one of this name is registered already.
    pub(crate) async fn add_gateway(
        &self,
        tenant: Tenant,
        gateway: NewGateway,
    ) -> Result<Option<Gateway>, DatabaseError> {
        self.run(move |connection| {
            let id = uuid::Uuid::now_v7().to_string();
            let place: Option<i64> = connection
                .query_row(
                    "INSERT INTO takumo_gateways (id, organization, environment, name, region, \
                     registered_at, registered_by) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
                     ON CONFLICT (organization, environment, name) DO NOTHING RETURNING place",
                    (
                        &id,
                        tenant.organization.as_str(),
                        tenant.environment.as_str(),
                        &gateway.name,
                        &gateway.region,
                        gateway.registered_at.as_micros(),
                        &gateway.registered_by,
                    ),
                    |row| row.get(0),
                )
                .optional()?;
            let NewGateway { name, region, registered_at, registered_by } = gateway;
            Ok(place.map(|place| Gateway { place, id, name, region, registered_at, registered_by }))
        })
        .await
    }

    /// Registered gateways, newest first.
    pub(crate) async fn gateways(
        &self,
        tenant: Tenant,
        size: PageSize,
        after: Option<i64>,
    ) -> Result<Page<Gateway, i64>, DatabaseError> {
        self.run(move |connection| {
            let mut statement = connection.prepare(
                "SELECT place, id, name, region, registered_at, registered_by \
                 FROM takumo_gateways WHERE organization = ?1 AND environment = ?2 AND place < ?3 \
                 ORDER BY place DESC LIMIT ?4",
            )?;
            let rows = statement.query_map(
                (
                    tenant.organization.as_str(),
                    tenant.environment.as_str(),
                    after.unwrap_or(i64::MAX),
                    u32::from(size.get()) + 1,
                ),
                gateway,
            )?;
            let gateways = rows.collect::<Result<Vec<_>, _>>()?;
            Ok(Page::of_read_ahead(gateways, size, |gateway| gateway.place))
        })
        .await
    }
}

fn gateway(row: &Row<'_>) -> rusqlite::Result<Gateway> {
    Ok(Gateway {
        place: row.get(0)?,
        id: row.get(1)?,
        name: row.get(2)?,
        region: row.get(3)?,
        registered_at: Timestamp::from_micros(row.get(4)?),
        registered_by: row.get(5)?,
    })
}
