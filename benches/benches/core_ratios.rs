//! keyfob-core against R, plain SHA-256 of the same key, in turns: the figures of README.md.

use std::hint::black_box;

use keyfob_benches::{COUNTING_ALLOCATOR, CountingAllocator, Goal, Ratios};
use keyfob_core::{Environment, KeyFormat};
use sha2::Digest;

#[global_allocator]
static ALLOCATOR: CountingAllocator = COUNTING_ALLOCATOR;

const FORMAT: KeyFormat = KeyFormat::new("tk");
const KEY: &str = "tk_live_a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90";

#[expect(clippy::print_stdout, reason = "the table is what it is for")]
fn main() {
    let key = FORMAT.parse(KEY).expect("well-formed");
    let stored = key.hash();
    let wrong_prefix = KEY.replace("tk", "sk");
    let wrong_character = KEY.replace('f', "F");
    let too_long = format!("{KEY}{}", "0".repeat(8_120));
    let mut rng = rand::rng();
    let refuse = |text: &str| FORMAT.parse(black_box(text)).is_ok();

    let report = Ratios::to("R: plain SHA-256 of the key", || sha2::Sha256::digest(black_box(KEY)))
        .and("parse", Goal::AtMost(0.1), || FORMAT.parse(black_box(KEY)).is_ok())
        .and("refuse: prefix", Goal::AtMost(0.1), || refuse(&wrong_prefix))
        .and("refuse: length, 71 bytes", Goal::AtMost(0.1), || refuse(&KEY[..71]))
        .and("refuse: character", Goal::AtMost(0.1), || refuse(&wrong_character))
        .and("refuse: length, 8 KB", Goal::AtMost(0.1), || refuse(&too_long))
        .and("hash", Goal::None, || black_box(&key).hash())
        .and("compare two hashes", Goal::None, || black_box(&stored) == black_box(&stored))
        .and("verify: parse, hash, compare", Goal::AtMost(1.1), || {
            FORMAT.parse(black_box(KEY)).is_ok_and(|key| key.hash() == *black_box(&stored))
        })
        .and("generate, thread generator", Goal::AtMost(1.8), || {
            FORMAT.generate_from(Environment::Live, &mut rng)
        })
        .and("generate, operating system", Goal::AtMost(6.0), || FORMAT.generate(Environment::Live))
        .run(&ALLOCATOR);
    println!("{report}");
}
