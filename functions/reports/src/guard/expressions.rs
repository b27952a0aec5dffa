//! Expressions.

use sqlparser::ast::{
    BinaryOperator, CaseWhen, CastKind, CeilFloorKind, CharacterLength, DataType, DateTimeField, ExactNumberInfo, Expr,
    ExtractSyntax, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Interval,
    TimezoneInfo, TypedString, UnaryOperator, Value, WindowFrame, WindowFrameBound, WindowSpec, WindowType,
};

use super::{
    Guard, Refused,
    functions::{Nature, nature},
    relations::{bare, name, refused},
};

impl Guard {
    pub(super) fn expression(&mut self, expression: &Expr) -> Result<(), Refused> {
        self.deeper(|guard| guard.known(expression))
    }

    fn all<'e>(&mut self, expressions: impl IntoIterator<Item = &'e Expr>) -> Result<(), Refused> {
        expressions.into_iter().try_for_each(|expression| self.expression(expression))
    }

    fn known(&mut self, expression: &Expr) -> Result<(), Refused> {
        match expression {
            Expr::Identifier(ident) => name(ident),
            Expr::CompoundIdentifier(parts) => match parts.as_slice() {
                [table, column] => name(table).and_then(|()| name(column)),
                _ => Err(refused(expression, "a column is named by its table at most: no catalog, no schema")),
            },
            Expr::Value(value) => literal(expression, &value.value),
            Expr::TypedString(TypedString { data_type, value, uses_odbc_syntax: false }) => {
                match (data_type, &value.value) {
                    (DataType::Date | DataType::Timestamp(None, TimezoneInfo::None), Value::SingleQuotedString(_)) => {
                        literal(expression, &value.value)
                    }
                    _ => Err(refused(expression, "typed literals are DATE '…' and TIMESTAMP '…'")),
                }
            }
            Expr::Interval(interval) => plain_interval(expression, interval),
            Expr::Nested(inner)
            | Expr::IsNull(inner)
            | Expr::IsNotNull(inner)
            | Expr::UnaryOp { op: UnaryOperator::Not | UnaryOperator::Minus | UnaryOperator::Plus, expr: inner }
            | Expr::Extract {
                field:
                    DateTimeField::Year
                    | DateTimeField::Quarter
                    | DateTimeField::Month
                    | DateTimeField::Day
                    | DateTimeField::Hour
                    | DateTimeField::Minute
                    | DateTimeField::Second,
                syntax: ExtractSyntax::From,
                expr: inner,
            }
            | Expr::Ceil { expr: inner, field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) }
            | Expr::Floor { expr: inner, field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) }
            | Expr::Trim { trim_where: None, trim_what: None, expr: inner, trim_characters: None } => {
                self.expression(inner)
            }
            Expr::BinaryOp { left, op, right } => {
                if !is_plain(op) {
                    return Err(refused(expression, &format!("the operator {op} is not allowed")));
                }
                self.all([&**left, &**right])
            }
            Expr::IsDistinctFrom(left, right) | Expr::IsNotDistinctFrom(left, right) => self.all([&**left, &**right]),
            Expr::Between { expr, negated: _, low, high } => self.all([&**expr, &**low, &**high]),
            Expr::InList { expr, list, negated: _ } if !list.is_empty() => {
                self.expression(expr)?;
                self.all(list)
            }
            Expr::InSubquery { expr, subquery, negated: _ } => {
                self.expression(expr)?;
                self.query(subquery)
            }
            Expr::Exists { subquery, negated: _ } | Expr::Subquery(subquery) => self.query(subquery),
            Expr::Like { negated: _, any: false, expr, pattern, escape_char: None } => self.all([&**expr, &**pattern]),
            Expr::Cast { kind: CastKind::Cast | CastKind::TryCast, expr, data_type, array: false, format: None } => {
                if !is_plain_type(data_type) {
                    return Err(refused(expression, &format!("the type {data_type} is not allowed")));
                }
                self.expression(expr)
            }
            Expr::Substring { expr, substring_from: Some(from), substring_for, special: true, shorthand: _ } => {
                self.all([&**expr, &**from])?;
                self.all(substring_for.as_deref())
            }
            Expr::Case { case_token: _, end_token: _, operand, conditions, else_result } => {
                self.all(operand.as_deref())?;
                for CaseWhen { condition, result } in conditions {
                    self.all([condition, result])?;
                }
                self.all(else_result.as_deref())
            }
            Expr::Function(function) => self.function(expression, function),
            _ => Err(refused(expression, "this kind of expression is not allowed")),
        }
    }

    fn function(&mut self, expression: &Expr, function: &Function) -> Result<(), Refused> {
        let Function {
            name: called,
            uses_odbc_syntax,
            parameters,
            args,
            filter,
            null_treatment: _,
            over,
            within_group,
        } = function;
        let ident = bare(called)?;
        let Some(nature) = nature(&ident.value) else {
            return Err(Refused::in_span(ident.span, format!("the function {} is not allowed", ident.value)));
        };
        if *uses_odbc_syntax
            || ident.quote_style.is_some()
            || !matches!(parameters, FunctionArguments::None)
            || !within_group.is_empty()
        {
            return Err(refused(expression, "a function is called by its plain name with arguments in brackets"));
        }
        match (nature, over.is_some()) {
            (Nature::Plain, true) => return Err(refused(expression, "only aggregates go over a window")),
            (Nature::Window, false) => return Err(refused(expression, "this function needs OVER (…)")),
            _ => {}
        }
        match args {
            FunctionArguments::None if ident.value.eq_ignore_ascii_case("current_date") => {}
            FunctionArguments::List(FunctionArgumentList { duplicate_treatment, args, clauses })
                if clauses.is_empty() =>
            {
                if duplicate_treatment.is_some() && nature != Nature::Aggregate {
                    return Err(refused(expression, "DISTINCT belongs to aggregates"));
                }
                for argument in args {
                    match argument {
                        FunctionArg::Unnamed(FunctionArgExpr::Expr(argument)) => self.expression(argument)?,
                        FunctionArg::Unnamed(FunctionArgExpr::Wildcard)
                            if ident.value.eq_ignore_ascii_case("count") => {}
                        _ => return Err(refused(expression, "arguments are plain expressions")),
                    }
                }
            }
            _ => return Err(refused(expression, "arguments are plain expressions")),
        }
        if let Some(filter) = filter {
            if nature != Nature::Aggregate {
                return Err(refused(expression, "FILTER belongs to aggregates"));
            }
            self.expression(filter)?;
        }
        match over {
            None => Ok(()),
            Some(WindowType::WindowSpec(window)) => self.window(expression, window),
            Some(WindowType::NamedWindow(_)) => Err(refused(expression, "a window is said in OVER (…)")),
        }
    }

    fn window(&mut self, expression: &Expr, window: &WindowSpec) -> Result<(), Refused> {
        let WindowSpec { window_name, partition_by, order_by, window_frame } = window;
        if window_name.is_some() {
            return Err(refused(expression, "a window is said in OVER (…)"));
        }
        self.all(partition_by)?;
        self.ordered(order_by)?;
        let Some(WindowFrame { units: _, start_bound, end_bound }) = window_frame else { return Ok(()) };
        for bound in std::iter::once(start_bound).chain(end_bound) {
            match bound {
                WindowFrameBound::CurrentRow => {}
                WindowFrameBound::Preceding(by) | WindowFrameBound::Following(by) => self.all(by.as_deref())?,
            }
        }
        Ok(())
    }
}

/// Numbers, text, yes, no and nothing. Not what engines read in their own ways: escapes, other quotes, hexadecimal digits.
fn literal(expression: &Expr, value: &Value) -> Result<(), Refused> {
    match value {
        Value::Number(_, false) | Value::Boolean(_) | Value::Null => Ok(()),
        Value::SingleQuotedString(text) if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) => {
            Err(refused(expression, "text has no control characters"))
        }
        // The printer takes these for escaped already.
        Value::SingleQuotedString(text) if text.contains("\\'") || text.contains("''") => {
            Err(refused(expression, "text has no two apostrophes in a row and none behind a \\"))
        }
        Value::SingleQuotedString(_) => Ok(()),
        _ => Err(refused(expression, "literals are numbers, 'text', TRUE, FALSE and NULL")),
    }
}

fn plain_interval(expression: &Expr, interval: &Interval) -> Result<(), Refused> {
    let Interval { value, leading_field, leading_precision, last_field, fractional_seconds_precision } = interval;
    let digits = match &**value {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => {
                (1..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
            }
            _ => false,
        },
        _ => false,
    };
    let field = matches!(
        leading_field,
        Some(
            DateTimeField::Year
                | DateTimeField::Month
                | DateTimeField::Day
                | DateTimeField::Hour
                | DateTimeField::Minute
                | DateTimeField::Second
        )
    );
    if digits && field && leading_precision.is_none() && last_field.is_none() && fractional_seconds_precision.is_none()
    {
        Ok(())
    } else {
        Err(refused(expression, "an interval is INTERVAL '7' DAY, or another unit from YEAR to SECOND"))
    }
}

fn is_plain(operator: &BinaryOperator) -> bool {
    use BinaryOperator as Op;
    matches!(
        operator,
        Op::Plus
            | Op::Minus
            | Op::Multiply
            | Op::Divide
            | Op::Modulo
            | Op::StringConcat
            | Op::Eq
            | Op::NotEq
            | Op::Lt
            | Op::LtEq
            | Op::Gt
            | Op::GtEq
            | Op::And
            | Op::Or
    )
}

fn is_plain_type(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Varchar(None | Some(CharacterLength::IntegerLength { unit: None, .. }))
            | DataType::BigInt(None)
            | DataType::Int(None)
            | DataType::Integer(None)
            | DataType::Double(ExactNumberInfo::None)
            | DataType::Decimal(ExactNumberInfo::PrecisionAndScale(..))
            | DataType::Boolean
            | DataType::Date
            | DataType::Timestamp(None, TimezoneInfo::None)
    )
}
