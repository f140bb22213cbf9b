use keyfob::{OrganizationId, Timestamp};

use super::{Database, DatabaseError, Organization, Row, Statement, organizations, values};
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
    /// The id of the organization that they looked at last.
    pub(crate) last_organization: Option<String>,
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
        let sql = "SELECT login, password, epoch FROM takumo_people WHERE login = ?1";
        self.run(sql, values![login]).await?.one(|row| {
            Ok(Person {
                login: login_of(row)?,
                password: row.get("password")?,
                epoch: row.get("epoch")?,
            })
        })
    }

    /// What this person is, if there is such a person.
    pub(crate) async fn standing(&self, login: &Login) -> Result<Option<Standing>, DatabaseError> {
        // One statement, since several are a transaction that writes, and this is asked each time.
        let sql = "SELECT p.epoch AS epoch, p.last_organization AS last_organization, o.id AS id, o.name AS name, o.plan AS plan, \
             o.created_at AS created_at, m.role AS role FROM takumo_people p \
             LEFT JOIN takumo_members m ON m.login = p.login \
             LEFT JOIN takumo_organizations o ON o.id = m.organization WHERE p.login = ?1";
        let answer = self.run(sql, values![login]).await?;
        let Some(first) = answer.rows.first() else { return Ok(None) };
        let epoch = first.get("epoch")?;
        let last_organization = first.get("last_organization")?;
        let mut memberships = Vec::new();
        for row in &answer.rows {
            // A person who is a member of nothing has one row.
            if row.get::<Option<String>>("id")?.is_some() {
                let (organization, role) = (organizations::read(row)?, row.parsed("role")?);
                memberships.push(Membership { organization, role });
            }
        }
        memberships.sort_by_cached_key(|own: &Membership| {
            let Organization { name, id, .. } = &own.organization;
            (name.as_str().to_lowercase(), id.to_string())
        });
        Ok(Some(Standing { epoch, last_organization, memberships }))
    }

    /// Remembers the organization that a person looks at, for their next session.
    pub(crate) async fn set_last_organization(
        &self,
        login: &Login,
        organization: &OrganizationId,
    ) -> Result<(), DatabaseError> {
        let sql = "UPDATE takumo_people SET last_organization = ?2 WHERE login = ?1";
        self.run(sql, values![login, organization]).await.map(drop)
    }

    /// Adds a person, unless somebody has this login: then it answers false.
    pub(crate) async fn add_person(
        &self,
        login: &Login,
        password: String,
        at: Timestamp,
    ) -> Result<bool, DatabaseError> {
        let sql = "INSERT INTO takumo_people (login, password, epoch, created_at) \
             VALUES (?1, ?2, 1, ?3) ON CONFLICT (login) DO NOTHING";
        Ok(self.run(sql, values![login, password, at]).await?.written == 1)
    }

    /// Gives a person another password and ends all that the old one began: sessions, and links.
    pub(crate) async fn set_password(
        &self,
        login: &Login,
        password: String,
    ) -> Result<bool, DatabaseError> {
        let change = "UPDATE takumo_people SET password = ?2, epoch = epoch + 1 WHERE login = ?1";
        let links = "DELETE FROM takumo_sign_in_links WHERE login = ?1";
        let [changed, _] = self
            .run_all([
                Statement::new(change, values![login, password]),
                Statement::new(links, values![login]),
            ])
            .await?;
        Ok(changed.written == 1)
    }

    /// The members of an organization, by login.
    pub(crate) async fn members(&self, of: &OrganizationId) -> Result<Vec<Member>, DatabaseError> {
        let sql = "SELECT login, role, joined_at FROM takumo_members WHERE organization = ?1 \
             ORDER BY login";
        self.run(sql, values![of]).await?.all(|row| {
            Ok(Member {
                login: login_of(row)?,
                role: row.parsed("role")?,
                joined_at: row.get("joined_at")?,
            })
        })
    }

    /// Makes a person a member, unless they are one: then it answers false.
    pub(crate) async fn add_member(
        &self,
        organization: &OrganizationId,
        member: Member,
    ) -> Result<bool, DatabaseError> {
        let sql = "INSERT INTO takumo_members (organization, login, role, joined_at) \
             VALUES (?1, ?2, ?3, ?4) ON CONFLICT (organization, login) DO NOTHING";
        let Member { login, role, joined_at } = member;
        Ok(self.run(sql, values![organization, &login, role, joined_at]).await?.written == 1)
    }

    /// Gives a member another role, or with `None` takes their membership away.
    pub(crate) async fn change_member(
        &self,
        organization: &OrganizationId,
        login: &Login,
        to: Option<Role>,
    ) -> Result<MemberChange, DatabaseError> {
        // A write that changes nothing, so that of the last two owners one can't go while the other
        // does.
        let hold = "UPDATE takumo_organizations SET name = name WHERE id = ?1";
        let before = "SELECT role FROM takumo_members WHERE organization = ?1 AND login = ?2";
        let change = match to {
            Some(role) => Statement::new(
                "UPDATE takumo_members SET role = ?3 WHERE organization = ?1 AND login = ?2 \
                 AND (role <> 'owner' OR ?3 = 'owner' OR 1 < \
                 (SELECT count(*) FROM takumo_members WHERE organization = ?1 AND role = 'owner'))",
                values![organization, login, role],
            ),
            None => Statement::new(
                "DELETE FROM takumo_members WHERE organization = ?1 AND login = ?2 \
                 AND (role <> 'owner' OR 1 < \
                 (SELECT count(*) FROM takumo_members WHERE organization = ?1 AND role = 'owner'))",
                values![organization, login],
            ),
        };
        let [_, before, changed] = self
            .run_all([
                Statement::new(hold, values![organization]),
                Statement::new(before, values![organization, login]),
                change,
            ])
            .await?;
        Ok(match before.one(|row| row.parsed("role"))? {
            None => MemberChange::NotFound,
            Some(_) if changed.written == 0 => MemberChange::LastOwner,
            Some(before) => MemberChange::Done(before),
        })
    }
}

pub(super) fn login_of(row: &Row) -> Result<Login, DatabaseError> {
    row.parsed("login")
}
