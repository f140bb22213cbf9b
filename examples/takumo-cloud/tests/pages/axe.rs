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

static SOURCE: LazyLock<String> = LazyLock::new(source);

/// Fails when the page that the window shows has something that keeps people out.
#[track_caller]
pub(crate) fn check(window: &Window, what: &str) {
    window.run(&SOURCE);
    let found = window.run_async(
        "const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
         const { violations } = await axe.run({ runOnly: { type: 'tag', values: tags } });
         return violations.map(({ id, help, nodes }) =>
             `${id}: ${help}: ` + nodes.map((node) => node.html + ' ' + node.failureSummary).join(' | '));",
    );
    let found = found.as_array().unwrap_or_else(|| panic!("{what}: axe failed: {found}"));
    assert!(found.is_empty(), "{what}: {found:#?}");
}

fn source() -> String {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let package = place.join(format!("axe-core-{VERSION}.tgz"));
    if !fs::read(&package).is_ok_and(|bytes| is_the_pinned_one(&bytes)) {
        let fetched = tempfile::tempdir_in(place).unwrap();
        let wanted = format!("axe-core@{VERSION}");
        let cache = fetched.path().join("cache").display().to_string();
        let fetch = ["pack", &wanted, "--ignore-scripts", "--fetch-retries=1", "--cache", &cache];
        run("npm", &fetch, fetched.path(), "it needs the registry, or axe-core in `target/tmp`");
        let file = fetched.path().join(format!("axe-core-{VERSION}.tgz"));
        let bytes = fs::read(&file).unwrap();
        assert!(
            is_the_pinned_one(&bytes),
            "npm's axe-core {VERSION} is not the one that is pinned"
        );
        fs::rename(file, &package).unwrap();
    }
    let file = package.display().to_string();
    let unpack = ["-xzOf", &file, "package/axe.min.js"];
    let unpacked = run("tar", &unpack, place, "the package is whole");
    String::from_utf8(unpacked.stdout).unwrap()
}

fn is_the_pinned_one(package: &[u8]) -> bool {
    STANDARD.encode(Sha512::digest(package)) == SHA_512
}

#[track_caller]
fn run(program: &str, arguments: &[&str], place: &Path, hint: &str) -> Output {
    let output =
        Command::new(program).args(arguments).current_dir(place).stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| {
        panic!("{program} is not installed ({error}): on Debian, `apt-get install {program}`")
    });
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?} failed, and {hint}: {errors}");
    output
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
