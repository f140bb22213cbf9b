/// One way to break a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// As it should be: what shows that the wrapper itself breaks nothing.
    None,

    // Inserting: what is stored.
    EnvironmentIsLost,
    NamesAreTrimmed,
    NamesAreCut,
    TimesLoseTheirMicroseconds,
    ScopesAreSorted,
    OrganizationsIgnoreCase,

    // Inserting: the limit.
    ZeroMeansUnlimited,
    LimitIsOffByOne,
    LimitIsSigned,
    UnlimitedMeansFifty,
    ExpiredKeyHoldsItsSlot,
    SlotIsFreedAfterTheExpiry,
    RevokedKeyHoldsItsSlot,
    RevokingTwiceFreesTwoSlots,
    LimitIsOfAllOrganizations,
    RefusalIsLogged,
    LimitIsCheckedBeforeTheTransaction,
    RivalsAreRefused,
    SlotIsFreedBeforeTheRevocation,

    // Inserting: duplicates.
    DuplicateHashIsAccepted,
    DuplicateIdIsAccepted,
    DuplicateIsLogged,
    RevokedKeyGivesItsHashFree,
    HashesAreUniqueInOneOrganization,
    HashIsCheckedBeforeTheTransaction,
    ErrorsQuoteTheHash,

    // Inserting: tokens.
    TokensAreIgnored,
    TokensAreOfAllOrganizations,
    TokenIsRememberedForEver,
    TokenIsForgottenTooEarly,
    TokenIsCheckedAfterTheLimit,
    TokenIsCheckedBeforeTheTransaction,
    TokensDieWithTheHandle,
    FingerprintIsIgnored,
    RefusalUsesTheToken,
    ReplayIsLogged,
    ReplayIsAsItWas,
    ReplayRevives,

    // Looking up.
    AnswersAreSorted,
    AnswersOmitTheUnknown,
    AnswersDropRepeats,
    EmptyBatchIsRefused,
    LargeBatchIsCut,
    RevokedKeyIsNotFound,
    FoundScopesAreSorted,
    PrefixOfTheHashIsEnough,
    LookupIsLogged,
    LookupPositionStandsStill,
    LookupPositionIsReadAfter,

    // Reading.
    ReadIgnoresTheOrganization,
    CountIgnoresTheOrganization,
    ListIgnoresTheOrganization,
    ListIsInOrderOfStorage,
    IdsAreSigned,
    CursorSkipsOne,
    CursorMustBeAKey,
    PagesAreOffsets,
    FullPageLeadsOn,
    FilterEndsTheList,
    StatusFilterIsIgnored,
    EnvironmentFilterIsIgnored,
    ExpiryIsAMomentLate,

    // Revoking.
    RevocationIgnoresTheOrganization,
    RevocationForgetsItsReason,
    MissingReasonIsMadeUp,
    LastRevocationWins,
    RevokingAgainIsLogged,
    RevokingAgainIsNotFound,
    ExpiredKeyCanNotBeRevoked,
    UnknownKeyIsRevoked,
    RevocationIsCheckedBeforeTheTransaction,

    // The log.
    EventsForgetTheRequest,
    EventsForgetTheReason,
    RevocationIsNotLogged,
    RevocationRewritesTheLog,
    EventFollowsItsChange,
    EventsIgnoreTheOrganization,
    EventsAreInOrderOfTime,
    ActorFilterIsIgnored,
    ActionFilterIsIgnored,
    KeyFilterIsIgnored,
    CustomDetailsAreLost,
    DetailsLoseControls,

    // The feed.
    FeedForgetsHashes,
    FeedOmitsRevocations,
    FeedIsOfOneOrganization,
    FeedTellsOfCustomEvents,
    FeedIgnoresItsLimit,
    FeedReachesBeyondItsLimit,
    FeedRepeatsTheLast,
    FeedIsAlwaysComplete,
    FeedIsNeverLost,
    EmptyFeedIsLost,
    FeedSkipsWhatIsInFlight,
    CommittedPositionIsTooEarly,
    RepeatedRevocationHasNoPosition,
    EndIsAhead,
    WaitingPanics,

    // The data.
    DataDiesWithTheHandle,
}
