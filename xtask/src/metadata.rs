use serde_json::Value;

use crate::failure::Failure;
use crate::step::Step;

/// What cargo tells about the packages of this workspace.
pub(crate) fn packages() -> Result<Vec<Value>, Failure> {
    let text =
        Step::cargo("metadata").words("metadata --locked --no-deps --format-version 1").output()?;
    let mut metadata: Value = serde_json::from_str(&text)
        .map_err(|error| Failure::Missing(format!("cargo's metadata can't be read: {error}")))?;
    match metadata["packages"].take() {
        Value::Array(packages) => Ok(packages),
        _ => Err(Failure::Missing("cargo's metadata lists no packages".into())),
    }
}

pub(crate) fn name(package: &Value) -> &str {
    package["name"].as_str().expect("cargo's metadata names each package")
}

/// Whether others may depend on it. Examples, benches and tasks are for this workspace alone.
pub(crate) fn is_published(package: &Value) -> bool {
    !package["publish"].as_array().is_some_and(Vec::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    use crate::step::workspace_root;

    /// Which of the workspace's own crates each may build on: the direction of `DESIGN.md`.
    const LAYERS: &[(&str, &[&str])] = &[
        ("keyfob-core", &[]),
        ("keyfob-store", &["keyfob-core"]),
        ("keyfob-conformance", &["keyfob-core", "keyfob-store"]),
        ("keyfob-memory", &["keyfob-core", "keyfob-store"]),
        ("keyfob-sqlite", &["keyfob-core", "keyfob-store"]),
        ("keyfob-postgres", &["keyfob-core", "keyfob-store"]),
        ("keyfob", &["keyfob-core", "keyfob-store"]),
        ("keyfob-tower", &["keyfob-core", "keyfob-store", "keyfob"]),
    ];

    #[test]
    fn dependencies_point_one_way() {
        for package in packages().unwrap().iter().filter(|package| is_published(package)) {
            let name = name(package);
            let (_, allowed) = LAYERS
                .iter()
                .find(|(layer, _)| *layer == name)
                .unwrap_or_else(|| panic!("{name} has no place among the layers yet"));
            let own = package["dependencies"].as_array().unwrap().iter().filter(|dependency| {
                dependency["kind"].is_null() && dependency["path"].is_string()
            });
            for dependency in own {
                let dependency = dependency["name"].as_str().unwrap();
                assert!(allowed.contains(&dependency), "{name} must not depend on {dependency}");
            }
        }
    }

    /// `cargo xtask deny` holds them too, and needs a tool that takes minutes to build.
    #[test]
    fn lock_file_holds_no_banned_crate() {
        let lock = fs::read_to_string(workspace_root().join("Cargo.lock")).unwrap();
        for banned in ["sqlx", "sqlx-core", "openssl", "openssl-sys", "native-tls"] {
            assert!(!lock.contains(&format!("name = \"{banned}\"\n")), "{banned} is locked");
        }
    }
}
