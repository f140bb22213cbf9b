-- People, who see the pages, and what they sign in with. Of tokens and of session ids there is the
-- SHA-256 only, in hexadecimal, so that whoever reads a backup can't be somebody else.

-- A login is never given to another person: keys and events name it.
CREATE TABLE takumo.people (
    login      text COLLATE "C" NOT NULL PRIMARY KEY,
    -- As PHC has it, of argon2id.
    password   text NOT NULL,
    -- A session that began in another epoch is over.
    epoch      bigint NOT NULL,
    created_at bigint NOT NULL,
    -- The organization that the person looked at last. It may be gone.
    last_organization text
);

CREATE TABLE takumo.members (
    organization text COLLATE "C" NOT NULL REFERENCES takumo.organizations (id) ON DELETE CASCADE,
    login        text COLLATE "C" NOT NULL REFERENCES takumo.people (login),
    role         text NOT NULL CHECK (role IN ('viewer', 'member', 'admin', 'owner')),
    joined_at    bigint NOT NULL,
    PRIMARY KEY (organization, login)
);

CREATE INDEX members_of_person ON takumo.members (login, organization);

CREATE TABLE takumo.sign_in_links (
    token_hash text COLLATE "C" NOT NULL PRIMARY KEY,
    login      text COLLATE "C" NOT NULL REFERENCES takumo.people (login),
    expires_at bigint NOT NULL
);

CREATE INDEX sign_in_links_of_person ON takumo.sign_in_links (login);

CREATE TABLE takumo.sessions (
    id_hash    text COLLATE "C" NOT NULL PRIMARY KEY,
    data       text NOT NULL,
    expires_at bigint NOT NULL
);

CREATE INDEX sessions_by_end ON takumo.sessions (expires_at);
