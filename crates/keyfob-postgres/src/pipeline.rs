use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use tokio_postgres::{Client, Error, Row};

use crate::database::Value;

/// One of several statements that are sent one behind the other, without waiting for answers in between.
pub(crate) enum Step<'s> {
    /// Statements without values and rows.
    Batch(&'s str),
    /// A statement, and its values.
    Statement(&'s str, Vec<Value<'s>>),
}

/// Sends all at once, and returns the rows of each; or the error of the first that failed, which is the cause
/// of those behind it.
pub(crate) async fn run(client: &Client, steps: Vec<Step<'_>>) -> Result<Vec<Vec<Row>>, Error> {
    let mut running: Vec<Running<'_>> =
        steps.into_iter().map(|step| Running::Waits(Box::pin(one(client, step)))).collect();
    poll_fn(|context| {
        // The first time that each is polled, it is sent: in this order. Answers come in the same one.
        let mut all_done = true;
        for step in &mut running {
            if let Running::Waits(answer) = step {
                match answer.as_mut().poll(context) {
                    Poll::Ready(answer) => *step = Running::Done(answer),
                    Poll::Pending => all_done = false,
                }
            }
        }
        if all_done { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    running
        .into_iter()
        .filter_map(|step| match step {
            Running::Done(answer) => Some(answer),
            Running::Waits(_) => None,
        })
        .collect()
}

async fn one(client: &Client, step: Step<'_>) -> Result<Vec<Row>, Error> {
    match step {
        Step::Batch(sql) => client.batch_execute(sql).await.map(|()| Vec::new()),
        Step::Statement(sql, values) => client.query_typed(sql, &values).await,
    }
}

enum Running<'s> {
    Waits(Pin<Box<dyn Future<Output = Result<Vec<Row>, Error>> + Send + 's>>),
    Done(Result<Vec<Row>, Error>),
}
