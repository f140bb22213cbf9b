use keyfob_core::PresentedKey;

fn by_display(key: PresentedKey<'_>) -> String {
    key.to_string()
}

fn by_reference<'k>(key: &'k PresentedKey<'_>) -> &'k [u8] {
    key.as_ref()
}

fn by_name<'k>(key: &'k PresentedKey<'_>) -> &'k str {
    key.expose_secret()
}

fn by_field<'k>(key: PresentedKey<'k>) -> &'k [u8] {
    key.bytes
}

fn main() {
    let _ = (by_display, by_reference, by_name, by_field);
}
