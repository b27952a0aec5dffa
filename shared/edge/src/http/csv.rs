//! CSV (RFC 4180), safe to open in a spreadsheet.

/// Whether an `Accept` header prefers CSV to JSON: it names it before any type that JSON fits.
pub fn is_wanted(accept: Option<&str>) -> bool {
    let types = accept.unwrap_or_default().split(',').filter_map(|part| {
        let mut parameters = part.split(';').map(str::trim);
        let media = parameters.next()?.to_ascii_lowercase();
        let refused = parameters.any(|parameter| matches!(parameter, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"));
        (!refused).then_some(media)
    });
    types.into_iter().find(|media| ["text/csv", "application/json", "application/*", "*/*"].contains(&media.as_str()))
        == Some("text/csv".to_owned())
}

/// Adds one record: fields with a comma, a quote or a line break stand in quotes, quotes in them are doubled.
pub fn write<F: AsRef<str>>(text: &mut String, fields: impl IntoIterator<Item = F>) {
    for (place, field) in fields.into_iter().enumerate() {
        let field = field.as_ref();
        if place > 0 {
            text.push(',');
        }
        if field.contains([',', '"', '\r', '\n']) {
            text.push('"');
            text.push_str(&field.replace('"', "\"\""));
            text.push('"');
        } else {
            text.push_str(field);
        }
    }
    text.push_str("\r\n");
}

/// Free text that a spreadsheet will not take for a formula (OWASP, CSV injection): an apostrophe goes before it.
/// Not for numbers, which may be negative.
pub fn harmless(text: &str) -> String {
    let formula = text.starts_with(['\t', '\r', '\n'])
        || text.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
    if formula { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_is_answered_to_whoever_names_it_before_json() {
        for (accept, wanted) in [
            (None, false),
            (Some(""), false),
            (Some("text/csv"), true),
            (Some("TEXT/CSV; charset=utf-8"), true),
            (Some("text/csv, */*"), true),
            (Some("text/csv;q=0.9, application/json;q=0.1"), true),
            (Some("application/json, text/csv"), false),
            (Some("*/*"), false),
            (Some("text/csv;q=0, */*"), false),
            (Some("text/html, text/csv"), true),
            (Some("text/html"), false),
        ] {
            assert_eq!(is_wanted(accept), wanted, "{accept:?}");
        }
    }

    #[test]
    fn what_would_be_a_formula_becomes_text() {
        for (text, expected) in [
            ("=HYPERLINK(\"http://x\")", "'=HYPERLINK(\"http://x\")"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("  =1", "'  =1"),
            ("\t=1", "'\t=1"),
            ("＝1", "'＝1"),
            ("rent", "rent"),
            ("1 = 1", "1 = 1"),
            ("", ""),
        ] {
            assert_eq!(harmless(text), expected, "{text:?}");
        }
    }

    #[test]
    fn quotes_commas_and_line_breaks_stay_inside_their_field() {
        let mut text = String::new();
        write(&mut text, ["a,b", "say \"hi\"", "two\r\nlines", "", ""]);
        assert_eq!(text, "\"a,b\",\"say \"\"hi\"\"\",\"two\r\nlines\",,\r\n");
    }
}
