//! The pages, in a real browser; and what attacks them, by a client of HTTP.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod accessibility;
mod assistance;
mod audit_log;
mod axe;
mod browser;
mod come_back;
mod error_pages;
mod fleet;
mod forgery;
mod form_client;
mod hostile_names;
mod journey;
mod key_find;
mod keyboard;
mod lists;
mod no_scripts;
#[allow(dead_code, reason = "the tests of the API use more of it")]
#[path = "../takumo/place.rs"]
mod place;
mod plan_limit;
mod roles;
mod rotation;
mod secrecy;
mod sessions;
mod shown_once;
mod site;
mod storing_proxy;
mod submit_once;
mod tables;
mod tour;
mod usage;
mod webdriver;
