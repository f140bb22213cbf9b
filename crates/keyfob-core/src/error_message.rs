/// `Display` and `Error` for an error that has nothing to tell but one sentence.
macro_rules! error_message {
    ($Error:ty, $message:expr) => {
        impl core::fmt::Display for $Error {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str($message)
            }
        }

        impl core::error::Error for $Error {}
    };
}

pub(crate) use error_message;
