use keyfob_store::{Environment, KeyStatus, Outcome};

/// What may be done next. It names things by small numbers, taken modulo how many there are, so that
/// an operation still means something when those before it are left out.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    /// The clock jumps, forward or back.
    Advance {
        seconds: i64,
    },
    Create {
        organization: usize,
        limit: Option<u64>,
        token: Option<Token>,
        key: Draft,
    },
    Import {
        organization: usize,
        limit: Option<u64>,
        keys: Vec<Draft>,
        newest_first: bool,
    },
    Rotate {
        key: Target,
        overlap: i64,
        token: Option<usize>,
        secret: Pick,
    },
    Retire {
        key: Target,
    },
    Switch {
        key: Target,
        on: bool,
    },
    Edit {
        key: Target,
        edit: Edit,
        limit: Option<u64>,
    },
    Revoke {
        key: Target,
        reason: bool,
    },
    Get {
        key: Target,
    },
    Delete {
        organization: usize,
    },
    Append {
        organization: usize,
    },
    /// Of keys that are there, and perhaps of one that never was.
    Count {
        counts: Vec<Counted>,
        unknown: bool,
    },
    CountAgain {
        batch: usize,
    },
    Prune {
        hours: i64,
    },
    List {
        organization: usize,
        filter: Filter,
        size: u16,
    },
    Events {
        organization: usize,
        key: Option<usize>,
        actor: Option<usize>,
        action: Option<usize>,
        /// Of deleted organizations too.
        deleted: bool,
    },
    Usage {
        organization: usize,
        from: i64,
        hours: i64,
        key: Option<usize>,
        by_day: bool,
    },
}

/// A key that was made before, if any was.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) index: usize,
    /// In the name of an organization that it does not belong to.
    pub(crate) foreign: bool,
}

/// An idempotency token, and which of two requests it is for.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) number: usize,
    pub(crate) request: u8,
}

/// Something new, or what was taken for something before.
#[derive(Clone, Debug)]
pub(crate) enum Pick {
    New,
    Old(usize),
}

#[derive(Clone, Debug)]
pub(crate) enum Expiry {
    Never,
    /// In so many seconds.
    In(i64),
}

#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) expires: Expiry,
    pub(crate) environment: Environment,
    pub(crate) scopes: usize,
    pub(crate) secret: Pick,
    pub(crate) id: Pick,
}

#[derive(Clone, Debug)]
pub(crate) struct Edit {
    pub(crate) name: Option<usize>,
    pub(crate) scopes: Option<usize>,
    pub(crate) expires: Option<Expiry>,
}

#[derive(Clone, Debug)]
pub(crate) struct Counted {
    pub(crate) key: Target,
    pub(crate) secret: usize,
    pub(crate) hours_ago: i64,
    pub(crate) outcome: Outcome,
    pub(crate) count: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Filter {
    pub(crate) status: Option<KeyStatus>,
    pub(crate) environment: Option<Environment>,
}
