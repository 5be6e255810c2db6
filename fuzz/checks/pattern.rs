use dataknobs_kv::{ErrorKind, Pattern, Verdict, escape_pattern};

/// The first line is a pattern, the others are keys.
pub fn pattern(input: &str) {
    let mut lines = input.lines();
    let text = lines.next().unwrap_or_default();
    // A key has no empty segment.
    let keys: Vec<&str> = lines
        .filter(|key| key.split('.').all(|segment| !segment.is_empty()))
        .collect();
    for key in &keys {
        let escaped = escape_pattern(key);
        assert!(escaped.len() > 4096 || Pattern::parse(&escaped).unwrap().exact() == Some(*key));
    }
    let pattern = match Pattern::parse(text) {
        Ok(pattern) => pattern,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::InvalidPattern);
            assert!(error.message().starts_with("at character "));
            return;
        }
    };
    let mut matcher = pattern.matcher();
    for key in &keys {
        let verdict = matcher.check(key);
        let found = verdict == Verdict::Match;
        assert_eq!(found, pattern.matches(key));
        if found {
            assert!(key.starts_with(pattern.literal_prefix()));
            assert!(
                pattern
                    .literal_segments()
                    .iter()
                    .all(|part| key.split('.').any(|segment| *segment == **part))
            );
            assert!(pattern.exact().is_none_or(|exact| exact == *key));
        }
        assert!(found || !pattern.matches_all());
        if let Verdict::No { dead: Some(n) } = verdict {
            let alive = |other: &&&str| other.starts_with(&key[..n]) && pattern.matches(other);
            assert_eq!(keys.iter().find(alive), None);
        }
    }
}
