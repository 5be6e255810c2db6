//! What can be wrong with a backend.

macro_rules! defects {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What is wrong with a [`Broken`](crate::conformance::Broken) backend.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Defect {
            $($(#[$doc])* $name,)*
        }

        impl Defect {
            /// Every one.
            pub const ALL: &[Defect] = &[$(Defect::$name),*];
        }
    };
}

defects! {
    /// Every third write is acknowledged and not made.
    LosesWrites,
    /// Every condition holds.
    IgnoresExpectations,
    /// A condition on a version holds wherever there is a record.
    ExpectsAnyVersion,
    /// An expired record counts as absent.
    ForgetsExpired,
    /// Equal bytes have equal versions, as ETags do.
    VersionsByContent,
    /// A key that is written again after a delete begins with version 1 again.
    VersionsPerKey,
    /// The version that a commit tells is not the one that is stored.
    TellsAnotherVersion,
    /// A check without a change makes a new version.
    ChecksWrite,
    /// A delete is acknowledged; every second one is not made.
    ResurrectsDeleted,
    /// A delete always tells that there was nothing.
    DeletesTellNothing,
    /// What goes before a conflict in a batch is done.
    HalfAppliesBatches,
    /// A conflict is always told as the first mutation's.
    TellsTheWrongConflict,
    /// `write` stops at the first conflict.
    WriteStopsEarly,
    /// Records come in another order than was asked.
    ReadsOutOfOrder,
    /// Keys are cut at 255 bytes.
    TruncatesKeys,
    /// Keys are lowered.
    FoldsKeys,
    /// A blank at a key's end is cut.
    TrimsKeys,
    /// Keys come in the order of their UTF-16 units.
    SortsByUtf16,
    /// Keys come in the order of their segments.
    SortsBySegments,
    /// The first key of every further page is missing.
    SkipsAtPageBorders,
    /// The key at a page's border comes twice.
    RepeatsAtPageBorders,
    /// Only the first page comes.
    EndsScansEarly,
    /// A scan goes on for ever.
    NeverEndsScans,
    /// A page holds more than was asked for.
    OverfillsPages,
    /// `reverse` is ignored.
    IgnoresReverse,
    /// `**` does not match no segments at all, and keys are left out.
    FiltersWrongly,
    /// A scan does not see the last write.
    ScansLate,
    /// A scan does not tell when keys expire.
    ScansWithoutExpiry,
    /// Namespaces are lowered.
    FoldsNamespaces,
    /// The namespace and the key are joined with a colon, and names may hold one.
    JoinsNamespaces,
    /// Only the default namespace is listed.
    ForgetsNamespaces,
    /// A sweep takes every namespace.
    SweepsEverything,
    /// A sweep takes what has a minute left.
    SweepsTooEarly,
    /// Metadata is lost.
    DropsMetadata,
    /// Names in metadata come back sorted.
    SortsMetadata,
    /// Times are rounded to seconds.
    RoundsTimes,
    /// The time of creation is that of the last write.
    ForgetsCreation,
    /// The ids of writes are lost.
    ForgetsWriteIds,
    /// Integers are doubles, as JSON has them.
    FloatsIntegers,
    /// Whole doubles are integers.
    RoundsWholeDoubles,
    /// Negative zero is zero.
    LosesNegativeZero,
    /// Bytes come back as text.
    BytesAsText,
    /// Text ends at a NUL.
    CutsTextAtNul,
    /// Long values are cut.
    CutsLongText,
    /// More is refused than the limits say.
    RefusesWithinLimits,
    /// More is done at once than the limits say.
    AcceptsBeyondLimits,
    /// A batch beyond the limits is refused after its first mutations were made.
    WritesBeforeItRefuses,
}
