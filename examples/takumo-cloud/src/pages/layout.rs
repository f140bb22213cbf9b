//! What is around the content of every page.

use axum::response::Html;
use maud::{DOCTYPE, Markup, html};

use super::assets::{ICON, SCRIPT, STYLE};
use super::elements::capital;
use super::icons::{self, Icon};
use super::signed_in::SignedIn;
use super::submission::TOKEN_FIELD;

/// The entries of the sidebar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    ApiKeys,
    Organization,
    Members,
    Password,
    Usage,
    Audit,
    Fleet,
}

/// In the order of the sidebar, by group.
const GROUPS: [(&str, &[Place]); 2] = [
    ("Settings", &[Place::ApiKeys, Place::Organization, Place::Members]),
    ("Activity", &[Place::Usage, Place::Audit, Place::Fleet]),
];

impl Place {
    const fn name(self) -> &'static str {
        match self {
            Self::ApiKeys => "API Keys",
            Self::Organization => "Organization",
            Self::Members => "Members",
            Self::Password => "Password",
            Self::Usage => "Usage",
            Self::Audit => "Audit log",
            Self::Fleet => "Fleet",
        }
    }

    const fn path(self) -> &'static str {
        match self {
            Self::ApiKeys => "/settings/api-keys",
            Self::Organization => "/settings/organization",
            Self::Members => "/settings/members",
            Self::Password => "/settings/password",
            Self::Usage => "/usage",
            Self::Audit => "/audit",
            Self::Fleet => "/fleet",
        }
    }

    const fn icon(self) -> Icon {
        match self {
            Self::ApiKeys => Icon::Key,
            Self::Organization => Icon::Building,
            Self::Members => Icon::People,
            Self::Password => Icon::Lock,
            Self::Usage => Icon::Bars,
            Self::Audit => Icon::List,
            Self::Fleet => Icon::Nodes,
        }
    }
}

/// A page of somebody who is signed in. The page of an error has no place in the sidebar.
pub(super) fn page(
    by: &SignedIn,
    place: impl Into<Option<Place>>,
    title: &str,
    content: &Markup,
) -> Html<String> {
    let place = place.into();
    let body = html! {
        a.skip href="#content" { "Skip to the content" }
        div.shell {
            header.sidebar {
                (brand())
                (organizations(by))
                nav aria-label="Main" {
                    @for (group, places) in GROUPS {
                        div.nav-group {
                            p.nav-title { (group) }
                            ul {
                                @for own in places {
                                    li { (entry(*own, place)) }
                                }
                            }
                        }
                    }
                }
                (person(by, place))
            }
            main #content tabindex="-1" { (content) }
        }
    };
    Html(document(title, &body).into_string())
}

/// A page without a sidebar: to sign in, or when something went wrong.
pub(super) fn alone(title: &str, content: &Markup) -> Markup {
    let body = html! {
        main.alone #content { (brand()) (content) }
    };
    document(title, &body)
}

/// The field that makes a form one of this session.
pub(super) fn form_token(by: &SignedIn) -> Markup {
    html! { input type="hidden" name=(TOKEN_FIELD) value=(by.form_token); }
}

fn document(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · Takumo Cloud" }
                link rel="stylesheet" href=(STYLE.path);
                link rel="icon" type="image/svg+xml" href=(ICON.path);
                script src=(SCRIPT.path) defer {}
            }
            body { (body) (announcer()) }
        }
    }
}

/// The live region in which the script announces what a button only shows.
pub(super) fn announcer() -> Markup {
    html! { p.hidden.announcer role="status" {} }
}

fn brand() -> Markup {
    html! {
        a.brand href="/settings/api-keys" {
            (icons::mark())
            span { "Takumo Cloud" }
        }
    }
}

fn entry(own: Place, place: Option<Place>) -> Markup {
    html! {
        a.nav-link href=(own.path()) aria-current=[(Some(own) == place).then_some("page")] {
            (icons::icon(own.icon()))
            span { (own.name()) }
        }
    }
}

fn organizations(by: &SignedIn) -> Markup {
    let current = &by.organization;
    html! {
        div.organization {
            @if by.memberships.len() < 2 {
                p.organization-name { bdi { (current.name) } }
            } @else {
                details.switcher {
                    summary {
                        span.organization-name { bdi { (current.name) } }
                        (icons::icon(Icon::Chevrons))
                    }
                    form method="post" action="/switch" {
                        (form_token(by))
                        p.nav-title { "Switch to" }
                        @for other in by.memberships.iter().filter(|own| own.organization.id != current.id) {
                            button.plain name="organization" value=(other.organization.id.as_str()) {
                                bdi { (other.organization.name) }
                                span.muted.small { (capital(other.role.as_str())) }
                            }
                        }
                    }
                }
            }
            p.muted.small { (capital(current.plan.as_str())) " plan" }
        }
    }
}

fn person(by: &SignedIn, place: Option<Place>) -> Markup {
    html! {
        div.person {
            div.person-name {
                span.avatar aria-hidden="true" { (by.login.as_str().chars().take(1).collect::<String>()) }
                span title=(by.login) { (by.login) }
                span.muted.small { (capital(by.role.as_str())) }
            }
            (entry(Place::Password, place))
            form method="post" action="/sign-out" {
                (form_token(by))
                button.nav-link.plain {
                    (icons::icon(Icon::Exit))
                    span { "Sign out" }
                }
            }
        }
    }
}
