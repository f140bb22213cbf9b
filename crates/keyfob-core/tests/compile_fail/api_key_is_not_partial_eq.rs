use keyfob_core::ApiKey;

fn leak_by_timing(presented: &ApiKey, stored: &ApiKey) -> bool {
    *presented == *stored
}

fn main() {
    let _ = leak_by_timing;
}
