-- Times are microseconds since the epoch, UTC, as keyfob's are. `place` orders a list and is never
-- given twice. Rows of scans, gateways and policies belong to one environment of one organization.

CREATE TABLE takumo_organizations (
    id         TEXT NOT NULL PRIMARY KEY,
    name       TEXT NOT NULL,
    plan       TEXT NOT NULL CHECK (plan IN ('free', 'developer', 'pro', 'enterprise')),
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE takumo_scans (
    place        INTEGER PRIMARY KEY AUTOINCREMENT,
    id           TEXT NOT NULL UNIQUE,
    organization TEXT NOT NULL REFERENCES takumo_organizations (id),
    environment  TEXT NOT NULL CHECK (environment IN ('live', 'test')),
    filename     TEXT,
    bytes        INTEGER NOT NULL,
    findings     TEXT NOT NULL CHECK (json_type(findings) = 'array'),
    created_at   INTEGER NOT NULL,
    created_by   TEXT NOT NULL
) STRICT;

CREATE INDEX takumo_scans_of_tenant ON takumo_scans (organization, environment, place);

CREATE TABLE takumo_gateways (
    place         INTEGER PRIMARY KEY AUTOINCREMENT,
    id            TEXT NOT NULL UNIQUE,
    organization  TEXT NOT NULL REFERENCES takumo_organizations (id),
    environment   TEXT NOT NULL CHECK (environment IN ('live', 'test')),
    name          TEXT NOT NULL,
    region        TEXT,
    registered_at INTEGER NOT NULL,
    registered_by TEXT NOT NULL,
    UNIQUE (organization, environment, name)
) STRICT;

CREATE INDEX takumo_gateways_of_tenant ON takumo_gateways (organization, environment, place);

CREATE TABLE takumo_policies (
    organization TEXT NOT NULL REFERENCES takumo_organizations (id),
    environment  TEXT NOT NULL CHECK (environment IN ('live', 'test')),
    name         TEXT NOT NULL,
    version      INTEGER NOT NULL CHECK (version >= 1),
    document     TEXT NOT NULL CHECK (json_type(document) = 'object'),
    updated_at   INTEGER NOT NULL,
    updated_by   TEXT NOT NULL,
    PRIMARY KEY (organization, environment, name)
) STRICT;
