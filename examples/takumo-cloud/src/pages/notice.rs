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
    ("session-ended", "Your session has ended. Sign in to continue."),
    ("sign-in", "Sign in to continue."),
    (
        "not-done",
        "Your session had ended, so nothing was changed. Check what you entered, and send it again.",
    ),
    ("signed-out", "You are signed out."),
];

/// The words of notices that say what was not done.
const WARNINGS: [&str; 5] = ["session-ended", "sign-in", "not-done", "shown-once", "link-shown"];

/// The name of the parameter.
pub(super) const PARAMETER: &str = "done";

/// What this word stands for; nothing, when it is none.
pub(super) fn notice(word: Option<&str>) -> Markup {
    let told = NOTICES.iter().find(|(own, _)| Some(*own) == word);
    html! {
        @if let Some((_, text)) = told {
            @let warns = WARNINGS.contains(&word.unwrap_or_default());
            div class={ "notice " (if warns { "warn" } else { "good" }) } role="status" {
                (icon(if warns { Icon::Warning } else { Icon::Check }))
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

/// An error of a form, and the field that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    /// The id of the field.
    field: &'static str,
    text: String,
}

impl Wrong {
    pub(super) fn new(field: &'static str, text: impl Into<String>) -> Self {
        Self { field, text: text.into() }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

/// The summary of what is wrong, which has the focus and leads to the field.
pub(super) fn summary(wrong: Option<&Wrong>) -> Markup {
    html! {
        @if let Some(Wrong { field, text }) = wrong {
            (alert(&html! { a href={ "#" (field) } { (text) } }))
        }
    }
}

/// The value of `aria-invalid` of a field.
pub(super) fn invalid(wrong: Option<&Wrong>, field: &str) -> Option<&'static str> {
    wrong.is_some_and(|wrong| wrong.field == field).then_some("true")
}

/// The value of `aria-describedby` of a field that may have a help text.
pub(super) fn described(wrong: Option<&Wrong>, field: &str, help: Option<&str>) -> Option<String> {
    let summary = invalid(wrong, field).map(|_| PROBLEM);
    let ids: Vec<&str> = [summary, help].into_iter().flatten().collect();
    (!ids.is_empty()).then(|| ids.join(" "))
}

/// What is wrong with what was sent.
pub(super) fn problem(text: Option<&str>) -> Markup {
    html! {
        @if let Some(text) = text { (alert(&html! { (text) })) }
    }
}

/// The id of the summary.
const PROBLEM: &str = "problem";

/// Browsers give it the focus by `autofocus`, and the script does where another element has that.
fn alert(content: &Markup) -> Markup {
    html! {
        div.notice.bad id=(PROBLEM) role="alert" tabindex="-1" autofocus data-problem {
            (icon(Icon::Warning)) p { (content) }
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
