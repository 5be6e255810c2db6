//! The table: looked at, and created.

use super::{
    Answer, Postgres, PostgresOptions, Sql, record,
    statements::{Statements, Table},
};
use crate::{
    error::{Error, ErrorKind, Result},
    http::ServerClock,
};
use std::sync::Arc;

/// The columns as `look.sql` tells them.
const COLUMNS: &str = "namespace text C, key text C, version bigint, expires_at timestamp with time zone, \
                       envelope bytea, metadata jsonb, created_at timestamp with time zone, \
                       updated_at timestamp with time zone";

impl<S: Sql> Postgres<S> {
    /// Over `sql`; `clock` is the host of the store too. Looks whether the table is there, and creates it
    /// where that is allowed.
    ///
    /// # Errors
    /// `not-found`: there is no table; `corrupt`: it is not as a store makes it; `unsupported`: the
    /// database is not in UTF-8; and what the server says: `access-denied`, `unavailable` and the like.
    pub async fn open(
        sql: S,
        clock: Arc<ServerClock>,
        options: &PostgresOptions,
    ) -> Result<Postgres<S>> {
        let table = Table::new(options.schema.as_deref(), &options.table)?;
        let postgres = Postgres {
            sql,
            clock,
            statements: Statements::of(&table),
        };
        if !postgres.is_there(&table).await? {
            if !options.create {
                let message = format!(
                    "there is no table {}: create it, or allow that with `create`",
                    table.as_str()
                );
                return Err(Error::new(ErrorKind::NotFound, message));
            }
            postgres.create().await?;
            if !postgres.is_there(&table).await? {
                return Err(record::strange("CREATE TABLE"));
            }
        }
        Ok(postgres)
    }

    /// Looks at the table, and at the server.
    async fn is_there(&self, table: &Table) -> Result<bool> {
        let rows = self
            .run(&self.statements.look, &[table.as_str()], true)
            .await?;
        let [row] = &rows[..] else {
            return Err(record::strange("a statement"));
        };
        let encoding = record::text(row, 1)?;
        if encoding != "UTF8" {
            let message = format!(
                "the database's encoding is {encoding}, in which not every key can be written: \
                 create one with UTF8"
            );
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        if record::text(row, 3)? != "true" {
            return Ok(false);
        }
        let columns = record::item(row, 2)?.unwrap_or("none of them");
        if columns != COLUMNS {
            let message = format!(
                "the table {} is not as a store makes it: give another name. Its columns are {columns}; \
                 a store's are {COLUMNS}",
                table.as_str()
            );
            return Err(Error::new(ErrorKind::Corrupt, message));
        }
        Ok(true)
    }

    async fn create(&self) -> Result<()> {
        // Who creates it twice is told so.
        match self.sql.query(&self.statements.create, &[], true).await? {
            Answer::Refused(refusal) if refusal.is_there_already() => return Ok(()),
            Answer::Refused(refusal) => return Err(refusal.into_error(true)),
            Answer::Rows(_) => {}
        }
        match self.sql.query(&self.statements.index, &[], false).await? {
            Answer::Refused(refusal) => Err(refusal.into_error(true)),
            Answer::Rows(_) => Ok(()),
        }
    }
}
