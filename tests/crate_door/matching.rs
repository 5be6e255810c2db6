//! Does a result look as the table says?

use super::text::{absent, is_absent, special};
use serde_json::Value as Json;

pub fn short(json: &Json) -> String {
    let text = json.to_string();
    match text.char_indices().nth(120) {
        None => text,
        Some((cut, _)) => format!("{}…", &text[..cut]),
    }
}

/// Does `got` look as `expected` says?
pub fn matches(expected: &Json, got: &Json) -> Result<(), String> {
    matches_within(expected, got, false)
}

/// `exact`: objects have no other fields than those that are expected.
fn matches_within(expected: &Json, got: &Json, exact: bool) -> Result<(), String> {
    let matches = |a: &Json, b: &Json| matches_within(a, b, exact);
    let differ = || Err(format!("should be {}, not {}", short(expected), short(got)));
    match special(expected) {
        Some(("exactly", [expected])) => return matches_within(expected, got, true),
        Some(("any", [])) if !is_absent(got) => return Ok(()),
        Some(("about", [number, tolerance])) => {
            let (n, t) = (number.as_f64().expect("n"), tolerance.as_f64().expect("t"));
            let near = got.as_f64().is_some_and(|got| (got - n).abs() <= t);
            return if near { Ok(()) } else { differ() };
        }
        Some(("object", [Json::Object(expected)])) => {
            return match special(got) {
                Some(("object", [Json::Object(got)])) => matches(&expected["$"], &got["$"]),
                _ => differ(),
            };
        }
        Some((tag, body)) => {
            return match special(got) {
                Some((other, found)) if tag == other && body.len() == found.len() => {
                    body.iter().zip(found).try_for_each(|(a, b)| matches(a, b))
                }
                _ => differ(),
            };
        }
        None if special(got).is_some() => return differ(),
        None => {}
    }
    match (expected, got) {
        (Json::Array(a), Json::Array(b)) if a.len() == b.len() => a
            .iter()
            .zip(b)
            .enumerate()
            .try_for_each(|(at, (a, b))| matches(a, b).map_err(|e| format!("[{at}] {e}"))),
        (Json::Object(a), Json::Object(b)) if exact && b.keys().any(|k| !a.contains_key(k)) => {
            differ()
        }
        (Json::Object(a), Json::Object(b)) => a.iter().try_for_each(|(name, a)| {
            let b = b.get(name).cloned().unwrap_or_else(absent);
            matches(a, &b).map_err(|e| format!("{name}: {e}"))
        }),
        (Json::Number(a), Json::Number(b)) => {
            let bits = |n: &serde_json::Number| (n.is_f64(), n.as_f64().map(f64::to_bits));
            if a == b && bits(a) == bits(b) {
                Ok(())
            } else {
                differ()
            }
        }
        (a, b) if a == b => Ok(()),
        _ => differ(),
    }
}
