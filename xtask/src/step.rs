use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Instant;

use crate::failure::Failure;

/// One command of a task, with the name by which its failure is reported.
///
/// It runs at the root of the workspace, and never waits for somebody to type something.
#[derive(Debug)]
pub(crate) struct Step {
    name: String,
    command: Command,
}

impl Step {
    pub(crate) fn new(name: impl Into<String>, program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.current_dir(workspace_root()).stdin(Stdio::null());
        Self { name: name.into(), command }
    }

    /// A step of the cargo that runs this program.
    pub(crate) fn cargo(name: impl Into<String>) -> Self {
        Self::new(name, std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
    }

    /// Adds the words of a line; no argument that is given here holds a space.
    pub(crate) fn words(mut self, line: &str) -> Self {
        self.command.args(line.split_whitespace());
        self
    }

    pub(crate) fn arguments<A: AsRef<OsStr>>(
        mut self,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        self.command.args(arguments);
        self
    }

    pub(crate) fn environment(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it to its end.
    pub(crate) fn run(mut self) -> Result<(), Failure> {
        let run = Running::announce(&self);
        let status = self.command.status().map_err(|source| run.could_not(source))?;
        run.ended(status)
    }

    /// Runs it, passes its standard output through, and shows every line of it to `read` as well.
    pub(crate) fn run_reading(mut self, mut read: impl FnMut(&str)) -> Result<(), Failure> {
        let run = Running::announce(&self);
        let status = self
            .command
            .stdout(Stdio::piped())
            .spawn()
            .and_then(|mut child| {
                let output = child.stdout.take().expect("its standard output was just piped");
                pass_through(output, &mut io::stdout().lock(), &mut read)?;
                child.wait()
            })
            .map_err(|source| run.could_not(source))?;
        run.ended(status)
    }

    /// Runs it quietly and gives what it printed.
    pub(crate) fn output(mut self) -> Result<String, Failure> {
        let step = self.name;
        let output = self
            .command
            .stderr(Stdio::inherit())
            .output()
            .map_err(|source| Failure::Command { step: step.clone(), source })?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(Failure::Step { step, status: output.status })
        }
    }

    /// What a person would type to run it.
    fn command_line(&self) -> String {
        let program = Path::new(self.command.get_program()).file_name().unwrap_or_default();
        let variables = self.command.get_envs().filter_map(|(name, value)| {
            Some(format!("{}={:?}", name.to_string_lossy(), value?.to_string_lossy()))
        });
        let arguments = self.command.get_args().map(|word| word.to_string_lossy().into_owned());
        variables
            .chain([program.to_string_lossy().into_owned()])
            .chain(arguments)
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// The root of the workspace that this program was compiled in.
pub(crate) fn workspace_root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace")
}

struct Running {
    name: String,
    since: Instant,
}

impl Running {
    fn announce(step: &Step) -> Self {
        eprintln!("==> {}: {}", step.name, step.command_line());
        Self { name: step.name.clone(), since: Instant::now() }
    }

    fn could_not(&self, source: io::Error) -> Failure {
        Failure::Command { step: self.name.clone(), source }
    }

    fn ended(self, status: ExitStatus) -> Result<(), Failure> {
        let seconds = self.since.elapsed().as_secs_f64();
        if status.success() {
            eprintln!("<== {}: ok, {seconds:.1} s", self.name);
            Ok(())
        } else {
            eprintln!("<== {}: FAILED, {seconds:.1} s", self.name);
            Err(Failure::Step { step: self.name, status })
        }
    }
}

/// Copies line by line, as they come, whatever their encoding.
fn pass_through(
    from: impl io::Read,
    to: &mut impl Write,
    read: &mut impl FnMut(&str),
) -> io::Result<()> {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line)? > 0 {
        to.write_all(&line)?;
        to.flush()?;
        read(String::from_utf8_lossy(&line).trim_end());
        line.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_passes_through_unchanged_and_is_read_by_lines() {
        let output: &[u8] = b"first\n\nnot \xff text\r\nlast, unended";
        let (mut passed, mut lines) = (Vec::new(), Vec::new());
        pass_through(output, &mut passed, &mut |line| lines.push(line.to_owned())).unwrap();
        assert_eq!(passed, output);
        assert_eq!(lines, ["first", "", "not \u{fffd} text", "last, unended"]);
    }

    #[test]
    fn command_line_can_be_typed() {
        let step = Step::new("docs", "/usr/bin/cargo")
            .words("doc  --no-deps")
            .arguments(["--quiet"])
            .environment("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(
            step.command_line(),
            r#"RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --quiet"#
        );
    }

    #[test]
    fn failed_step_is_named() {
        let failure = Step::new("refusal", "false").run().unwrap_err();
        assert!(failure.to_string().starts_with("step `refusal` failed"), "{failure}");
    }

    #[test]
    fn missing_program_is_named() {
        let failure = Step::new("absence", "/nonexistent/program").run().unwrap_err();
        assert!(failure.to_string().starts_with("step `absence` could not run"), "{failure}");
    }
}
