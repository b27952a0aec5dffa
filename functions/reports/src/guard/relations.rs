//! Queries, what they read from, and how rows are joined, grouped and ordered.

use lake::schema;
use sqlparser::ast::{
    Cte, Distinct, Expr, GroupByExpr, Ident, Join, JoinConstraint, JoinOperator, LimitClause, ObjectName,
    ObjectNamePart, OrderBy, OrderByExpr, OrderByKind, Query, Select, SelectFlavor, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr, SetQuantifier, Spanned, TableAlias, TableFactor, TableWithJoins, Value,
    WildcardAdditionalOptions, With,
};

use super::{Guard, Refused};

/// The longest name of a column, a table or an alias.
const MAX_NAME: usize = 64;

impl Guard {
    pub(super) fn query(&mut self, query: &Query) -> Result<(), Refused> {
        let Query {
            with,
            body,
            order_by,
            limit_clause,
            fetch,
            locks,
            for_clause,
            settings,
            format_clause,
            pipe_operators,
        } = query;
        let foreign = [
            (fetch.is_some(), "FETCH is not allowed: use LIMIT"),
            (!locks.is_empty(), "a query locks nothing: FOR UPDATE and FOR SHARE are not allowed"),
            (
                for_clause.is_some() || settings.is_some() || format_clause.is_some(),
                "FOR, SETTINGS and FORMAT are not allowed",
            ),
            (!pipe_operators.is_empty(), "|> is not allowed"),
        ];
        refuse_first(query, &foreign)?;
        let outside = self.named.len();
        self.deeper(|guard| {
            if let Some(with) = with {
                guard.with(with)?;
            }
            guard.set_expression(body)?;
            if let Some(order_by) = order_by {
                guard.order(order_by)?;
            }
            limit(query, limit_clause.as_ref())
        })?;
        self.named.truncate(outside);
        Ok(())
    }

    fn with(&mut self, with: &With) -> Result<(), Refused> {
        let With { with_token, recursive, cte_tables } = with;
        if *recursive {
            return Err(Refused::in_span(with_token.0.span, "WITH RECURSIVE is not allowed"));
        }
        for cte in cte_tables {
            let Cte { alias, query, from, materialized, closing_paren_token: _ } = cte;
            let name = alias.name.value.to_ascii_lowercase();
            if from.is_some() || materialized.is_some() {
                return Err(Refused::in_span(alias.name.span, "[NOT] MATERIALIZED and FROM are not allowed in WITH"));
            }
            if table(&name).is_some() {
                return Err(Refused::in_span(
                    alias.name.span,
                    format!("{name} is a table of the lake and must keep its meaning"),
                ));
            }
            if self.named.contains(&name) {
                return Err(Refused::in_span(alias.name.span, format!("{name} is named twice")));
            }
            self.alias(alias)?;
            // Not visible to itself.
            self.query(query)?;
            self.named.push(name);
        }
        Ok(())
    }

    fn set_expression(&mut self, body: &SetExpr) -> Result<(), Refused> {
        self.deeper(|guard| match body {
            SetExpr::Select(select) => guard.select(select),
            SetExpr::Query(query) => guard.query(query),
            SetExpr::SetOperation { left, op: _, set_quantifier, right } => {
                if !matches!(set_quantifier, SetQuantifier::All | SetQuantifier::Distinct | SetQuantifier::None) {
                    return Err(refused(body, "UNION BY NAME is not allowed"));
                }
                guard.set_expression(left)?;
                guard.set_expression(right)
            }
            SetExpr::Values(_) => Err(refused(body, "VALUES is not allowed")),
            SetExpr::Table(_) => Err(refused(body, "TABLE is not allowed: use SELECT * FROM")),
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                Err(refused(body, "a query changes nothing"))
            }
        })
    }

    fn select(&mut self, select: &Select) -> Result<(), Refused> {
        let Select {
            select_token: _,
            optimizer_hints,
            distinct,
            select_modifiers,
            top,
            top_before_distinct: _,
            projection,
            exclude,
            into,
            from,
            lateral_views,
            prewhere,
            selection,
            connect_by,
            group_by,
            cluster_by,
            distribute_by,
            sort_by,
            having,
            named_window,
            qualify,
            window_before_qualify: _,
            value_table_mode,
            flavor,
        } = select;
        let foreign = [
            (into.is_some(), "INTO is not allowed: a query changes nothing"),
            (!optimizer_hints.is_empty() || select_modifiers.is_some(), "hints are not allowed"),
            (matches!(distinct, Some(Distinct::On(_))), "DISTINCT ON is not allowed"),
            (top.is_some(), "TOP is not allowed: use LIMIT"),
            (exclude.is_some() || value_table_mode.is_some(), "EXCLUDE and AS STRUCT are not allowed"),
            (!lateral_views.is_empty(), "LATERAL VIEW is not allowed"),
            (prewhere.is_some() || qualify.is_some(), "PREWHERE and QUALIFY are not allowed: use a subquery"),
            (!connect_by.is_empty(), "CONNECT BY is not allowed"),
            (!cluster_by.is_empty() || !distribute_by.is_empty() || !sort_by.is_empty(), "use ORDER BY"),
            (!named_window.is_empty(), "WINDOW is not allowed: say it in OVER (…)"),
            (*flavor != SelectFlavor::Standard, "a query begins with SELECT"),
            (projection.is_empty(), "a query selects something"),
        ];
        refuse_first(select, &foreign)?;
        for relation in from {
            self.joined(relation)?;
        }
        for item in projection {
            match item {
                SelectItem::UnnamedExpr(expression) => self.expression(expression)?,
                SelectItem::ExprWithAlias { expr, alias } => {
                    name(alias)?;
                    self.expression(expr)?;
                }
                SelectItem::Wildcard(options) => plain_wildcard(item, options)?,
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(of), options) => {
                    bare(of)?;
                    plain_wildcard(item, options)?;
                }
                SelectItem::QualifiedWildcard(..) | SelectItem::ExprWithAliases { .. } => {
                    return Err(refused(item, "this kind of column is not allowed"));
                }
            }
        }
        let GroupByExpr::Expressions(groups, modifiers) = group_by else {
            return Err(refused(select, "GROUP BY ALL is not allowed: name the columns"));
        };
        if !modifiers.is_empty() {
            return Err(refused(select, "WITH ROLLUP, CUBE and TOTALS are not allowed"));
        }
        for expression in groups.iter().chain(selection).chain(having) {
            self.expression(expression)?;
        }
        Ok(())
    }

    fn joined(&mut self, relation: &TableWithJoins) -> Result<(), Refused> {
        let TableWithJoins { relation, joins } = relation;
        self.relation(relation)?;
        for join in joins {
            let Join { relation, global, join_operator } = join;
            if *global {
                return Err(refused(join, "GLOBAL is not allowed"));
            }
            self.relation(relation)?;
            match join_operator {
                JoinOperator::Join(constraint)
                | JoinOperator::Inner(constraint)
                | JoinOperator::Left(constraint)
                | JoinOperator::LeftOuter(constraint)
                | JoinOperator::Right(constraint)
                | JoinOperator::RightOuter(constraint)
                | JoinOperator::FullOuter(constraint) => match constraint {
                    JoinConstraint::On(expression) => self.expression(expression)?,
                    JoinConstraint::Using(columns) => columns.iter().try_for_each(|column| bare(column).map(drop))?,
                    JoinConstraint::Natural => return Err(refused(join, "NATURAL is not allowed: say ON or USING")),
                    JoinConstraint::None => return Err(refused(join, "a join needs ON or USING")),
                },
                JoinOperator::CrossJoin(JoinConstraint::None) => {}
                _ => return Err(refused(join, "this kind of join is not allowed")),
            }
        }
        Ok(())
    }

    fn relation(&mut self, relation: &TableFactor) -> Result<(), Refused> {
        self.deeper(|guard| match relation {
            TableFactor::Table {
                name,
                alias,
                args: None,
                with_hints,
                version: None,
                with_ordinality: false,
                partitions,
                json_path: None,
                sample: None,
                index_hints,
            } if with_hints.is_empty() && partitions.is_empty() && index_hints.is_empty() => {
                guard.table(name)?;
                alias.iter().try_for_each(|alias| guard.alias(alias))
            }
            TableFactor::Table { args: Some(_), .. }
            | TableFactor::TableFunction { .. }
            | TableFactor::Function { .. } => Err(refused(relation, "functions are no tables here")),
            TableFactor::Table { .. } => {
                Err(refused(relation, "a table stands by its name alone: no sample, version, partition or hint"))
            }
            TableFactor::Derived { lateral: false, subquery, alias, sample: None } => {
                guard.query(subquery)?;
                alias.iter().try_for_each(|alias| guard.alias(alias))
            }
            TableFactor::NestedJoin { table_with_joins, alias: None } => guard.joined(table_with_joins),
            _ => Err(refused(relation, "only tables of the lake and subqueries can be read from")),
        })
    }

    /// A table of the lake, or what WITH has named.
    fn table(&mut self, called: &ObjectName) -> Result<(), Refused> {
        let ident = bare(called)?;
        let lower = ident.value.to_ascii_lowercase();
        if self.named.contains(&lower) {
            return Ok(());
        }
        match table(&lower) {
            Some(table) => {
                self.tables.insert(table.name);
                Ok(())
            }
            None => Err(Refused::in_span(ident.span, format!("{lower} is no table of the lake"))),
        }
    }

    fn alias(&self, alias: &TableAlias) -> Result<(), Refused> {
        let TableAlias { explicit: _, name: of, columns, at } = alias;
        name(of)?;
        if let Some(at) = at {
            return Err(Refused::in_span(at.span, "AT is not allowed"));
        }
        for column in columns {
            name(&column.name)?;
            if column.data_type.is_some() {
                return Err(Refused::in_span(column.name.span, "names of columns have no types"));
            }
        }
        Ok(())
    }

    fn order(&mut self, order_by: &OrderBy) -> Result<(), Refused> {
        match order_by {
            OrderBy { kind: OrderByKind::Expressions(by), interpolate: None } => self.ordered(by),
            _ => Err(refused(order_by, "ORDER BY names its columns")),
        }
    }

    pub(super) fn ordered(&mut self, by: &[OrderByExpr]) -> Result<(), Refused> {
        for OrderByExpr { expr, options: _, with_fill } in by {
            if with_fill.is_some() {
                return Err(refused(expr, "WITH FILL is not allowed"));
            }
            self.expression(expr)?;
        }
        Ok(())
    }
}

/// The table of the lake that this name reads: the present rows, or all versions of them.
fn table(name: &str) -> Option<&'static schema::Table> {
    schema::Table::named(name.strip_suffix("_versions").unwrap_or(name))
}

/// Rows are limited by a plain number; `OFFSET` stands elsewhere in Athena's grammar than in others.
fn limit(query: &Query, clause: Option<&LimitClause>) -> Result<(), Refused> {
    match clause {
        None => Ok(()),
        Some(LimitClause::LimitOffset { limit: Some(Expr::Value(value)), offset: None, limit_by })
            if limit_by.is_empty() =>
        {
            match &value.value {
                Value::Number(digits, false)
                    if !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()) =>
                {
                    Ok(())
                }
                _ => Err(refused(query, "LIMIT takes a whole number")),
            }
        }
        Some(LimitClause::LimitOffset { offset: Some(_), .. } | LimitClause::OffsetCommaLimit { .. }) => {
            Err(refused(query, "OFFSET is not allowed: results come in pages"))
        }
        Some(LimitClause::LimitOffset { .. }) => Err(refused(query, "LIMIT takes a whole number")),
    }
}

fn plain_wildcard(item: &SelectItem, options: &WildcardAdditionalOptions) -> Result<(), Refused> {
    let WildcardAdditionalOptions {
        wildcard_token: _,
        opt_ilike,
        opt_exclude,
        opt_except,
        opt_replace,
        opt_rename,
        opt_alias,
    } = options;
    let plain = opt_ilike.is_none()
        && opt_exclude.is_none()
        && opt_except.is_none()
        && opt_replace.is_none()
        && opt_rename.is_none()
        && opt_alias.is_none();
    if plain { Ok(()) } else { Err(refused(item, "* stands alone")) }
}

/// A name of one part.
pub(super) fn bare(called: &ObjectName) -> Result<&Ident, Refused> {
    match called.0.as_slice() {
        [ObjectNamePart::Identifier(ident)] => name(ident).map(|()| ident),
        _ => Err(refused(called, "names have one part: no catalog, no schema")),
    }
}

/// A name as we have them, which hidden columns (`"$path"`) are not.
pub(super) fn name(ident: &Ident) -> Result<(), Refused> {
    let mut bytes = ident.value.bytes();
    let fits = bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && ident.value.len() <= MAX_NAME
        && matches!(ident.quote_style, None | Some('"'));
    if fits {
        Ok(())
    } else {
        Err(Refused::in_span(ident.span, "names are of ASCII letters, digits and _, 64 at most"))
    }
}

pub(super) fn refused(node: &impl Spanned, reason: &str) -> Refused {
    Refused::in_span(node.span(), reason)
}

fn refuse_first(node: &impl Spanned, reasons: &[(bool, &str)]) -> Result<(), Refused> {
    match reasons.iter().find(|(foreign, _)| *foreign) {
        Some((_, reason)) => Err(refused(node, reason)),
        None => Ok(()),
    }
}
