//! The drawings, as SVG that takes the colour of the text around it.

use maud::{Markup, html};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Icon {
    Key,
    Building,
    People,
    Lock,
    Bars,
    List,
    Nodes,
    Exit,
    Chevrons,
    Plus,
    Copy,
    Search,
    Warning,
    Check,
    Download,
}

/// A drawing beside words that say the same: there is nothing in it to be read out.
pub(super) fn icon(icon: Icon) -> Markup {
    html! {
        svg.icon viewBox="0 0 20 20" width="20" height="20" fill="none" stroke="currentColor"
            stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" {
            path d=(icon.path()) {}
        }
    }
}

/// The mark of the product.
pub(super) fn mark() -> Markup {
    html! {
        svg.mark viewBox="0 0 32 32" width="28" height="28" aria-hidden="true" {
            rect.mark-ground width="32" height="32" rx="8" {}
            path.mark-drawing d="M8 10h16M16 10v13M11 16.5h10" fill="none" stroke-width="3"
                stroke-linecap="round" {}
        }
    }
}

impl Icon {
    const fn path(self) -> &'static str {
        match self {
            Self::Key => {
                "M12.5 11.5a4 4 0 1 0-4-4c0 .5.1 1 .3 1.5L3 14.8V17h2.5v-2H8v-2h1.5l1.5-1.7c.5.1 1 .2 1.5.2ZM13.5 6.5h.01"
            }
            Self::Building => {
                "M4 17V4.5A1.5 1.5 0 0 1 5.5 3h5A1.5 1.5 0 0 1 12 4.5V17M12 8h2.5A1.5 1.5 0 0 1 16 9.5V17M2.5 17h15M7 6.5h2M7 10h2M7 13.5h2"
            }
            Self::People => {
                "M7.5 9.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM2 16.5c0-2.8 2.3-4.5 5.5-4.5s5.5 1.7 5.5 4.5M13.5 4a2.8 2.8 0 0 1 0 5.3M15 12.3c1.9.6 3 2 3 4.2"
            }
            Self::Lock => {
                "M5.5 9h9A1.5 1.5 0 0 1 16 10.5v5a1.5 1.5 0 0 1-1.5 1.5h-9A1.5 1.5 0 0 1 4 15.5v-5A1.5 1.5 0 0 1 5.5 9ZM6.5 9V6.5a3.5 3.5 0 0 1 7 0V9"
            }
            Self::Bars => "M3 17h14M5.5 17v-5M10 17V4M14.5 17V8.5",
            Self::List => "M7 5h10M7 10h10M7 15h10M3 5h.01M3 10h.01M3 15h.01",
            Self::Nodes => {
                "M10 6.5v3m0 0-5 4m5-4 5 4M12 4.5a2 2 0 1 1-4 0 2 2 0 0 1 4 0ZM7 15.5a2 2 0 1 1-4 0 2 2 0 0 1 4 0ZM17 15.5a2 2 0 1 1-4 0 2 2 0 0 1 4 0Z"
            }
            Self::Exit => {
                "M8 3.5H5A1.5 1.5 0 0 0 3.5 5v10A1.5 1.5 0 0 0 5 16.5h3M13 13.5l3.5-3.5L13 6.5M16.5 10H8"
            }
            Self::Chevrons => "m7 8 3-3 3 3M7 12l3 3 3-3",
            Self::Plus => "M10 4v12M4 10h12",
            Self::Copy => {
                "M8.5 7h7A1.5 1.5 0 0 1 17 8.5v7a1.5 1.5 0 0 1-1.5 1.5h-7A1.5 1.5 0 0 1 7 15.5v-7A1.5 1.5 0 0 1 8.5 7ZM13 7V4.5A1.5 1.5 0 0 0 11.5 3h-7A1.5 1.5 0 0 0 3 4.5v7A1.5 1.5 0 0 0 4.5 13H7"
            }
            Self::Search => "M9 15A6 6 0 1 0 9 3a6 6 0 0 0 0 12ZM17 17l-3.5-3.5",
            Self::Warning => {
                "M10 7.5v3.5M10 14h.01M8.7 3.3 2.2 14.7A1.5 1.5 0 0 0 3.5 17h13a1.5 1.5 0 0 0 1.3-2.3L11.3 3.3a1.5 1.5 0 0 0-2.6 0Z"
            }
            Self::Check => "m4.5 10.5 3.5 3.5 7.5-8",
            Self::Download => "M10 3.5v9M6.5 9.5l3.5 3.5 3.5-3.5M4 16.5h12",
        }
    }
}
