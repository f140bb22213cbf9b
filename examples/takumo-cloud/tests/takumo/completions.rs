use crate::operator::Operator;

#[test]
fn every_shell_gets_its_completions() {
    let directory = tempfile::tempdir().unwrap();
    let operator = Operator::new(directory.path());
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = operator.stdout(&["completions", shell]);
        for command in ["takumo-cloud", "rotate", "import", "prune"] {
            assert!(script.contains(command), "{shell}: {command}");
        }
    }
    assert_eq!(operator.failure(&["completions", "csh"]).0, 2);
    let made = std::fs::read_dir(directory.path()).unwrap().count();
    assert_eq!(made, 0, "it needs no database");
}
