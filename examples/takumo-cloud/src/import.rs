//! Keys of another system, as a file has them: by the hashes of what their users present.
//!
//! A file is read to its end whatever is wrong with it, so that one report tells all of it. The
//! report quotes nothing that may be a key, wherever it stands.

mod cells;
mod format;
mod lines;
mod record;

use std::collections::HashMap;
use std::io::{self, BufRead};

use keyfob::{ImportKey, KeyHash, Timestamp};

use crate::takumo::Scope;
use format::Parser;
use lines::Lines;

pub(crate) use format::ImportFormat;

/// What a file comes to.
#[derive(Default)]
pub(crate) struct Reading {
    /// The keys that are well described, with the numbers of their lines.
    pub(crate) keys: Vec<(usize, ImportKey<Scope>)>,
    /// How many lines describe a key, well or not.
    pub(crate) described: usize,
    /// What is wrong, in the order of lines.
    pub(crate) problems: Vec<Problem>,
}

/// Something that is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Counted from 1.
    pub(crate) line: usize,
    pub(crate) what: String,
}

/// The most keys of one file: they are imported in one transaction.
pub(crate) const MOST_KEYS: usize = 1_000_000;

/// Reads a file to its end, or to one key more than there may be.
pub(crate) fn read(
    input: impl BufRead,
    format: ImportFormat,
    now: Timestamp,
) -> io::Result<Reading> {
    let mut lines = Lines::new(input);
    let mut parser = Parser::new(format);
    let mut reading = Reading::default();
    let mut first_lines: HashMap<KeyHash, usize> = HashMap::new();
    while let Some((line, text)) = lines.next()? {
        let parsed = match text {
            Ok(text) if text.trim().is_empty() => continue,
            Ok(text) => parser.parse(&text),
            Err(problem) => Err(vec![problem.to_string()]),
        };
        let key = match parsed {
            Ok(None) => continue,
            Ok(Some(fields)) => record::read(fields, now),
            Err(problems) => Err(problems),
        };
        reading.described += 1;
        match key {
            Ok(key) => match first_lines.insert(key.hash, line) {
                None => reading.keys.push((line, key)),
                Some(first) => {
                    first_lines.insert(key.hash, first);
                    reading.wrong(line, format!("sha256: is that of line {first} already"));
                }
            },
            Err(problems) => problems.into_iter().for_each(|what| reading.wrong(line, what)),
        }
        if parser.is_lost() {
            break;
        }
        if reading.described > MOST_KEYS {
            reading.wrong(line, format!("a file has at most {MOST_KEYS} keys: import it in parts"));
            break;
        }
    }
    Ok(reading)
}

impl Reading {
    fn wrong(&mut self, line: usize, what: String) {
        self.problems.push(Problem { line, what });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    fn problems(text: &str, format: ImportFormat) -> Vec<(usize, String)> {
        let reading = read(text.as_bytes(), format, Timestamp::from_micros(0)).unwrap();
        reading.problems.into_iter().map(|problem| (problem.line, problem.what)).collect()
    }

    fn csv(text: &str) -> Vec<(usize, String)> {
        problems(text, ImportFormat::Csv)
    }

    #[test]
    fn the_two_formats_say_the_same() {
        let json = format!(
            "\u{feff}{{\"sha256\":\"{A}\",\"name\":\"a, b\",\"environment\":\"live\",\"scopes\":\
             [\"org:read\",\"shield:*\"],\"expires_at\":\"2030-01-01T00:00:00Z\"}}\r\n\n"
        );
        let csv = format!(
            "\u{feff}scopes,name,sha256,expires_at,hint,environment\r\n\
             org:read shield:*,\"a, b\",{A},2030-01-01T00:00:00Z,,live\r\n"
        );
        let now = Timestamp::from_micros(0);
        let json = read(json.as_bytes(), ImportFormat::Jsonl, now).unwrap();
        let csv = read(csv.as_bytes(), ImportFormat::Csv, now).unwrap();
        assert_eq!((json.problems, json.keys.len(), json.keys[0].0), (vec![], 1, 1));
        assert_eq!((csv.problems, csv.keys.len(), csv.keys[0].0), (vec![], 1, 2));
        assert!(json.keys[0].1 == csv.keys[0].1);
    }

    #[test]
    fn everything_wrong_is_told_with_its_line() {
        let text = format!(
            "sha256,name,environment,scopes\n\
             {A},one,live,org:read\n\
             \n\
             {A},again,live,org:read\n\
             short,,prod,org:fly\n\
             {B},\"open,live,org:read\n\
             {B},few\n\
             {B},two,test,org:read\n"
        );
        let told = csv(&text);
        let lines: Vec<_> = told.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [4, 5, 5, 5, 5, 6, 7], "{told:?}");
        assert!(told[0].1.contains("line 2"), "{told:?}");
        let fields = ["sha256: ", "name: ", "environment: ", "scopes: "];
        for (problem, field) in told[1..5].iter().zip(fields) {
            assert!(problem.1.starts_with(field), "{told:?}");
        }
    }

    #[test]
    fn first_line_of_csv_names_the_columns() {
        let told = csv("sha256,name,colour,sha256\n1,2,3,4\n");
        let whats: Vec<_> = told.iter().map(|(_, what)| what.as_str()).collect();
        let missing = ["environment", "scopes"].map(|name| format!("there is no column {name:?}"));
        assert!(missing.iter().all(|what| whats.contains(&what.as_str())), "{whats:?}");
        assert!(whats.iter().any(|what| what.contains("colour")), "{whats:?}");
        assert!(whats.iter().any(|what| what.contains("twice")), "{whats:?}");
        assert!(told.iter().all(|(line, _)| *line == 1), "{told:?}");
    }

    #[test]
    fn lines_of_json_are_objects_with_known_fields() {
        let good = format!("\"sha256\":\"{A}\",\"environment\":\"live\",\"scopes\":[\"org:read\"]");
        for (line, told_of) in [
            ("{".to_owned(), "not valid JSON"),
            ("[]".to_owned(), "JSON object"),
            (format!("{{{good}}}"), "name: "),
            (format!("{{{good},\"name\":\"x\",\"name\":\"y\"}}"), "each field once"),
            (format!("{{{good},\"name\":\"x\",\"owner\":1}}"), "owner"),
            (format!("{{{good},\"name\":7}}"), "name: "),
            (format!("{{{good},\"name\":\"x\",\"expires_at\":\"soon\"}}"), "expires_at: "),
            (
                format!("{{{good},\"name\":\"x\",\"expires_at\":\"1969-01-01T00:00:00Z\"}}"),
                "passed",
            ),
            (format!("{{{good},\"name\":\"x\",\"hint\":\"tk_test_a1b2c3d4\"}}"), "hint: "),
            (format!("{{{good},\"name\":\"x\",\"hint\":\"tk_live_\"}}x"), "not valid JSON"),
        ] {
            let told = problems(&line, ImportFormat::Jsonl);
            assert_eq!(told.len(), 1, "{line}: {told:?}");
            assert!(told[0].1.contains(told_of), "{line}: {told:?}");
        }
    }

    #[test]
    fn keys_in_plaintext_are_refused_and_not_quoted() {
        let key = format!("tk_live_{A}");
        for line in [
            format!("{{\"sha256\":\"{key}\"}}"),
            format!("{{\"{key}\":1}}"),
            format!("{{\"name\":\"{key}\""),
            key.clone(),
        ] {
            let told = problems(&line, ImportFormat::Jsonl);
            assert!(!told.is_empty() && !format!("{told:?}").contains(&key[9..]), "{told:?}");
        }
        let told = csv(&format!("sha256,name,environment,scopes\n{key},x,live,org:read\n"));
        assert!(told[0].1.contains("plaintext"), "{told:?}");
        let told = csv(&format!("name,sha256,scopes,environment\n{A},{A}0,{B},{B}\n"));
        assert!(told.len() == 3 && !format!("{told:?}").contains(&B[..9]), "{told:?}");
    }

    #[test]
    fn overlong_and_undecodable_lines_are_one_problem_each() {
        let long = "x".repeat(70_000);
        let bytes = [long.as_bytes(), b"\n\xff\n", long.as_bytes()].concat();
        let reading = read(&bytes[..], ImportFormat::Jsonl, Timestamp::from_micros(0)).unwrap();
        let lines: Vec<_> = reading.problems.iter().map(|problem| problem.line).collect();
        assert_eq!(lines, [1, 2, 3]);
    }
}
