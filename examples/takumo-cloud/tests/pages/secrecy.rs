use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use crate::form_client::{FormClient, secret_of};
use crate::place;

/// The program at its loudest, while a key is made on its pages: neither the key nor what signs
/// somebody in is in what it says, but for the one time on standard output, or in what it keeps.
#[test]
fn no_key_no_password_and_no_session_is_logged_or_kept() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_takumo-cloud"))
        .args(["serve", "--listen", "127.0.0.1:0"])
        .current_dir(directory.path())
        .env("TAKUMO_LOG", "trace")
        .env("TAKUMO_DATABASE", "sqlite://takumo.db")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let log = std::thread::spawn(move || {
        let mut log = String::new();
        stderr.read_to_string(&mut log).unwrap();
        log
    });
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let link = lines.find(|line| line.contains("/sign-in/link?token=")).unwrap();
    let (url, token) = link.split_once("/sign-in/link?token=").unwrap();
    let password = lines.find_map(|line| Some(line.split_once("with the password ")?.1.to_owned()));
    let password = password.unwrap();

    let mut client = FormClient::at(url);
    let wrong = [("login", "owner"), ("password", "wrong-password-typed")];
    client.submit("/sign-in", &wrong);
    client.submit("/sign-in", &[("login", "owner"), ("password", &password)]);
    client.get(&format!("/sign-in/link?token={token}"));
    assert_eq!(client.submit("/sign-in/link", &[("token", token)]).status, 303);
    let cookie = client.cookie.clone().unwrap();
    let session = cookie.split_once('=').unwrap().1.to_owned();
    let form_token = client.form_token();
    let made = client.create("quiet", &["shield:read"]);
    let secret = secret_of(&made.body);
    assert_eq!(client.get(&format!("/settings/api-keys?q={secret}")).status, 400);
    assert_eq!(client.create(&secret, &["shield:read"]).status, 400, "a field holds it");
    // One who is signed out, with a cookie that is none.
    client.cookie = Some(format!("{cookie}x"));
    client.get("/settings/api-keys");

    // While it runs, so that the log of the database is still there.
    let kept = place::contents(directory.path());
    assert!(kept.len() >= place::PARTS);

    let stop = Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert!(stop.success() && child.wait().unwrap().success());
    let log = log.join().unwrap();
    assert!(log.contains("TRACE") && log.contains("/settings/api-keys"), "it says what it does");
    let secrets =
        [&secret, &secret[20..52], &password, token, &session, &form_token, "wrong-password-typed"];
    for secret in secrets {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    let held = |text: &str| {
        kept.iter().any(|(_, bytes)| memchr::memmem::find(bytes, text.as_bytes()).is_some())
    };
    assert!(held(&secret[..16]), "the search finds what is there");
    for secret in [&secret[..], &secret[20..52], &password, token, &session] {
        assert!(!held(secret), "{secret} is kept");
    }
}
