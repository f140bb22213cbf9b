use std::thread;
use std::time::{Duration, Instant};

/// How long anything here may take before it counts as failed. A machine that is busy with other
/// tests is slow; a healthy server is ready in a tenth of a second.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Asks until there is an answer, or the time is up.
pub(crate) fn until<T, E>(
    patience: Duration,
    mut ask: impl FnMut() -> Result<Option<T>, E>,
) -> Result<Option<T>, E> {
    let deadline = Instant::now() + patience;
    loop {
        let answer = ask()?;
        if answer.is_some() || Instant::now() >= deadline {
            return Ok(answer);
        }
        thread::sleep(Duration::from_millis(3));
    }
}
