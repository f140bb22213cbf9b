use std::future::Future;
use std::sync::Arc;

use tokio::runtime::Runtime;

/// Tasks of a runtime, each of which asks one thing after the other: so many are in flight.
pub struct Callers<'r> {
    runtime: &'r Runtime,
    number: usize,
    asked: usize,
}

impl<'r> Callers<'r> {
    /// So many of them.
    #[must_use]
    pub const fn new(number: usize, runtime: &'r Runtime) -> Self {
        Self { runtime, number, asked: 0 }
    }

    /// Asks so many times altogether, and returns when all is answered. What is asked is numbered,
    /// and the numbers go on from one call to the next.
    pub fn ask<F>(&mut self, times: u64, ask: impl Fn(usize) -> F + Send + Sync + 'static)
    where
        F: Future<Output = ()> + Send,
    {
        let times = usize::try_from(times).expect("fewer than the address space has bytes");
        let all = self.asked..self.asked + times;
        self.asked = all.end;
        let ask = Arc::new(ask);
        let tasks = (0..self.number.min(times)).map(|caller| {
            let (ask, own) = (Arc::clone(&ask), all.clone().skip(caller).step_by(self.number));
            self.runtime.spawn(async move {
                for number in own {
                    ask(number).await;
                }
            })
        });
        let tasks: Vec<_> = tasks.collect();
        self.runtime.block_on(async {
            for task in tasks {
                task.await.expect("a caller panicked");
            }
        });
    }
}
