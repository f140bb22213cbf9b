use keyfob_core::ApiKey;

fn keep_a_copy(key: &ApiKey) -> ApiKey {
    key.clone()
}

fn main() {
    let _ = keep_a_copy;
}
