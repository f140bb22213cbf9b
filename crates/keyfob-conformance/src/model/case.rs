use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use super::operation::Operation;
use super::strategy::operation;
use crate::Failure;
use crate::failure::Outcome;

/// Random operations, each of which can be made simpler by itself.
pub(crate) struct Case(Vec<Box<dyn ValueTree<Value = Operation>>>);

/// How often a case that failed is played again, to find a simpler one.
const REPLAYS: u32 = 5_000;

impl Case {
    pub(crate) fn new(chance: &mut TestRunner, steps: usize) -> Self {
        let operation = operation().boxed();
        let tree = |_| operation.new_tree(chance).expect("no operation is ever rejected");
        Self((0..steps).map(tree).collect())
    }

    pub(crate) fn operations(&self) -> Vec<Operation> {
        self.0.iter().map(ValueTree::current).collect()
    }

    /// Looks for fewer and simpler operations that fail too, and answers those with their failure.
    ///
    /// Operations are left out first: what remains is quick to play, however slow the store is.
    pub(crate) fn shrink(
        self,
        failure: Failure,
        play: impl Fn(&[Operation]) -> Outcome,
    ) -> (Vec<Operation>, Failure) {
        let mut best = Best { operations: self.operations(), failure, replays: REPLAYS };
        let mut trees = self.0;
        loop {
            let before = trees.len();
            for index in (0..before).rev() {
                if best.improves(without(index, &best.operations), &play) {
                    drop(trees.remove(index));
                }
            }
            if trees.len() == before {
                break;
            }
        }
        for (index, tree) in trees.iter_mut().enumerate() {
            let mut goes_on = tree.simplify();
            while goes_on {
                let mut simpler = best.operations.clone();
                simpler[index] = tree.current();
                let improves = best.improves(simpler, &play);
                goes_on = if improves { tree.simplify() } else { tree.complicate() };
            }
        }
        for index in (0..trees.len()).rev() {
            best.improves(without(index, &best.operations), &play);
        }
        (best.operations, best.failure)
    }
}

fn without(index: usize, operations: &[Operation]) -> Vec<Operation> {
    let mut fewer = operations.to_vec();
    fewer.remove(index);
    fewer
}

/// The simplest operations that are known to fail.
struct Best {
    operations: Vec<Operation>,
    failure: Failure,
    /// How many more times to play.
    replays: u32,
}

impl Best {
    /// Whether these operations fail too, and have taken the place of those that were known.
    fn improves(
        &mut self,
        operations: Vec<Operation>,
        play: impl Fn(&[Operation]) -> Outcome,
    ) -> bool {
        let Some(left) = self.replays.checked_sub(1) else { return false };
        self.replays = left;
        let Err(failure) = play(&operations) else { return false };
        (self.operations, self.failure) = (operations, failure);
        true
    }
}
