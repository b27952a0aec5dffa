//! Staff's own SQL: what is let through to the engine, and in which words.
//!
//! One SELECT over the lake's tables and what stands in it by name: anything that is not known here is refused, not only what is known to
//! be bad. What is sent is never the caller's text but the syntax tree printed again, so that our parser and the engine's cannot read it
//! differently. Pure: knows no request and no engine.

mod dialect;
mod expressions;
mod functions;
mod relations;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, fmt};

use sqlparser::{
    ast::{Expr, LimitClause, Query, Value},
    parser::{Parser, ParserError},
    tokenizer::{Location, Span, Token, TokenWithSpan, Tokenizer, Whitespace},
};

use dialect::Plain;
pub use functions::names as functions;

/// The longest query, in bytes.
pub const MAX_BYTES: usize = 10_000;
/// Words and signs of a query; keeps what parser, printer and destructor do in bounds.
const MAX_TOKENS: usize = 2_500;
/// How deep a query may be nested. A chain of `AND` counts as well: its tree is as deep as it is long.
const MAX_DEPTH: usize = 100;
/// How deep brackets may be nested: the parser tries some readings of an opening bracket one after the other.
const MAX_BRACKETS: usize = 12;
/// What the parser may nest at all, in its own steps; a few for each level that people see. Fits a thread of 2 MB, unoptimised.
const MAX_STEPS: usize = 30;
/// Rows of a result, unless the query asks for fewer.
pub const MAX_ROWS: u64 = 10_000;

/// A query that may be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// What to send.
    pub sql: String,
    /// The lake's tables that it reads.
    pub tables: BTreeSet<&'static str>,
}

/// Why a query is turned down, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// A sentence for people.
    pub reason: String,
    /// Counted from 1; `None` when it is about the query as a whole.
    pub place: Option<(u64, u64)>,
}

impl Refused {
    fn whole(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), place: None }
    }

    fn at(location: Location, reason: impl Into<String>) -> Self {
        let place = (location.line > 0).then_some((location.line, location.column));
        Self { reason: reason.into(), place }
    }

    fn in_span(span: Span, reason: impl Into<String>) -> Self {
        Self::at(span.start, reason)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some((line, column)) => write!(f, "{} (line {line}, column {column})", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

/// Looks a query through and prints it anew, with at most [`MAX_ROWS`] rows.
pub fn admit(sql: &str) -> Result<Admitted, Refused> {
    let mut query = parse(sql)?;
    let mut guard = Guard::default();
    guard.query(&query)?;
    bound_rows(&mut query)?;
    let printed = query.to_string();
    // The printer is not ours. What it wrote must be what was looked through.
    if parse_tokens(tokens(&printed)?)? != query {
        return Err(Refused::whole("this cannot be passed on without changing its meaning; say it in a simpler way"));
    }
    Ok(Admitted { sql: printed, tables: guard.tables })
}

fn parse(sql: &str) -> Result<Box<Query>, Refused> {
    if sql.len() > MAX_BYTES {
        return Err(Refused::whole(format!("a query may have {MAX_BYTES} bytes, this one has {}", sql.len())));
    }
    parse_tokens(looked_through(tokens(sql)?)?)
}

fn tokens(sql: &str) -> Result<Vec<TokenWithSpan>, Refused> {
    Tokenizer::new(&Plain, sql)
        .tokenize_with_location()
        .map_err(|error| Refused::at(error.location, format!("cannot be read: {}", error.message)))
}

/// Refuses what no admitted query has: comments, which engines end at different places, several statements, places for values.
fn looked_through(tokens: Vec<TokenWithSpan>) -> Result<Vec<TokenWithSpan>, Refused> {
    let (mut words, mut brackets) = (0_usize, 0_usize);
    let last = tokens.iter().rposition(|token| !matches!(token.token, Token::Whitespace(_) | Token::SemiColon));
    for (at, TokenWithSpan { token, span }) in tokens.iter().enumerate() {
        let refuse = |reason: &str| Err(Refused::in_span(*span, reason));
        match token {
            Token::Whitespace(Whitespace::SingleLineComment { .. } | Whitespace::MultiLineComment(_)) => {
                return refuse("comments are not allowed");
            }
            Token::Whitespace(_) => continue,
            Token::SemiColon if last.is_some_and(|last| at < last) => return refuse("only one statement is allowed"),
            Token::Placeholder(_) => return refuse("there are no values to put in the place of a placeholder"),
            Token::LParen => brackets += 1,
            Token::RParen => brackets = brackets.saturating_sub(1),
            _ => {}
        }
        words += 1;
        if words > MAX_TOKENS {
            return refuse("the query has too many words");
        }
        if brackets > MAX_BRACKETS {
            return refuse("nested too deeply");
        }
    }
    Ok(tokens)
}

fn parse_tokens(tokens: Vec<TokenWithSpan>) -> Result<Box<Query>, Refused> {
    let mut parser = Parser::new(&Plain).with_recursion_limit(MAX_STEPS).with_tokens_with_locations(tokens);
    let first = parser.peek_token();
    let starts = |word: &str| matches!(&first.token, Token::Word(first) if first.quote_style.is_none() && first.value.eq_ignore_ascii_case(word));
    if !starts("SELECT") && !starts("WITH") && first.token != Token::LParen {
        return Err(Refused::in_span(first.span, "a query must be one SELECT, with or without WITH before it"));
    }
    let query = parser.parse_query().map_err(unreadable)?;
    while parser.consume_token(&Token::SemiColon) {}
    let rest = parser.peek_token();
    match rest.token {
        Token::EOF => Ok(query),
        token => Err(Refused::in_span(rest.span, format!("the query should end before {token}"))),
    }
}

/// The parser's own words; it tells the place at their end.
fn unreadable(error: ParserError) -> Refused {
    let message = match error {
        ParserError::RecursionLimitExceeded => return Refused::whole("nested too deeply"),
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => message,
    };
    let place = message.rsplit_once(" at Line: ").and_then(|(_, place)| {
        let (line, column) = place.split_once(", Column: ")?;
        Some((line.parse().ok()?, column.parse().ok()?))
    });
    let reason =
        if place.is_some() { message.rsplit_once(" at Line: ").map_or("", |(reason, _)| reason) } else { &message };
    Refused { reason: format!("cannot be read: {reason}"), place }
}

/// Puts the limit of rows on the outermost query, or lowers its own.
fn bound_rows(query: &mut Query) -> Result<(), Refused> {
    let asked = match &query.limit_clause {
        Some(LimitClause::LimitOffset { limit: Some(Expr::Value(value)), .. }) => match &value.value {
            Value::Number(digits, _) => digits.parse::<u64>().ok(),
            _ => None,
        },
        _ => None,
    };
    let limit = asked.map_or(MAX_ROWS, |asked| asked.min(MAX_ROWS));
    let limit = Some(Expr::Value(Value::Number(limit.to_string(), false).into()));
    query.limit_clause = Some(LimitClause::LimitOffset { limit, offset: None, limit_by: Vec::new() });
    Ok(())
}

/// What is known of a query while it is looked through.
#[derive(Default)]
struct Guard {
    /// Names given by WITH that hold here, outermost first.
    named: Vec<String>,
    /// The lake's tables seen so far.
    tables: BTreeSet<&'static str>,
    depth: usize,
}

impl Guard {
    /// One level down; every rule of this module goes through here before it goes deeper.
    fn deeper(&mut self, look: impl FnOnce(&mut Self) -> Result<(), Refused>) -> Result<(), Refused> {
        if self.depth == MAX_DEPTH {
            return Err(Refused::whole(
                "nested too deeply, or too long a chain of AND, OR or another operator: use IN",
            ));
        }
        self.depth += 1;
        look(self)?;
        self.depth -= 1;
        Ok(())
    }
}
