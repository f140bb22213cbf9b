use std::error::Error;
use std::fmt;
use std::process::ExitCode;

use keyfob::{Conflict, CreateError, RotateError, StoreError, UsageError};

use crate::app::OrganizationError;
use crate::database_url::InvalidDatabaseUrl;
use crate::db::DatabaseError;
use crate::server::StartError;
use crate::store::OpenError;
use crate::time::rfc3339;

/// How a command ends, for scripts. The numbers are in `--help`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    Success = 0,
    Failure = 1,
    Usage = 2,
    NotFound = 3,
    LimitReached = 4,
    Conflict = 5,
    Refused = 6,
    BadFile = 7,
    Unconfirmed = 8,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(super) struct Failure {
    exit: Exit,
    message: String,
}

impl Failure {
    pub(super) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }

    pub(super) const fn exit(&self) -> Exit {
        self.exit
    }

    /// With every cause, since there is no log to look them up in.
    pub(super) fn of(exit: Exit, error: &dyn Error) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !message.ends_with(&cause_text) {
                message = format!("{message}: {cause_text}");
            }
            source = cause.source();
        }
        Self { exit, message }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let exit = match &error {
            StoreError::NotFound => Exit::NotFound,
            StoreError::LimitReached { .. } => Exit::LimitReached,
            StoreError::Conflict(_) => Exit::Conflict,
            _ => Exit::Failure,
        };
        match error {
            StoreError::Conflict(Conflict::StillRotating { until }) => {
                Self::new(exit, format!("{error}: it ends at {}", rfc3339(until)))
            }
            StoreError::Conflict(Conflict::Expired { since }) => {
                Self::new(exit, format!("{error}: it expired at {}", rfc3339(since)))
            }
            _ => Self::of(exit, &error),
        }
    }
}

impl From<RotateError> for Failure {
    fn from(error: RotateError) -> Self {
        match error {
            RotateError::Store(error) => error.into(),
            RotateError::OverlapTooLong => Self::of(Exit::Usage, &error),
            _ => Self::of(Exit::Failure, &error),
        }
    }
}

impl From<UsageError> for Failure {
    fn from(error: UsageError) -> Self {
        match error {
            UsageError::Store(error) => error.into(),
            UsageError::EmptyRange | UsageError::TooManyBuckets { .. } => {
                Self::of(Exit::Usage, &error)
            }
            _ => Self::of(Exit::Failure, &error),
        }
    }
}

impl From<CreateError> for Failure {
    fn from(error: CreateError) -> Self {
        match error {
            CreateError::Store(error) => error.into(),
            CreateError::NoScopes | CreateError::ExpiryNotInFuture => Self::of(Exit::Usage, &error),
            _ => Self::of(Exit::Failure, &error),
        }
    }
}

impl From<OrganizationError> for Failure {
    fn from(error: OrganizationError) -> Self {
        let exit = match error {
            OrganizationError::NotFound => Exit::NotFound,
            OrganizationError::Exists => Exit::Conflict,
            OrganizationError::Tables(_) | OrganizationError::Log(_) => Exit::Failure,
        };
        Self::of(exit, &error)
    }
}

impl From<InvalidDatabaseUrl> for Failure {
    fn from(error: InvalidDatabaseUrl) -> Self {
        Self::of(Exit::Usage, &error)
    }
}

macro_rules! plain_failure {
    ($($Error:ty),+) => {$(
        impl From<$Error> for Failure {
            fn from(error: $Error) -> Self {
                Self::of(Exit::Failure, &error)
            }
        }
    )+};
}

plain_failure!(DatabaseError, OpenError, StartError, std::io::Error);
