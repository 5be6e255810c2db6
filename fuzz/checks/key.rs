use dataknobs_kv::{ErrorKind, Namespace, check_key};

/// The rules of a key, said once more and slowly.
fn allowed(text: &str, max: usize) -> bool {
    let character = |c: char| {
        let n = c as u32;
        let control = n < 0x20 || (0x7f..0xa0).contains(&n);
        let noncharacter = (0xfdd0..0xfdf0).contains(&n) || n % 0x10000 >= 0xfffe;
        !control && !noncharacter
    };
    text.len() <= max && text.split('.').all(|s| !s.is_empty()) && text.chars().all(character)
}

/// A text is a key, or refused with a reason.
pub fn key(input: &str) {
    match check_key(input) {
        Ok(()) => assert!(allowed(input, 512), "{input:?} was taken"),
        Err(error) => {
            assert!(!allowed(input, 512), "{input:?}: {error}");
            assert_eq!(error.kind(), ErrorKind::InvalidKey);
            assert!(error.message().starts_with("key ") && error.message().len() < 1000);
        }
    }
    let name = input.is_empty() || (allowed(input, 64) && !input.contains('.'));
    assert_eq!(Namespace::new(input).is_ok(), name, "{input:?}");
}
