//! The harness sees every allocation. Its own process, since other tests allocate too.

use keyfob_benches::{COUNTING_ALLOCATOR, CountingAllocator, Goal, Ratios};

#[global_allocator]
static ALLOCATOR: CountingAllocator = COUNTING_ALLOCATOR;

#[test]
fn allocations_are_counted_one_by_one() {
    let mut calls = 0;
    let report = Ratios::to("none", || 1)
        .and("one", Goal::None, || Box::new(1))
        .and("seldom", Goal::None, || {
            calls += 1;
            (calls % 500 == 0).then(|| Box::new(calls))
        })
        .rounds(1)
        .run(&ALLOCATOR);
    let found: Vec<_> = report.lines.iter().map(|line| line.allocations).collect();
    assert_eq!(found, [0, 1, 1]);
}
