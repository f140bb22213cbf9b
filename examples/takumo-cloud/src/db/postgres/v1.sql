-- Times are microseconds since the epoch, UTC, as keyfob's are. `place` orders a list and is never
-- given twice. Rows of scans, gateways and policies belong to one environment of one organization.
-- Text sorts by its bytes, whatever language the database speaks.

CREATE TABLE takumo.organizations (
    id         text COLLATE "C" NOT NULL PRIMARY KEY,
    name       text NOT NULL,
    plan       text NOT NULL CHECK (plan IN ('free', 'developer', 'pro', 'enterprise')),
    created_at bigint NOT NULL
);

CREATE TABLE takumo.scans (
    place        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id           text NOT NULL UNIQUE,
    organization text COLLATE "C" NOT NULL REFERENCES takumo.organizations (id) ON DELETE CASCADE,
    environment  text NOT NULL CHECK (environment IN ('live', 'test')),
    filename     text,
    bytes        bigint NOT NULL,
    findings     text NOT NULL CHECK (json_typeof(findings::json) = 'array'),
    created_at   bigint NOT NULL,
    created_by   text NOT NULL
);

CREATE INDEX scans_of_tenant ON takumo.scans (organization, environment, place);

CREATE TABLE takumo.gateways (
    place         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id            text NOT NULL UNIQUE,
    organization  text COLLATE "C" NOT NULL REFERENCES takumo.organizations (id) ON DELETE CASCADE,
    environment   text NOT NULL CHECK (environment IN ('live', 'test')),
    name          text NOT NULL,
    region        text,
    registered_at bigint NOT NULL,
    registered_by text NOT NULL,
    UNIQUE (organization, environment, name)
);

CREATE INDEX gateways_of_tenant ON takumo.gateways (organization, environment, place);

CREATE TABLE takumo.policies (
    organization text COLLATE "C" NOT NULL REFERENCES takumo.organizations (id) ON DELETE CASCADE,
    environment  text NOT NULL CHECK (environment IN ('live', 'test')),
    name         text COLLATE "C" NOT NULL,
    version      bigint NOT NULL CHECK (version >= 1),
    document     text NOT NULL CHECK (json_typeof(document::json) = 'object'),
    updated_at   bigint NOT NULL,
    updated_by   text NOT NULL,
    PRIMARY KEY (organization, environment, name)
);
