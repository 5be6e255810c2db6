//! The fields of an object.

use super::Value;
use crate::sorted::{last_of_each, order_of};

/// Names and values in the order in which they were given; no name twice.
#[derive(Clone, Debug, Default)]
pub struct Object(Vec<(Box<str>, Value)>);

impl Object {
    /// An object without fields.
    #[must_use]
    pub fn new() -> Object {
        Object::default()
    }

    /// How many fields there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Are there no fields?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value under `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(n, _)| &**n == name).map(|(_, v)| v)
    }

    /// Puts `value` under `name`, in the place of what was there.
    pub fn insert(&mut self, name: &str, value: Value) {
        match self.0.iter_mut().find(|(n, _)| &**n == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.into(), value)),
        }
    }

    /// Takes the value under `name` out.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let at = self.0.iter().position(|(n, _)| &**n == name)?;
        Some(self.0.remove(at).1)
    }

    /// The fields in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }

    /// The indexes of the fields, by name.
    pub(super) fn sorted(&self) -> Vec<&(Box<str>, Value)> {
        let names: Vec<&str> = self.0.iter().map(|(name, _)| &**name).collect();
        order_of(&names)
            .into_iter()
            .filter_map(|at| self.0.get(at))
            .collect()
    }
}

/// Of a repeated name the last value wins.
impl<S: Into<Box<str>>> FromIterator<(S, Value)> for Object {
    fn from_iter<I: IntoIterator<Item = (S, Value)>>(fields: I) -> Object {
        let mut all: Vec<(Box<str>, Value)> =
            fields.into_iter().map(|(n, v)| (n.into(), v)).collect();
        let names: Vec<&str> = all.iter().map(|(name, _)| &**name).collect();
        let keep = last_of_each(&names);
        let mut keep = keep.into_iter();
        all.retain(|_| keep.next().unwrap_or(true));
        Object(all)
    }
}
