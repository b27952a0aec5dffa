//! The little XML that S3 speaks.

use xmlparser::{ElementEnd, Token, Tokenizer};

use crate::Result;
use crate::error::Kind;

/// Builds an answer.
pub(crate) struct Xml(String);

impl Xml {
    /// A document with a root of S3's namespace.
    pub(crate) fn document(root: &str, content: impl FnOnce(&mut Self)) -> String {
        let mut xml = Self("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned());
        xml.0.push_str(&format!("<{root} xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"));
        content(&mut xml);
        xml.0.push_str(&format!("</{root}>"));
        xml.0
    }

    /// An element with elements in it.
    pub(crate) fn element(&mut self, name: &str, content: impl FnOnce(&mut Self)) {
        self.0.push_str(&format!("<{name}>"));
        content(self);
        self.0.push_str(&format!("</{name}>"));
    }

    /// An element with text in it.
    pub(crate) fn text(&mut self, name: &str, text: &str) {
        self.0.push_str(&format!("<{name}>{}</{name}>", escaped(text)));
    }
}

/// Text as it may stand in a document. Control characters are written as references, which clients of S3 take.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            control if control.is_control() => escaped.push_str(&format!("&#x{:x};", u32::from(control))),
            other => escaped.push(other),
        }
    }
    escaped
}

/// The texts of a document, each with the names of the elements around it: `Delete/Object/Key`. An element that only opens and
/// closes has an empty text.
pub(crate) fn texts(body: &[u8]) -> Result<Vec<(String, String)>> {
    let malformed = || Kind::MalformedXML.of("");
    let text = std::str::from_utf8(body).map_err(|_| malformed())?;
    let (mut path, mut texts, mut pending): (Vec<String>, Vec<_>, Option<String>) = (Vec::new(), Vec::new(), None);
    for token in Tokenizer::from(text) {
        match token.map_err(|_| malformed())? {
            Token::ElementStart { local, .. } => {
                path.push(local.as_str().to_owned());
                pending = Some(String::new());
            }
            Token::Text { text } => {
                if let Some(pending) = &mut pending {
                    pending.push_str(&unescaped(text.as_str()).ok_or_else(malformed)?);
                }
            }
            Token::Cdata { text, .. } => {
                if let Some(pending) = &mut pending {
                    pending.push_str(text.as_str());
                }
            }
            Token::ElementEnd { end: ElementEnd::Open, .. } => {}
            Token::ElementEnd { end, .. } => {
                if let Some(text) = pending.take() {
                    texts.push((path.join("/"), text));
                }
                let opened = path.pop().ok_or_else(malformed)?;
                if let ElementEnd::Close(_, closed) = end
                    && closed.as_str() != opened
                {
                    return Err(malformed());
                }
            }
            Token::DtdStart { .. }
            | Token::EmptyDtd { .. }
            | Token::EntityDeclaration { .. }
            | Token::DtdEnd { .. } => return Err(malformed()),
            _ => {}
        }
    }
    if path.is_empty() { Ok(texts) } else { Err(malformed()) }
}

fn unescaped(text: &str) -> Option<String> {
    let (mut plain, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        let (name, behind) = rest[at + 1..].split_once(';')?;
        plain.push(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => {
                let number = name.strip_prefix('#')?;
                let code = match number.strip_prefix('x') {
                    Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                    None => number.parse().ok()?,
                };
                char::from_u32(code)?
            }
        });
        rest = behind;
    }
    plain.push_str(rest);
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_with_their_places() {
        let body = b"<?xml version=\"1.0\"?><Delete xmlns=\"x\"><Quiet>true</Quiet><Object><Key>a&amp;b&#x41;&#10;</Key></Object><Object><Key/></Object></Delete>";
        let expected = [("Delete/Quiet", "true"), ("Delete/Object/Key", "a&bA\n"), ("Delete/Object/Key", "")];
        assert_eq!(texts(body).expect("texts"), expected.map(|(place, text)| (place.to_owned(), text.to_owned())));
        for broken in [
            &b"<a>"[..],
            b"<a></b>",
            b"</a>",
            b"<a>&nope;</a>",
            b"\xff",
            b"<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
            b"<a>&#xD800;</a>",
        ] {
            assert!(texts(broken).is_err(), "{}", String::from_utf8_lossy(broken));
        }
        assert_eq!(escaped("<a & \"b\">\n"), "&lt;a &amp; &quot;b&quot;&gt;&#xa;");
    }
}
