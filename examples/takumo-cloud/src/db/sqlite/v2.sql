-- People, who see the pages, and what they sign in with. Of tokens and of session ids there is the
-- SHA-256 only, in hexadecimal, so that whoever reads a backup can't be somebody else.

-- A login is never given to another person: keys and events name it.
CREATE TABLE takumo_people (
    login      TEXT NOT NULL PRIMARY KEY,
    -- As PHC has it, of argon2id.
    password   TEXT NOT NULL,
    -- A session that began in another epoch is over.
    epoch      INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    -- The organization that the person looked at last. It may be gone.
    last_organization TEXT
) STRICT;

CREATE TABLE takumo_members (
    organization TEXT NOT NULL REFERENCES takumo_organizations (id),
    login        TEXT NOT NULL REFERENCES takumo_people (login),
    role         TEXT NOT NULL CHECK (role IN ('viewer', 'member', 'admin', 'owner')),
    joined_at    INTEGER NOT NULL,
    PRIMARY KEY (organization, login)
) STRICT;

CREATE INDEX takumo_members_of_person ON takumo_members (login, organization);

CREATE TABLE takumo_sign_in_links (
    token_hash TEXT NOT NULL PRIMARY KEY,
    login      TEXT NOT NULL REFERENCES takumo_people (login),
    expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX takumo_sign_in_links_of_person ON takumo_sign_in_links (login);

CREATE TABLE takumo_sessions (
    id_hash    TEXT NOT NULL PRIMARY KEY,
    data       TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX takumo_sessions_by_end ON takumo_sessions (expires_at);
