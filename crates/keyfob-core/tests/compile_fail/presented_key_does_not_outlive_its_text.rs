use keyfob_core::{KeyFormat, PresentedKey};

fn keep(header: String) -> Option<PresentedKey<'static>> {
    KeyFormat::new("tk").parse(&header).ok()
}

fn main() {
    let _ = keep;
}
