//! keyfob-core links no `std`: a library with a panic handler of its own is built on it.
//!
//! The library is a package of its own, written into the target directory, since in the workspace
//! other members would turn on features that bring `std`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

#[test]
fn core_is_built_without_std() {
    let build = build_on_core("without_std", &[]);
    assert!(build.status.success(), "{}", String::from_utf8_lossy(&build.stderr));
}

/// The proof of the proof: the same library fails as soon as `std` is linked.
#[test]
fn the_build_fails_when_std_is_linked() {
    let build = build_on_core("with_std", &["--features", "std"]);
    let errors = String::from_utf8_lossy(&build.stderr);
    assert!(!build.status.success(), "std has a panic handler too, and two should not link");
    assert!(errors.contains("found duplicate lang item `panic_impl`"), "{errors}");
}

fn build_on_core(name: &str, arguments: &[&str]) -> Output {
    let package = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    write_package(&package);
    Command::new(env!("CARGO"))
        .arg("build")
        .args(arguments)
        .arg("--manifest-path")
        .arg(package.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(package.join("target"))
        // What a coverage or sanitizer run links into everything needs std.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .output()
        .expect("cargo can be run")
}

fn write_package(package: &Path) {
    let core = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = format!(
        r#"
[package]
name = "keyfob-core-no-std"
version = "0.0.0"
edition = "2024"

[workspace]

[lib]
crate-type = ["staticlib"]
path = '{library}'

[features]
std = []

[dependencies]
rand_core = "0.10"

[dependencies.keyfob-core]
path = '{core}'
default-features = false
features = ["rand_core_0_10", "serde"]

[profile.dev]
panic = "abort"
"#,
        library = core.join("tests/no_std/lib.rs").display(),
        core = core.display(),
    );
    std::fs::create_dir_all(package).expect("the target directory is writable");
    std::fs::write(package.join("Cargo.toml"), manifest).expect("the target directory is writable");
    // The same versions as in the workspace, which are downloaded already.
    std::fs::copy(lock_file(core), package.join("Cargo.lock")).expect("a lock file can be copied");
}

fn lock_file(core: &Path) -> PathBuf {
    let candidates = core.ancestors().map(|directory| directory.join("Cargo.lock"));
    candidates.into_iter().find(|lock| lock.exists()).expect("cargo wrote a lock file")
}
