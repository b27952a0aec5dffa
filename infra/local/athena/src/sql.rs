//! Reading a query: what it is, its parameters, and where in it a word stands. What it means is the engine's business.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Ident, Query, SelectItem, SetExpr, Statement, Visit, Visitor};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Span, Token, TokenWithSpan, Tokenizer, Word};

use crate::failure::Failure;

/// Longest query, in bytes; Athena's.
pub(crate) const LENGTH_LIMIT: usize = 262_144;
/// Most tokens of a query. The tree of a chain like `1 + 1 + …` is as deep as the chain is long.
const TOKEN_LIMIT: usize = 20_000;
/// Most operators, and most columns of a SELECT. What the engine does with them takes time with the square of their number.
const OPERATOR_LIMIT: usize = 500;
/// How deep parentheses, subqueries and the like may be nested.
const NESTING_LIMIT: usize = 100;

/// A query that is refused before it is run: the message of an `InvalidRequestException`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Malformed(pub String);

/// A query in words.
pub(crate) struct Sql {
    tokens: Vec<TokenWithSpan>,
    text: String,
}

/// What a query is.
#[derive(Debug)]
pub(crate) enum Asked {
    /// SELECT, WITH, VALUES.
    Query(Box<Statement>),
    /// SHOW TABLES, of the query's own database or another.
    Tables(Option<String>),
    /// SHOW DATABASES.
    Databases,
    /// DESCRIBE: the parts of the table's name.
    Columns(Vec<String>),
    /// Something that writes.
    Write,
}

impl Sql {
    /// Takes a text apart.
    pub(crate) fn read(text: &str) -> Result<Self, Malformed> {
        let dialect = GenericDialect {};
        let tokens = Tokenizer::new(&dialect, text).tokenize_with_location();
        let tokens = tokens.map_err(|error| {
            Malformed(format!("line {}:{}: {}", error.location.line, error.location.column, error.message))
        })?;
        let mut tokens: Vec<_> =
            tokens.into_iter().filter(|token| !matches!(token.token, Token::Whitespace(_) | Token::EOF)).collect();
        while tokens.last().is_some_and(|token| token.token == Token::SemiColon) {
            tokens.pop();
        }
        let operators = tokens.iter().filter(|token| is_operator(&token.token)).count();
        if tokens.len() > TOKEN_LIMIT || operators > OPERATOR_LIMIT {
            return Err(too_large());
        }
        if tokens.iter().any(|token| token.token == Token::SemiColon) {
            return Err(Malformed(format!("Only one sql statement is allowed. Got: {text}")));
        }
        // Athena's names have no case, quoted or not.
        for token in &mut tokens {
            if let Token::Word(Word { value, quote_style: Some(_), .. }) = &mut token.token {
                *value = value.to_lowercase();
            }
        }
        Ok(Self { tokens, text: text.to_owned() })
    }

    /// Puts parameters in the places of the question marks.
    pub(crate) fn bind(&mut self, parameters: &[String]) -> Result<(), Failure> {
        let expected = self.tokens.iter().filter(|token| is_placeholder(&token.token)).count();
        if expected != parameters.len() {
            let message =
                format!("line 1:1: Incorrect number of parameters: expected {expected} but found {}", parameters.len());
            return Err(Failure::new("INVALID_PARAMETER_USAGE", message));
        }
        let mut parameters = parameters.iter();
        let mut bound = Vec::with_capacity(self.tokens.len());
        for token in std::mem::take(&mut self.tokens) {
            match parameters.as_slice().first().filter(|_| is_placeholder(&token.token)) {
                None => bound.push(token),
                Some(parameter) => {
                    parameters.next();
                    let at = |part| TokenWithSpan { token: part, span: token.span };
                    let literal = literal(parameter).ok_or_else(|| {
                        Failure::new("SYNTAX_ERROR", format!("{}: {parameter} is not a literal", place(token.span)))
                    })?;
                    match literal.as_slice() {
                        [single] => bound.push(at(single.clone())),
                        several => {
                            bound.push(at(Token::LParen));
                            bound.extend(several.iter().cloned().map(at));
                            bound.push(at(Token::RParen));
                        }
                    }
                }
            }
        }
        self.tokens = bound;
        Ok(())
    }

    /// What is asked.
    pub(crate) fn asked(&self) -> Result<Asked, Malformed> {
        let words: Vec<_> = self.tokens.iter().take(4).map(|token| token.token.to_string().to_uppercase()).collect();
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["SHOW", "TABLES"] => return Ok(Asked::Tables(None)),
            ["SHOW", "TABLES", "IN" | "FROM", _] if self.tokens.len() == 4 => {
                return Ok(Asked::Tables(self.names(3).pop()));
            }
            ["SHOW", "DATABASES" | "SCHEMAS"] => return Ok(Asked::Databases),
            ["DESCRIBE" | "DESC", "EXTENDED" | "FORMATTED", ..]
            | ["SHOW" | "EXPLAIN" | "PREPARE" | "EXECUTE" | "DEALLOCATE" | "CALL" | "SET" | "USE", ..] => {
                return Err(Malformed("Queries of this type are not supported".to_owned()));
            }
            ["DESCRIBE" | "DESC", _, ..] => return Ok(Asked::Columns(self.names(1))),
            [
                "CREATE" | "DROP" | "ALTER" | "INSERT" | "UPDATE" | "DELETE" | "MERGE" | "UNLOAD" | "MSCK" | "VACUUM"
                | "OPTIMIZE" | "ANALYZE" | "GRANT" | "REVOKE",
                ..,
            ] => {
                return Ok(Asked::Write);
            }
            _ => {}
        }
        let dialect = GenericDialect {};
        let mut parser =
            Parser::new(&dialect).with_recursion_limit(NESTING_LIMIT).with_tokens_with_locations(self.tokens.clone());
        let query = parser.parse_query().map_err(|error| self.malformed(&error))?;
        if parser.peek_token_ref().token != Token::EOF {
            let found = parser.peek_token();
            return Err(Malformed(format!("{}: mismatched input '{found}'. Expecting: <EOF>", place(found.span))));
        }
        let mut statement = Statement::Query(query);
        match statement.visit(&mut Look) {
            ControlFlow::Break(Seen::Write) => return Ok(Asked::Write),
            ControlFlow::Break(Seen::TooLarge) => return Err(too_large()),
            ControlFlow::Continue(()) => {}
        }
        name_columns(&mut statement);
        Ok(Asked::Query(Box::new(statement)))
    }

    /// Where a name stands first, as `line 1:15`: with what qualifies it.
    pub(crate) fn place_of(&self, name: &str) -> String {
        let is_name =
            |token: &TokenWithSpan| matches!(&token.token, Token::Word(word) if word.value.eq_ignore_ascii_case(name));
        let Some(mut index) = self.tokens.iter().position(is_name) else { return "line 1:1".to_owned() };
        while index >= 2
            && self.tokens[index - 1].token == Token::Period
            && matches!(self.tokens[index - 2].token, Token::Word(_))
        {
            index -= 2;
        }
        place(self.tokens[index].span)
    }

    /// The names in the rest of the query, without the points between them.
    fn names(&self, from: usize) -> Vec<String> {
        let name = |token: &TokenWithSpan| match &token.token {
            Token::Word(word) => Some(word.value.to_lowercase()),
            _ => None,
        };
        self.tokens.iter().skip(from).filter_map(name).collect()
    }

    fn malformed(&self, error: &ParserError) -> Malformed {
        let message = match error {
            ParserError::RecursionLimitExceeded => return too_large(),
            ParserError::TokenizerError(message) | ParserError::ParserError(message) => message,
        };
        let (message, place) = match message.rsplit_once(" at Line: ") {
            Some((message, at)) => (message, format!("line {}", at.replace(", Column: ", ":"))),
            None => {
                let lines = self.text.lines().count().max(1);
                let column = self.text.lines().last().map_or(0, |line| line.chars().count()) + 1;
                (message.as_str(), format!("line {lines}:{column}"))
            }
        };
        match message.strip_prefix("Expected: ").and_then(|rest| rest.rsplit_once(", found: ")) {
            Some((expected, found)) => {
                let found = if found == "EOF" { "<EOF>" } else { found };
                Malformed(format!("{place}: mismatched input '{found}'. Expecting: {expected}"))
            }
            None => Malformed(format!("{place}: {message}")),
        }
    }
}

fn too_large() -> Malformed {
    Malformed("line 1:1: statement is too large (stack overflow while parsing)".to_owned())
}

fn place(span: Span) -> String {
    format!("line {}:{}", span.start.line.max(1), span.start.column.max(1))
}

fn is_placeholder(token: &Token) -> bool {
    matches!(token, Token::Placeholder(text) if text == "?")
}

/// A literal, and nothing else: what a caller passes never becomes SQL.
fn literal(text: &str) -> Option<Vec<Token>> {
    let tokens = Tokenizer::new(&GenericDialect {}, text).tokenize().ok()?;
    let tokens: Vec<_> =
        tokens.into_iter().filter(|token| !matches!(token, Token::Whitespace(_) | Token::EOF)).collect();
    let is_literal = match tokens.as_slice() {
        [Token::Number(_, false) | Token::SingleQuotedString(_)] => true,
        [Token::Minus | Token::Plus, Token::Number(_, false)] => true,
        [Token::Word(word)] => matches!(word.keyword, Keyword::TRUE | Keyword::FALSE | Keyword::NULL),
        [Token::Word(word), Token::SingleQuotedString(_)] => {
            matches!(word.keyword, Keyword::DATE | Keyword::TIMESTAMP | Keyword::DECIMAL)
        }
        _ => false,
    };
    is_literal.then_some(tokens)
}

/// What makes a chain longer.
fn is_operator(token: &Token) -> bool {
    match token {
        Token::Word(word) => matches!(
            word.keyword,
            Keyword::AND
                | Keyword::OR
                | Keyword::NOT
                | Keyword::UNION
                | Keyword::EXCEPT
                | Keyword::INTERSECT
                | Keyword::JOIN
        ),
        Token::Plus | Token::Minus | Token::Mul | Token::Div | Token::Mod | Token::StringConcat => true,
        _ => matches!(token, Token::Eq | Token::Neq | Token::Lt | Token::Gt | Token::LtEq | Token::GtEq),
    }
}

/// Breaks at whatever a query may not be.
struct Look;

enum Seen {
    Write,
    TooLarge,
}

impl Visitor for Look {
    type Break = Seen;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Seen> {
        look(&query.body)
    }

    fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<Seen> {
        if matches!(statement, Statement::Query(_)) {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(Seen::Write)
        }
    }
}

fn look(body: &SetExpr) -> ControlFlow<Seen> {
    match body {
        SetExpr::Select(select) if select.into.is_some() => ControlFlow::Break(Seen::Write),
        SetExpr::Select(select) if select.projection.len() > OPERATOR_LIMIT => ControlFlow::Break(Seen::TooLarge),
        SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
            ControlFlow::Break(Seen::Write)
        }
        SetExpr::SetOperation { left, right, .. } => {
            look(left)?;
            look(right)
        }
        _ => ControlFlow::Continue(()),
    }
}

/// Trino calls a result's column without a name `_col` and its number.
fn name_columns(statement: &mut Statement) {
    let Statement::Query(query) = statement else { return };
    let mut body = query.body.as_mut();
    let select = loop {
        match body {
            SetExpr::Select(select) => break select,
            SetExpr::SetOperation { left, .. } => body = left.as_mut(),
            SetExpr::Query(query) => body = query.body.as_mut(),
            _ => return,
        }
    };
    for (index, item) in select.projection.iter_mut().enumerate() {
        match item {
            SelectItem::UnnamedExpr(Expr::Identifier(_) | Expr::CompoundIdentifier(_)) => {}
            SelectItem::UnnamedExpr(expr) => {
                let expr = std::mem::replace(expr, Expr::Identifier(Ident::new("")));
                *item = SelectItem::ExprWithAlias { expr, alias: Ident::new(format!("_col{index}")) };
            }
            // How many columns it stands for is not known here, so neither are the numbers behind it.
            SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => return,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Result<Asked, Malformed> {
        Sql::read(text)?.asked()
    }

    fn bound(text: &str, parameters: &[&str]) -> Result<String, Failure> {
        let mut sql = Sql::read(text).expect("read");
        sql.bind(&parameters.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())?;
        match sql.asked().expect("a query") {
            Asked::Query(statement) => Ok(statement.to_string()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_query_is_one_statement_that_reads() {
        for text in
            ["SELECT 1", "with a as (select 1 as x) select x from a;", "VALUES (1)", "(SELECT 1) UNION ALL SELECT 2"]
        {
            assert!(matches!(asked(text), Ok(Asked::Query(_))), "{text}: {:?}", asked(text));
        }
        for text in [
            "INSERT INTO t VALUES (1)",
            "drop table t",
            "CREATE TABLE t AS SELECT 1",
            "DELETE FROM t",
            "SELECT 1 AS x INTO t",
            "UNLOAD (SELECT 1) TO 's3://b/c' WITH (format = 'PARQUET')",
            "/* SELECT */ MSCK REPAIR TABLE t",
            "WITH a AS (DELETE FROM t) SELECT 1",
        ] {
            assert!(matches!(asked(text), Ok(Asked::Write) | Err(_)), "{text}");
            assert!(!matches!(asked(text), Ok(Asked::Query(_))), "{text}");
        }
        for (text, message) in [
            ("SELECT 1; DROP TABLE t", "Only one sql statement is allowed. Got: SELECT 1; DROP TABLE t"),
            ("SELEC 1", "line 1:1: mismatched input 'SELEC'. Expecting: "),
            ("SELECT 1 FORM t x", "line 1:15: mismatched input 't'. Expecting: "),
            ("", "line 1:1: mismatched input '<EOF>'. Expecting: "),
            ("SELECT 'a", "line 1:8: Unterminated string literal"),
            ("EXPLAIN SELECT 1", "Queries of this type are not supported"),
            ("SELECT 1 2", "line 1:10: mismatched input '2'. Expecting: "),
        ] {
            let refused = asked(text).expect_err(text).0;
            assert!(refused.starts_with(message), "{text}: {refused}");
        }
    }

    #[test]
    fn parameters_are_literals_in_the_order_of_the_question_marks() {
        let sql = "SELECT ? AS a FROM t WHERE b = ? AND c < ? AND d = '?' LIMIT ?";
        assert_eq!(
            bound(sql, &["'it''s'", "-1.5", "TIMESTAMP '2026-11-30 00:00:00'", "10"]),
            Ok("SELECT 'it''s' AS a FROM t WHERE b = (-1.5) AND c < (TIMESTAMP '2026-11-30 00:00:00') AND d = '?' LIMIT 10".to_owned())
        );
        let refused = bound("SELECT ?", &[]).expect_err("refused").0;
        assert_eq!(
            refused,
            "INVALID_PARAMETER_USAGE: line 1:1: Incorrect number of parameters: expected 1 but found 0"
        );
        for hostile in [
            "x",
            "1; DROP TABLE t",
            "1 OR 1 = 1",
            "(SELECT 1)",
            "'a' || 'b'",
            "now()",
            "",
            "'a",
            "\"x\"",
            "1 -- ",
            "DATE",
            "--",
        ] {
            let outcome = bound("SELECT ?", &[hostile]);
            assert!(outcome.is_err() || hostile == "1 -- ", "{hostile}: {outcome:?}");
        }
    }

    #[test]
    fn columns_without_names_are_numbered() {
        for (text, expected) in [
            ("SELECT 1, x, t.y, 2 AS z", "SELECT 1 AS _col0, x, t.y, 2 AS z"),
            ("SELECT count(*) FROM t UNION SELECT 2", "SELECT count(*) AS _col0 FROM t UNION SELECT 2"),
        ] {
            assert_eq!(bound(text, &[]).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn a_name_is_found_with_what_qualifies_it() {
        let sql = Sql::read("SELECT a\nFROM \"Florin\".Nothing AS n").expect("read");
        assert_eq!(sql.place_of("nothing"), "line 2:6");
        assert_eq!(sql.place_of("a"), "line 1:8");
        assert_eq!(sql.place_of("zzz"), "line 1:1");
    }

    #[test]
    fn what_is_nested_too_deep_or_too_long_is_refused() {
        let nested = format!("SELECT {}1{}", "(".repeat(50_000), ")".repeat(50_000));
        let long = format!("SELECT 1{}", " + 1".repeat(50_000));
        let deep = format!("SELECT {}1{}", "(".repeat(2_000), ")".repeat(2_000));
        for text in [nested, long, deep] {
            assert_eq!(asked(&text).expect_err("refused"), too_large());
        }
    }
}
