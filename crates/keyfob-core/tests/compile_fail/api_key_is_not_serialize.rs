use keyfob_core::ApiKey;

fn answer(key: &ApiKey) -> String {
    serde_json::to_string(key).unwrap()
}

fn main() {
    let _ = answer;
}
