use dataknobs_kv::{ErrorKind, Record};

/// Bytes are an envelope, which is written and read again as the same record, or refused.
pub fn envelope(input: &[u8]) {
    let record = match Record::decode(input) {
        Ok(record) => record,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Corrupt);
            return;
        }
    };
    let written = record.encode().expect("what was read can be written");
    let again = Record::decode(&written).expect("what was written can be read");
    assert_eq!(format!("{record:?}"), format!("{again:?}"));
    assert_eq!(again.encode().expect("the same again"), written);
}
