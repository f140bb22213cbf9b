//! Lines of CSV (RFC 4180).

/// A line of these cells, with its end.
///
/// A cell that a spreadsheet would take for a formula gets an apostrophe before it: people choose
/// names, and a name must do nothing on another's machine (OWASP, CSV Injection).
pub(super) fn line(cells: &[&str]) -> String {
    let cells: Vec<_> = cells.iter().map(|cell| self::cell(cell)).collect();
    format!("{}\r\n", cells.join(","))
}

fn cell(text: &str) -> String {
    let formula = text.trim_start().starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) || formula {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_none_is_a_formula() {
        assert_eq!(line(&["a", "b c", "1"]), "a,b c,1\r\n");
        assert_eq!(line(&["a,b", "say \"x\""]), "\"a,b\",\"say \"\"x\"\"\"\r\n");
        assert_eq!(line(&["=1+1", " @x"]), "\"'=1+1\",\"' @x\"\r\n");
    }
}
