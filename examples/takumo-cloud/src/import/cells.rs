use csv_core::Reader;

/// Takes lines of CSV apart, one after the other, by one parser: to make one takes longer than most
/// lines do.
///
/// Each line is read by itself: no field of a key may hold a line feed, and a quote that is left open
/// spoils its own line only.
pub(super) struct Cells {
    reader: Reader,
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl Cells {
    pub(super) fn new() -> Self {
        Self { reader: Reader::new(), text: Vec::new(), ends: Vec::new() }
    }

    /// The cells of a line, with or without its end.
    pub(super) fn of(&mut self, line: &str) -> Result<Vec<String>, InvalidCells> {
        if line.matches('"').count() % 2 == 1 {
            return Err(InvalidCells::OpenQuote);
        }
        let line = line.trim_end_matches(['\r', '\n']).as_bytes();
        // No cell is longer than what it is written as, and between two of them is a comma.
        self.text.resize(line.len(), 0);
        self.ends.resize(line.len() + 1, 0);
        self.reader.reset();
        let (_, read, length, count) =
            self.reader.read_record(line, &mut self.text, &mut self.ends);
        if read < line.len() {
            return Err(InvalidCells::CarriageReturn);
        }
        // Nothing more comes, which ends the last cell.
        let (_, _, rest, last) =
            self.reader.read_record(&[], &mut self.text[length..], &mut self.ends[count..]);
        let text = str::from_utf8(&self.text[..length + rest])
            .expect("text of which quotes, commas and line ends were taken out is text");
        let mut start = 0;
        let cell = |end: &usize| {
            let cell = text[start..*end].trim().to_owned();
            start = *end;
            cell
        };
        Ok(self.ends[..count + last].iter().map(cell).collect())
    }
}

/// The line can't be taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidCells {
    #[error("a quote is not closed")]
    OpenQuote,
    #[error("has a carriage return that does not end it: lines end with a line feed")]
    CarriageReturn,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_apart_one_by_one() {
        let mut cells = Cells::new();
        let many = vec![""; 10_001];
        for (line, expected) in [
            ("a,b", &["a", "b"][..]),
            ("a,b\n", &["a", "b"]),
            ("a,b\r\n", &["a", "b"]),
            (" a ,\"b\"\"c, d\" \n", &["a", "b\"c, d"]),
            ("\"a\rb\",c", &["a\rb", "c"]),
            ("ä,\u{a0}ö\u{2003}\n", &["ä", "ö"]),
            ("a\"b,\"c\n", &["a\"b", "c"]),
            (",", &["", ""]),
            ("\"\"", &[""]),
            (&",".repeat(10_000), &many),
            ("x", &["x"]),
        ] {
            assert_eq!(cells.of(line).unwrap(), expected, "{line}");
        }
    }

    #[test]
    fn line_that_is_wrong_spoils_no_other() {
        let mut cells = Cells::new();
        for (line, problem) in [
            ("a,\"b\n", InvalidCells::OpenQuote),
            ("a,b\rc,d\n", InvalidCells::CarriageReturn),
            ("a,b\r\rc\n", InvalidCells::CarriageReturn),
        ] {
            assert_eq!(cells.of(line), Err(problem), "{line:?}");
            assert_eq!(cells.of("a,b").unwrap(), ["a", "b"]);
        }
    }
}
