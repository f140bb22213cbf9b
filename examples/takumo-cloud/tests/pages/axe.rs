//! axe-core, which looks for what keeps people from using a page. It comes from npm, for these tests
//! only: it is in no package and in no page.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest, Sha512};

use crate::webdriver::Window;

const VERSION: &str = "4.14.1";
/// Of the package, as npm has it.
const SHA_512: &str =
    "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==";

/// A failure is told to each test that asks, not only to the first.
static SOURCE: LazyLock<Result<String, String>> = LazyLock::new(source);

/// Fails when the page that the window shows has something that keeps people out.
#[track_caller]
pub(crate) fn check(window: &Window, what: &str) {
    window.run(SOURCE.as_ref().unwrap_or_else(|why| panic!("{why}")));
    let found = window.run_async(
        "const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
         const { violations } = await axe.run({ runOnly: { type: 'tag', values: tags } });
         return violations.map(({ id, help, nodes }) =>
             `${id}: ${help}: ` + nodes.map((node) => node.html + ' ' + node.failureSummary).join(' | '));",
    );
    let found = found.as_array().unwrap_or_else(|| panic!("{what}: axe failed: {found}"));
    assert!(found.is_empty(), "{what}: {found:#?}");
}

fn source() -> Result<String, String> {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let package = place.join(format!("axe-core-{VERSION}.tgz"));
    if !fs::read(&package).is_ok_and(|bytes| is_the_pinned_one(&bytes)) {
        fetch(place, &package)?;
    }
    let file = package.display().to_string();
    let unpacked = run("tar", &["-xzOf", &file, "package/axe.min.js"], place)?;
    Ok(String::from_utf8(unpacked.stdout).unwrap())
}

fn fetch(place: &Path, package: &Path) -> Result<(), String> {
    let fetched = tempfile::tempdir_in(place).unwrap();
    let wanted = format!("axe-core@{VERSION}");
    let cache = fetched.path().join("cache").display().to_string();
    let fetch = ["pack", &wanted, "--ignore-scripts", "--fetch-retries=1", "--cache", &cache];
    run("npm", &fetch, fetched.path()).map_err(|why| {
        format!(
            "axe-core {VERSION}, by which the pages are tested, can't be fetched. It is needed once. \
             If there is no way to npm's registry from here, run `npm pack {wanted}` where there is \
             one, and put the file that it makes at {}.\n{why}",
            package.display()
        )
    })?;
    let file = fetched.path().join(format!("axe-core-{VERSION}.tgz"));
    if !fs::read(&file).is_ok_and(|bytes| is_the_pinned_one(&bytes)) {
        return Err(format!(
            "what npm's registry has as axe-core {VERSION} is not what is pinned in {}",
            file!()
        ));
    }
    fs::rename(file, package).unwrap();
    Ok(())
}

fn is_the_pinned_one(package: &[u8]) -> bool {
    STANDARD.encode(Sha512::digest(package)) == SHA_512
}

fn run(program: &str, arguments: &[&str], place: &Path) -> Result<Output, String> {
    let output =
        Command::new(program).args(arguments).current_dir(place).stdin(Stdio::null()).output();
    let output = output.map_err(|error| {
        format!("{program} is not installed ({error}): on Debian, `apt-get install {program}`")
    })?;
    if output.status.success() {
        return Ok(output);
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    Err(format!("{program} {} failed: {errors}", arguments.join(" ")))
}

/// A page that nobody could use, so that what is found nowhere else would be found.
#[test]
fn axe_finds_what_is_wrong() {
    let browser = crate::browser::Browser::default().start();
    browser.go("data:text/html,<title>x</title><input><p style='color:%23ccc'>pale</p>");
    let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(&browser, "it")));
    let message = *found.unwrap_err().downcast::<String>().unwrap();
    assert!(message.contains("label:") && message.contains("color-contrast:"), "{message}");
    assert_eq!(browser.run("return axe.version"), Value::from(VERSION));
}
