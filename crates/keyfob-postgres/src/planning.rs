//! How the server plans statements whose plans are kept: for any values, by the indices, however small the tables are
//! by now, and not compiled. Functions of the schema that a node may call by themselves set the same.

/// For a session that nobody else uses.
pub(crate) const OF_SESSION: &str = "\
    SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_bitmapscan = off; \
    SET jit = off";

/// For a transaction.
pub(crate) const OF_TRANSACTION: &str = "\
    SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL enable_seqscan = off; \
    SET LOCAL enable_bitmapscan = off; SET LOCAL jit = off";
