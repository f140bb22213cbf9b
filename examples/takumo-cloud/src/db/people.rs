use keyfob::{OrganizationId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior};

use super::organizations::organization;
use super::{Database, DatabaseError, Organization};
use crate::people::{Login, Role};

/// Somebody who can sign in.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) login: Login,
    /// As PHC has it.
    pub(crate) password: String,
    /// Sessions that began in another one are over.
    pub(crate) epoch: i64,
}

/// What a person is at this moment: looked at for each request, so that nobody is for longer.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    pub(crate) epoch: i64,
    /// By name.
    pub(crate) memberships: Vec<Membership>,
}

#[derive(Clone, Debug)]
pub(crate) struct Membership {
    pub(crate) organization: Organization,
    pub(crate) role: Role,
}

/// Somebody as their organization sees them.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) login: Login,
    pub(crate) role: Role,
    pub(crate) joined_at: Timestamp,
}

/// What came of a change of somebody's membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MemberChange {
    /// They had this role before.
    Done(Role),
    NotFound,
    /// Nobody would be left to manage the members.
    LastOwner,
}

impl Database {
    pub(crate) async fn person(&self, login: &Login) -> Result<Option<Person>, DatabaseError> {
        let login = login.clone();
        self.run(move |connection| {
            let sql = "SELECT password, epoch FROM takumo_people WHERE login = ?1";
            let found = connection
                .query_row(sql, [login.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            Ok(found.map(|(password, epoch)| Person { login, password, epoch }))
        })
        .await
    }

    /// What this person is, if there is such a person.
    pub(crate) async fn standing(&self, login: &Login) -> Result<Option<Standing>, DatabaseError> {
        let login = login.clone();
        self.run(move |connection| {
            let sql = "SELECT epoch FROM takumo_people WHERE login = ?1";
            let epoch = connection.query_row(sql, [login.as_str()], |row| row.get(0)).optional()?;
            let Some(epoch) = epoch else { return Ok(None) };
            let mut statement = connection.prepare(
                "SELECT id, name, plan, created_at, role FROM takumo_members \
                 JOIN takumo_organizations ON id = organization WHERE login = ?1",
            )?;
            let rows = statement.query_map([login.as_str()], |row| {
                Ok(organization(row)
                    .and_then(|organization| Ok(Membership { organization, role: role(row, 4)? })))
            })?;
            let mut memberships =
                rows.map(|row| row?).collect::<Result<Vec<_>, DatabaseError>>()?;
            memberships.sort_by_cached_key(|own: &Membership| {
                let Organization { name, id, .. } = &own.organization;
                (name.as_str().to_lowercase(), id.to_string())
            });
            Ok(Some(Standing { epoch, memberships }))
        })
        .await
    }

    /// Adds a person, unless somebody has this login: then it answers false.
    pub(crate) async fn add_person(
        &self,
        login: Login,
        password: String,
        at: Timestamp,
    ) -> Result<bool, DatabaseError> {
        self.run(move |connection| {
            let added = connection.execute(
                "INSERT INTO takumo_people (login, password, epoch, created_at) \
                 VALUES (?1, ?2, 1, ?3) ON CONFLICT (login) DO NOTHING",
                (login.as_str(), &password, at.as_micros()),
            )?;
            Ok(added == 1)
        })
        .await
    }

    /// Gives a person another password and ends all that the old one began: sessions, and links.
    pub(crate) async fn set_password(
        &self,
        login: &Login,
        password: String,
    ) -> Result<bool, DatabaseError> {
        let login = login.clone();
        self.run(move |connection| {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let changed = transaction.execute(
                "UPDATE takumo_people SET password = ?2, epoch = epoch + 1 WHERE login = ?1",
                (login.as_str(), &password),
            )?;
            let links = "DELETE FROM takumo_sign_in_links WHERE login = ?1";
            transaction.execute(links, [login.as_str()])?;
            transaction.commit()?;
            Ok(changed == 1)
        })
        .await
    }

    /// The members of an organization, by login.
    pub(crate) async fn members(&self, of: &OrganizationId) -> Result<Vec<Member>, DatabaseError> {
        let of = of.clone();
        self.run(move |connection| {
            let mut statement = connection.prepare(
                "SELECT login, role, joined_at FROM takumo_members WHERE organization = ?1 \
                 ORDER BY login",
            )?;
            let rows = statement.query_map([of.as_str()], |row| Ok(member(row)))?;
            rows.map(|row| row?).collect()
        })
        .await
    }

    /// Makes a person a member, unless they are one: then it answers false.
    pub(crate) async fn add_member(
        &self,
        organization: &OrganizationId,
        member: Member,
    ) -> Result<bool, DatabaseError> {
        let organization = organization.clone();
        self.run(move |connection| {
            let added = connection.execute(
                "INSERT INTO takumo_members (organization, login, role, joined_at) \
                 VALUES (?1, ?2, ?3, ?4) ON CONFLICT (organization, login) DO NOTHING",
                (
                    organization.as_str(),
                    member.login.as_str(),
                    member.role.as_str(),
                    member.joined_at.as_micros(),
                ),
            )?;
            Ok(added == 1)
        })
        .await
    }

    /// Gives a member another role, or with `None` takes their membership away.
    pub(crate) async fn change_member(
        &self,
        organization: &OrganizationId,
        login: &Login,
        to: Option<Role>,
    ) -> Result<MemberChange, DatabaseError> {
        let (organization, login) = (organization.clone(), login.clone());
        self.run(move |connection| {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let member = (organization.as_str(), login.as_str());
            let Some(before) = role_of(&transaction, member)? else {
                return Ok(MemberChange::NotFound);
            };
            if before == Role::Owner
                && to != Some(Role::Owner)
                && owners(&transaction, organization.as_str())? < 2
            {
                return Ok(MemberChange::LastOwner);
            }
            match to {
                Some(role) => transaction.execute(
                    "UPDATE takumo_members SET role = ?3 WHERE organization = ?1 AND login = ?2",
                    (member.0, member.1, role.as_str()),
                )?,
                None => transaction.execute(
                    "DELETE FROM takumo_members WHERE organization = ?1 AND login = ?2",
                    member,
                )?,
            };
            transaction.commit()?;
            Ok(MemberChange::Done(before))
        })
        .await
    }
}

fn role_of(connection: &Connection, member: (&str, &str)) -> Result<Option<Role>, DatabaseError> {
    let sql = "SELECT role FROM takumo_members WHERE organization = ?1 AND login = ?2";
    connection.query_row(sql, member, |row| Ok(role(row, 0))).optional()?.transpose()
}

fn owners(connection: &Connection, organization: &str) -> Result<i64, DatabaseError> {
    let sql = "SELECT count(*) FROM takumo_members WHERE organization = ?1 AND role = 'owner'";
    Ok(connection.query_row(sql, [organization], |row| row.get(0))?)
}

fn member(row: &Row<'_>) -> Result<Member, DatabaseError> {
    Ok(Member {
        login: login(row, 0)?,
        role: role(row, 1)?,
        joined_at: Timestamp::from_micros(row.get(2)?),
    })
}

pub(super) fn login(row: &Row<'_>, column: usize) -> Result<Login, DatabaseError> {
    let text: String = row.get(column)?;
    text.parse().map_err(|_| DatabaseError::Corrupt("a login"))
}

fn role(row: &Row<'_>, column: usize) -> Result<Role, DatabaseError> {
    let text: String = row.get(column)?;
    text.parse().map_err(|_| DatabaseError::Corrupt("a member's role"))
}
