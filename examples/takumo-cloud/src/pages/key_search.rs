//! Which keys the list shows.

use keyfob::{Environment, KeyId, KeyQuery, KeyRecord, KeyStatus, OrganizationId, Page, PageSize};

use crate::app::App;
use crate::cursor::{self, List};
use crate::db::Tenant;
use crate::error::ApiError;
use crate::parameters::Parameters;
use crate::scanner;
use crate::views::NamedStatus;

/// What was asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct KeySearch {
    /// A part of a name or of a hint, in any case.
    pub(super) text: String,
    pub(super) status: Option<KeyStatus>,
    pub(super) environment: Option<Environment>,
    after: Option<KeyId>,
}

/// How many keys a page shows.
const SHOWN: u16 = 25;
/// How many keys one request looks through for a text, which the store has no index for. Who has more
/// goes on from there.
const LOOKED_THROUGH: usize = 2_000;
/// The number of pages that one request reads for a text. The store may return short pages.
const MAX_QUERIES: usize = 20;

impl KeySearch {
    pub(super) fn read(parameters: &mut Parameters, tenant: &Tenant) -> Result<Self, ApiError> {
        let text: String = parameters.take("q")?.unwrap_or_default();
        if scanner::mentions_key(&text) {
            let message = "the address holds a key, which is in your browser's history now. \
                           Rotate or revoke that key. To search for a key, use the field";
            return Err(ApiError::bad_request(message));
        }
        // A form sends its fields even when nothing was chosen.
        let chosen = |text: Option<String>| text.filter(|text| !text.is_empty());
        let bad = |name: &str, error: &dyn std::fmt::Display| {
            ApiError::bad_request(format!("{name}: {error}"))
        };
        let status = chosen(parameters.take("status")?)
            .map(|word| word.parse::<NamedStatus>().map_err(|error| bad("status", &error)))
            .transpose()?;
        let environment = chosen(parameters.take("environment")?)
            .map(|word| word.parse().map_err(|error| bad("environment", &error)))
            .transpose()?;
        Ok(Self {
            text: text.trim().chars().take(255).collect(),
            status: status.map(|NamedStatus(status)| status),
            environment,
            after: parameters.cursor(List::Keys, tenant)?,
        })
    }

    /// Every key whose name or secrets have this text.
    pub(super) fn of_text(text: &str) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Whether it leaves anything out.
    pub(super) fn narrows(&self) -> bool {
        !self.text.is_empty() || self.status.is_some() || self.environment.is_some()
    }

    pub(super) fn is_first_page(&self) -> bool {
        self.after.is_none()
    }

    pub(super) async fn run(
        &self,
        app: &App,
        organization: &OrganizationId,
    ) -> Result<Page<KeyRecord, KeyId>, ApiError> {
        let size = if self.text.is_empty() { PageSize::new(SHOWN) } else { None };
        let mut query = KeyQuery::new(size.unwrap_or(PageSize::MAX));
        query.status = self.status;
        query.environment = self.environment;
        query.after = self.after;
        if self.text.is_empty() {
            return Ok(app.keys.list(organization, query).await?);
        }
        let wanted = self.text.to_lowercase();
        let mut found = Vec::new();
        let mut looked_through = 0;
        let mut queries = 0;
        loop {
            let page = app.keys.list(organization, query.clone()).await?;
            for key in page.items {
                looked_through += 1;
                let last = key.id;
                if matches(&key, &wanted) {
                    found.push(key);
                }
                if found.len() == usize::from(SHOWN) || looked_through == LOOKED_THROUGH {
                    return Ok(Page { items: found, next: Some(last) });
                }
            }
            queries += 1;
            if page.next.is_none() || queries == MAX_QUERIES {
                return Ok(Page { items: found, next: page.next });
            }
            query.after = page.next;
        }
    }

    /// The address of the same list, from this place on or from its beginning.
    pub(super) fn address(&self, tenant: &Tenant, place: Option<&KeyId>) -> String {
        let mut pairs = Vec::new();
        if let Some(place) = place {
            pairs.push(("cursor", cursor::encode(List::Keys, tenant, place)));
        }
        if !self.text.is_empty() {
            pairs.push(("q", self.text.clone()));
        }
        if let Some(status) = self.status {
            pairs.push(("status", status.as_str().into()));
        }
        if let Some(environment) = self.environment {
            pairs.push(("environment", environment.as_str().into()));
        }
        super::address(super::key_list::PATH, &pairs)
    }
}

fn matches(key: &KeyRecord, wanted: &str) -> bool {
    key.name.as_str().to_lowercase().contains(wanted)
        || key.secrets.iter().any(|secret| secret.hint.as_str().contains(wanted))
}
