use keyfob_core::{Environment, KeyFormat};

/// The format of the keys in all benchmarks but the core's own.
pub const FORMAT: KeyFormat = KeyFormat::new("tk");

/// So many keys as their holders would present them.
#[must_use]
pub fn texts(keys: usize) -> Vec<String> {
    let mut rng = rand::rng();
    let mut text = || FORMAT.generate_from(Environment::Live, &mut rng).expose_secret().to_owned();
    (0..keys).map(|_| text()).collect()
}
