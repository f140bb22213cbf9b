//! The pages on PostgreSQL: a key's whole life, who may do what, and the sessions, whose tables are takumo's
//! own. What a page looks like does not depend on where it is read from.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "the tests of the pages on SQLite use more of it")]

#[path = "../pages/browser.rs"]
mod browser;
#[path = "../pages/form_client.rs"]
mod form_client;
#[path = "../pages/journey.rs"]
mod journey;
#[path = "../takumo-postgres/place.rs"]
mod place;
#[path = "../pages/roles.rs"]
mod roles;
#[path = "../pages/sessions.rs"]
mod sessions;
#[path = "../pages/site.rs"]
mod site;
mod tables;
#[path = "../pages/webdriver.rs"]
mod webdriver;
