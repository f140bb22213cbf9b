use keyfob_core::ApiKey;

fn log(key: &ApiKey) {
    println!("{key}");
}

fn main() {
    let _ = log;
}
