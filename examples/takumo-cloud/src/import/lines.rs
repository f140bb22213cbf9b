use std::io::{self, BufRead, Read};

/// The lines of a file with their numbers, from 1. A line that is too long to be one is skipped.
pub(super) struct Lines<R> {
    input: R,
    number: usize,
}

/// In bytes, its end included.
const LONGEST: u64 = 65_536;

impl<R: BufRead> Lines<R> {
    pub(super) const fn new(input: R) -> Self {
        Self { input, number: 0 }
    }

    /// The next line, or what is wrong with it.
    pub(super) fn next(&mut self) -> io::Result<Option<(usize, Result<String, InvalidLine>)>> {
        let mut bytes = Vec::new();
        let read = (&mut self.input).take(LONGEST).read_until(b'\n', &mut bytes)?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        if bytes.last() != Some(&b'\n') && self.input.skip_until(b'\n')? > 0 {
            return Ok(Some((self.number, Err(InvalidLine::TooLong))));
        }
        // Some programs begin a file with this mark.
        if self.number == 1 && bytes.starts_with(b"\xef\xbb\xbf") {
            bytes.drain(..3);
        }
        let text = String::from_utf8(bytes).map_err(|_| InvalidLine::NotUtf8);
        Ok(Some((self.number, text)))
    }
}

/// The line is no text that could describe a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidLine {
    #[error("the line is longer than {LONGEST} bytes")]
    TooLong,
    #[error("the line is not UTF-8")]
    NotUtf8,
}
