use std::fs;

use rustix::process::{Pid, Signal, kill_process};

/// The processes of a server: the one that was started, and its children. PostgreSQL's children
/// have none of their own, and are each in a process group of its own.
#[derive(Clone, Debug)]
pub(crate) struct ProcessTree {
    root: Pid,
    children: Vec<Pid>,
}

impl ProcessTree {
    /// Stops the root, so that it starts no more children, and lists those that there are.
    pub(crate) fn stop(root: Pid) -> Self {
        let _ = kill_process(root, Signal::STOP);
        let children = children(root);
        let tree = Self { root, children };
        tree.signal(Signal::STOP);
        tree
    }

    /// Sends a signal to all of them. One that is gone needs none.
    pub(crate) fn signal(&self, signal: Signal) {
        for process in self.processes() {
            let _ = kill_process(process, signal);
        }
    }

    /// Whether none of them runs any more.
    pub(crate) fn is_gone(&self) -> bool {
        self.processes().all(is_gone)
    }

    fn processes(&self) -> impl Iterator<Item = Pid> {
        [self.root].into_iter().chain(self.children.iter().copied())
    }
}

/// Whether a process has ended, though its parent may not have asked yet how.
pub(crate) fn is_gone(process: Pid) -> bool {
    Stat::read(process).is_none_or(|stat| matches!(stat.state, 'Z' | 'X'))
}

fn children(parent: Pid) -> Vec<Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let processes = entries.filter_map(|entry| process(entry.file_name().to_str()?));
    processes
        .filter(|process| Stat::read(*process).is_some_and(|stat| stat.parent == Some(parent)))
        .collect()
}

/// The two fields of `/proc/PID/stat` (see proc(5)) that are of use here.
struct Stat {
    state: char,
    parent: Option<Pid>,
}

impl Stat {
    fn read(process: Pid) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero())).ok()?;
        Self::parse(&stat)
    }

    /// The name of the program is in parentheses and may itself hold anything.
    fn parse(stat: &str) -> Option<Self> {
        let (_, fields) = stat.rsplit_once(')')?;
        let mut fields = fields.split_whitespace();
        let state = fields.next()?.chars().next()?;
        let parent = process(fields.next()?);
        Some(Self { state, parent })
    }
}

pub(crate) fn process(text: &str) -> Option<Pid> {
    Pid::from_raw(text.trim().parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_of_a_program_does_not_confuse() {
        let stat = Stat::parse("12 (odd ) R 7 name) S 34 12 12 0").unwrap();
        assert_eq!((stat.state, stat.parent), ('S', process("34")));
    }

    #[test]
    fn child_is_found_and_ends() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let own = process(&std::process::id().to_string()).unwrap();
        let pid = process(&child.id().to_string()).unwrap();
        assert!(children(own).contains(&pid));
        assert!(!is_gone(pid));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(is_gone(pid));
    }
}
