//! What things are called in Redis.

use crate::key::Namespace;

/// The set of the namespaces.
pub(super) const NAMESPACES: &str = "dkv:namespaces";

/// The names of one namespace, with its hash tag.
pub(super) struct Names(String);

impl Names {
    /// A hash tag ends at the first `}` (Redis, "Cluster specification", hash tags), so a namespace's
    /// own are escaped; with what escapes them, so that no two namespaces get one tag.
    pub(super) fn of(namespace: &Namespace) -> Names {
        let mut start = String::from("dkv:{n:");
        for c in namespace.as_str().chars() {
            match c {
                '%' => start.push_str("%25"),
                '}' => start.push_str("%7D"),
                c => start.push(c),
            }
        }
        start.push_str("}:");
        Names(start)
    }

    /// A key's record.
    pub(super) fn record(&self, key: &str) -> String {
        format!("{}r:{key}", self.0)
    }

    /// All keys in their order.
    pub(super) fn index(&self) -> String {
        format!("{}i", self.0)
    }

    /// Where versions come from.
    pub(super) fn counter(&self) -> String {
        format!("{}v", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_namespaces_share_a_name() {
        let record = |name: &str, key: &str| {
            Names::of(&Namespace::new(name).expect("a namespace")).record(key)
        };
        assert_eq!(record("", "a.b"), "dkv:{n:}:r:a.b");
        assert_eq!(record("a}:r:b", "c"), "dkv:{n:a%7D:r:b}:r:c");
        assert_ne!(record("a}:r:b", "c"), record("a", "b}:r:c"));
        assert_ne!(record("a%7D", "c"), record("a}", "c"));
    }
}
