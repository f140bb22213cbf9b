//! The pages on PostgreSQL: a key's whole life, forms that are sent twice or too late, searches, who may
//! do what, and the sessions, whose tables are takumo's own. What a page looks like does not depend on where it is read from.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "the tests of the pages on SQLite use more of it")]

#[path = "../pages/browser.rs"]
mod browser;
#[path = "../pages/come_back.rs"]
mod come_back;
#[path = "../pages/form_client.rs"]
mod form_client;
#[path = "../pages/journey.rs"]
mod journey;
#[path = "../pages/key_find.rs"]
mod key_find;
#[path = "../takumo-postgres/place.rs"]
mod place;
#[path = "../pages/roles.rs"]
mod roles;
#[path = "../pages/sessions.rs"]
mod sessions;
#[path = "../pages/site.rs"]
mod site;
#[path = "../pages/submit_once.rs"]
mod submit_once;
mod tables;
#[path = "../pages/webdriver.rs"]
mod webdriver;
