//! Statements and answers, however they travel.

use crate::{
    error::{Error, ErrorKind, Result},
    maybe_send::{BoxFuture, MaybeSend, MaybeSync},
};

/// A way to a PostgreSQL.
pub trait Sql: MaybeSend + MaybeSync {
    /// Runs one statement, for itself, as a transaction of its own. Parameters (`$1`, …) are texts,
    /// whatever their type. May it be sent again after a lost answer? (`repeatable`)
    ///
    /// # Errors
    /// `outcome-unknown` where the answer to what is not repeatable was lost, otherwise that nothing
    /// was done. What PostgreSQL itself refuses is an [`Answer::Refused`].
    fn query<'a>(
        &'a self,
        text: &'a str,
        parameters: &'a [&'a str],
        repeatable: bool,
    ) -> BoxFuture<'a, Result<Answer>>;
}

impl<S: Sql + ?Sized> Sql for Box<S> {
    fn query<'a>(
        &'a self,
        text: &'a str,
        parameters: &'a [&'a str],
        repeatable: bool,
    ) -> BoxFuture<'a, Result<Answer>> {
        (**self).query(text, parameters, repeatable)
    }
}

/// What PostgreSQL answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Rows, of which each item is PostgreSQL's text, or null.
    Rows(Vec<Vec<Option<String>>>),
    /// An error, after which nothing of the statement is left.
    Refused(Refusal),
}

/// An error in PostgreSQL's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// SQLSTATE: five characters (PostgreSQL, "Appendix A. Error Codes").
    pub code: Box<str>,
    /// What it says.
    pub message: Box<str>,
}

impl Refusal {
    /// Did others want the same rows? Asked again, it goes better.
    pub(super) fn is_race(&self) -> bool {
        // Serialization failure, deadlock; and a division by zero is `commit.sql`'s own word.
        matches!(&*self.code, "40001" | "40P01" | "22012")
    }

    /// Was the table or its schema made by somebody else at the same moment?
    pub(super) fn is_there_already(&self) -> bool {
        matches!(&*self.code, "42P07" | "23505" | "42710")
    }

    pub(super) fn into_error(self, repeatable: bool) -> Error {
        let (kind, what) = self.means(repeatable);
        let Refusal { code, message } = self;
        Error::new(kind, format!("{what}: {message} ({code})"))
    }

    fn means(&self, repeatable: bool) -> (ErrorKind, &'static str) {
        match (&*self.code, self.code.get(..2).unwrap_or_default()) {
            // The connection broke off, or the server did, in the middle of it.
            ("40003" | "57P02", _) | (_, "08") => (
                if repeatable {
                    ErrorKind::Unavailable
                } else {
                    ErrorKind::OutcomeUnknown
                },
                "PostgreSQL broke off",
            ),
            ("42501", _) | (_, "28") => (
                ErrorKind::AccessDenied,
                "PostgreSQL refuses these credentials, or they allow less",
            ),
            ("3D000" | "3F000" | "42P01", _) => (
                ErrorKind::NotFound,
                "PostgreSQL lacks the database, the schema or the table",
            ),
            ("57014", _) => (
                ErrorKind::Timeout,
                "PostgreSQL cancelled a statement, and nothing of it happened",
            ),
            (_, "53" | "54") if &*self.code != "53300" => {
                (ErrorKind::QuotaExceeded, "PostgreSQL has no room for this")
            }
            ("53300" | "55P03" | "57P01" | "57P03", _) => {
                (ErrorKind::Unavailable, "PostgreSQL cannot do this now")
            }
            ("25006", _) => (
                ErrorKind::Unsupported,
                "this PostgreSQL only reads: connect to the one that writes",
            ),
            ("42703" | "42804" | "42P10" | "42883" | "23502" | "428C9", _) => (
                ErrorKind::Corrupt,
                "the table is not as a store makes it: give another name",
            ),
            _ => (ErrorKind::Unsupported, "PostgreSQL refuses a statement"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_have_kinds() {
        let kind = |code: &str, repeatable| {
            let refusal = Refusal {
                code: code.into(),
                message: "their words".into(),
            };
            let error = refusal.into_error(repeatable);
            assert!(
                error
                    .message()
                    .ends_with(&format!(": their words ({code})"))
            );
            error.kind()
        };
        for (code, expected) in [
            ("28P01", ErrorKind::AccessDenied),
            ("42501", ErrorKind::AccessDenied),
            ("42P01", ErrorKind::NotFound),
            ("53100", ErrorKind::QuotaExceeded),
            ("53300", ErrorKind::Unavailable),
            ("57014", ErrorKind::Timeout),
            ("42703", ErrorKind::Corrupt),
            ("25006", ErrorKind::Unsupported),
            ("XX000", ErrorKind::Unsupported),
            ("", ErrorKind::Unsupported),
        ] {
            assert_eq!(kind(code, false), expected, "{code}");
        }
        assert_eq!(kind("57P02", false), ErrorKind::OutcomeUnknown);
        assert_eq!(kind("08006", true), ErrorKind::Unavailable);
    }
}
