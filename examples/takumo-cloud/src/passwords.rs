//! Passwords of people: hashed by argon2id, slowly and not too many at a time.

use std::sync::Arc;
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use keyfob::EntropyError;
use tokio::sync::Semaphore;

/// Hashes and checks passwords. A cheap clone; all clones share their turns.
///
/// Each takes 19 MiB and some tens of milliseconds, which is what OWASP's Password Storage Cheat
/// Sheet asks of argon2id at least (`m=19456, t=2, p=1`, argon2's defaults). So few are worked on at
/// once, on threads that may block, and who would wait for long is sent away.
#[derive(Clone, Debug)]
pub(crate) struct Passwords {
    turns: Arc<Semaphore>,
}

/// How many are hashed at once.
const AT_ONCE: usize = 2;
/// How long one may wait for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

impl Passwords {
    pub(crate) fn new() -> Self {
        Self { turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// The hash of a password, as PHC has it, under a salt of its own.
    pub(crate) async fn hash(&self, password: String) -> Result<String, PasswordError> {
        self.in_turn(move || {
            let hash = Argon2::default().hash_password(password.as_bytes());
            hash.map(|hash| hash.to_string()).map_err(|_| PasswordError::Hash)
        })
        .await?
    }

    /// Whether this is the password of that hash. It takes as long when there is no hash, so that
    /// the time does not tell whether there is such a person.
    pub(crate) async fn verify(
        &self,
        password: String,
        hash: Option<String>,
    ) -> Result<bool, PasswordError> {
        self.in_turn(move || {
            let known = hash.is_some();
            let hash = hash.unwrap_or_else(|| OF_NOBODY.to_owned());
            let hash = PasswordHash::new(&hash).map_err(|_| PasswordError::Hash)?;
            let same = Argon2::default().verify_password(password.as_bytes(), &hash).is_ok();
            Ok(same && known)
        })
        .await?
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned());
        let Ok(Ok(turn)) = turn.await else { return Err(PasswordError::Busy) };
        let work = move || {
            let done = work();
            // Not before: who gives up waiting does not end the work.
            drop(turn);
            done
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| PasswordError::Busy)
    }
}

/// A hash of the same cost as a person's.
const OF_NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGhhcyB0aGlz\
                         $e8h4cn2l1WZ0rYDpYbE0ZQ9q3Lk8U6s3vUqkz0m1iTg";

/// A password that a person has chosen.
#[derive(Clone)]
pub(crate) struct NewPassword(String);

impl NewPassword {
    const SHORTEST: usize = 12;
    const LONGEST: usize = 256;

    /// Length is what counts (NIST SP 800-63B §5.1.1.2): there is no rule about kinds of characters.
    pub(crate) fn new(text: String) -> Result<Self, WeakPassword> {
        if text.chars().count() < Self::SHORTEST || text.len() > Self::LONGEST {
            return Err(WeakPassword);
        }
        Ok(Self(text))
    }

    /// 100 random bits, in letters that are not mistaken for each other: `f3kq-…`.
    pub(crate) fn random() -> Result<Self, EntropyError> {
        const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
        let mut bytes = [0; 20];
        keyfob::fill_random(&mut bytes)?;
        let letter = |byte: &u8| char::from(LETTERS[usize::from(byte % 32)]);
        let groups: Vec<String> =
            bytes.chunks(5).map(|group| group.iter().map(letter).collect()).collect();
        Ok(Self(groups.join("-")))
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

/// The password is too short to be one, or longer than anybody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a password has at least 12 characters and at most 256 bytes")]
pub(crate) struct WeakPassword;

/// Why a password was neither hashed nor checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PasswordError {
    #[error("too many passwords are being checked at once")]
    Busy,
    #[error("a password could not be hashed, or what is stored is no hash of one")]
    Hash,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn password_is_good_for_its_own_hash_only() {
        let passwords = Passwords::new();
        let text = NewPassword::random().unwrap().into_text();
        let hash = passwords.hash(text.clone()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(passwords.verify(text.clone(), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify(format!("{text}x"), Some(hash)).await.unwrap());
        assert!(!passwords.verify(text, None).await.unwrap());
    }

    /// Or the time would tell whether there is such a person.
    #[tokio::test]
    async fn password_of_nobody_costs_what_a_persons_does() {
        let own = Passwords::new().hash("a long enough password".into()).await.unwrap();
        let parameters = |hash| {
            let hash = PasswordHash::new(hash).unwrap();
            let length = hash.hash.map(|output| output.len());
            (hash.algorithm.to_string(), hash.version, hash.params.to_string(), length)
        };
        assert_eq!(parameters(OF_NOBODY), parameters(&own));
    }

    #[test]
    fn short_password_is_refused() {
        assert!(NewPassword::new("elevenchars".into()).is_err());
        assert!(NewPassword::new("twelve chars".into()).is_ok());
        assert!(NewPassword::new("x".repeat(257)).is_err());
    }
}
