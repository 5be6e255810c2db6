//! The statements, for one table.

use crate::error::{Error, ErrorKind, Result};

/// The longest name, in bytes (PostgreSQL, "4.1.1. Identifiers and Key Words").
const MAX_NAME: usize = 63;

/// A table's name, as it stands in statements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table(String);

impl Table {
    /// # Errors
    /// `invalid-argument`: a name that PostgreSQL would not take, or would cut.
    pub(super) fn new(schema: Option<&str>, name: &str) -> Result<Table> {
        let name = quote("table", name)?;
        Ok(Table(match schema {
            Some(schema) => format!("{}.{name}", quote("schema", schema)?),
            None => name,
        }))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

fn quote(what: &str, name: &str) -> Result<String> {
    let rule = if name.is_empty() {
        "it is empty"
    } else if name.len() > MAX_NAME {
        "PostgreSQL's names have at most 63 bytes"
    } else if name.chars().any(char::is_control) {
        "it holds a control character"
    } else {
        return Ok(format!("\"{}\"", name.replace('"', "\"\"")));
    };
    let message = format!("{name:?} cannot be the name of a {what}: {rule}");
    Err(Error::new(ErrorKind::InvalidArgument, message))
}

/// What is sent; only the name of the table is ever put into it.
pub(super) struct Statements {
    pub(super) read: String,
    pub(super) put: String,
    pub(super) commit: String,
    pub(super) scan: String,
    pub(super) scan_back: String,
    pub(super) sweep: String,
    pub(super) namespaces: String,
    pub(super) create: String,
    pub(super) index: String,
    pub(super) look: String,
}

impl Statements {
    pub(super) fn of(table: &Table) -> Statements {
        let text = |template: &str, order: &str| {
            let lines = template.lines().map(str::trim);
            let lines: Vec<&str> = lines.filter(|line| !line.starts_with("--")).collect();
            // The table's name comes last: it may hold anything.
            let text = lines.join(" ").replace("{order}", order);
            text.replace("{table}", table.as_str())
        };
        Statements {
            read: text(include_str!("read.sql"), ""),
            put: text(include_str!("put.sql"), ""),
            commit: text(include_str!("commit.sql"), ""),
            scan: text(include_str!("scan.sql"), "ASC"),
            scan_back: text(include_str!("scan.sql"), "DESC"),
            sweep: text(include_str!("sweep.sql"), ""),
            namespaces: text(include_str!("namespaces.sql"), ""),
            create: text(include_str!("create.sql"), ""),
            index: text(include_str!("index.sql"), ""),
            look: text(include_str!("look.sql"), ""),
        }
    }
}

/// The text of an array (PostgreSQL, "8.15.6. Array Input and Output Syntax").
pub(super) struct Array(String);

impl Array {
    pub(super) fn new() -> Array {
        Array("{".to_owned())
    }

    pub(super) fn of<'t>(texts: impl Iterator<Item = &'t str>) -> String {
        let mut array = Array::new();
        texts.for_each(|text| array.text(text));
        array.end()
    }

    fn comma(&mut self) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
    }

    /// Quoted: neither empty, nor `NULL`, nor a comma is then anything but text.
    pub(super) fn text(&mut self, text: &str) {
        self.comma();
        self.0.push('"');
        for c in text.chars() {
            if matches!(c, '"' | '\\') {
                self.0.push('\\');
            }
            self.0.push(c);
        }
        self.0.push('"');
    }

    /// Base64 needs no escapes.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        use base64::{Engine, engine::general_purpose::STANDARD};
        self.comma();
        self.0.push('"');
        STANDARD.encode_string(bytes, &mut self.0);
        self.0.push('"');
    }

    pub(super) fn number(&mut self, number: u64) {
        self.comma();
        self.0.push_str(&number.to_string());
    }

    pub(super) fn null(&mut self) {
        self.comma();
        self.0.push_str("NULL");
    }

    pub(super) fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_or_refused() {
        let name = |schema, name| Table::new(schema, name).map(|table| table.0);
        assert_eq!(name(None, "kv_store").as_deref(), Ok("\"kv_store\""));
        assert_eq!(
            name(Some("a.b"), "x\"; DROP TABLE y; --").as_deref(),
            Ok("\"a.b\".\"x\"\"; DROP TABLE y; --\"")
        );
        let (long, wide) = ("x".repeat(64), "é".repeat(32));
        for wrong in ["", "a\0b", "a\nb", &long, &wide] {
            let error = name(None, wrong).expect_err(wrong);
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
            assert!(name(Some(wrong), "t").is_err());
        }
        assert!(name(None, &"x".repeat(63)).is_ok());
    }

    #[test]
    fn only_the_table_is_put_into_a_statement() {
        let table = Table::new(None, "{order}{table}").expect("a name");
        let statements = Statements::of(&table);
        assert!(statements.scan.contains("FROM \"{order}{table}\" WHERE"));
        assert!(!statements.scan.contains("--"));
        assert!(statements.scan.contains("key ASC LIMIT"));
        assert!(statements.scan_back.contains("key DESC LIMIT"));
    }

    #[test]
    fn arrays() {
        let texts = ["", "NULL", "a,b", "{}", "\"\\'"].into_iter();
        assert_eq!(Array::of(texts), r#"{"","NULL","a,b","{}","\"\\'"}"#);
        let mut array = Array::new();
        array.null();
        array.number(7);
        array.bytes(&[1, 2, 3]);
        assert_eq!(array.end(), r#"{NULL,7,"AQID"}"#);
        assert_eq!(Array::new().end(), "{}");
    }
}
