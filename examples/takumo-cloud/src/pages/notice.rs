//! What the page after a change says about it.

use maud::{Markup, html};

use super::icons::{Icon, icon};

/// The changes that are told, by the word that the address has for them: what it says is chosen
/// here, never by who made the address.
const NOTICES: &[(&str, &str)] = &[
    (
        "shown-once",
        "The key was shown once and can't be shown again. If you have not copied it, rotate it.",
    ),
    (
        "link-shown",
        "The sign-in link was shown once and can't be shown again. If you have not copied it, \
         make another one.",
    ),
    ("retired", "The old secret is refused from now on."),
    ("disabled", "The key is disabled. It is refused until you enable it again."),
    ("enabled", "The key is enabled."),
    ("edited", "Your changes are saved."),
    ("revoked", "The key is revoked, for good. Every server refuses it."),
    ("revoked-here", "The key is revoked, for good. Every server refuses it within seconds."),
    ("organization", "The organization's settings are saved."),
    ("added", "The member was added."),
    ("role", "The role was changed."),
    ("removed", "The member was removed. Their session has ended here."),
    ("password", "Your password is changed, and your other sessions have ended."),
    ("switched", "You have switched to another organization."),
    ("signed-in", "You are signed in."),
    ("signed-out", "You are signed out."),
];

/// The name of the parameter.
pub(super) const PARAMETER: &str = "done";

/// What this word stands for; nothing, when it is none.
pub(super) fn notice(word: Option<&str>) -> Markup {
    let told = NOTICES.iter().find(|(own, _)| Some(*own) == word);
    html! {
        @if let Some((_, text)) = told {
            div.notice.good role="status" {
                (icon(Icon::Check))
                p {
                    (text)
                    @if word == Some("signed-in") {
                        " " a href="/settings/password" { "Choose a password of your own" } ", if you have none."
                    }
                }
            }
        }
    }
}

/// What is wrong with what was sent.
pub(super) fn problem(text: Option<&str>) -> Markup {
    html! {
        @if let Some(text) = text {
            div.notice.bad role="alert" { (icon(Icon::Warning)) p { (text) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_as_text() {
        let told = problem(Some("<b>is no name</b>")).into_string();
        assert!(told.contains("&lt;b&gt;is no name&lt;/b&gt;") && !told.contains("<b>"), "{told}");
    }

    #[test]
    fn address_chooses_among_the_notices_and_writes_none() {
        assert!(notice(Some("revoked")).into_string().contains("for good"));
        assert_eq!(notice(Some("<b>Send your key to…</b>")).into_string(), "");
    }
}
