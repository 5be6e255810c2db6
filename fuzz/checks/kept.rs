//! What is written beside a memory: blocks of changes, documents and journals of files.

use dataknobs_kv::{
    ErrorKind, System,
    backend::{
        file::{Ledger, Tail},
        journal,
        memory::Memory,
    },
};
use std::sync::Arc;

fn memory() -> Memory {
    Memory::new(Default::default(), Arc::new(System::default()))
}

fn whole(memory: &Memory) -> Vec<u8> {
    memory.dump(None, None, usize::MAX).unwrap().block
}

/// A block is read, or refused as `corrupt`. What was read can be written, and read again as the same.
pub fn block(input: &[u8]) {
    let one = memory();
    if let Err(error) = one.replay(input) {
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        return;
    }
    let before = whole(&one);
    one.replay(input).unwrap();
    assert_eq!(whole(&one), before, "read twice");
    let two = memory();
    two.replay(&before).unwrap();
    assert_eq!(whole(&two), before, "read back");
    let three = memory();
    three.replay(&journal::merge(&[input]).unwrap()).unwrap();
    assert_eq!(whole(&three), before, "merged");
}

fn reopened(document: Option<&[u8]>, journal: Option<&[u8]>) {
    let one = memory();
    let mut ledger = Ledger::new("x.json", one.clone());
    if let Err(error) = ledger.open(document, journal, Tail::Final) {
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        assert!(error.message().contains("x.json"), "{error}");
        return;
    }
    let text = ledger.document().unwrap();
    let two = memory();
    Ledger::new("x.json", two.clone())
        .open(Some(&text), None, Tail::Final)
        .unwrap();
    assert_eq!(whole(&two), whole(&one));
}

/// A document is read, or refused as `corrupt`, by name. What was read comes back from its own document.
pub fn document(input: &[u8]) {
    reopened(Some(input), None);
}

/// The same of a journal without a document.
pub fn journal(input: &[u8]) {
    reopened(None, Some(input));
}
