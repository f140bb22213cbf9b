//! That each statement goes by an index, however the planner comes to its plan, and reads about as many pages as
//! there are rows to tell.

use std::fmt::Write as _;

use keyfob_store::KeyStatus;
use serde_json::Value;
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::planning;
use crate::reads::{self, feed, lists, log, slots, usage};
use crate::usage_writes;
use crate::writes::save;
use crate::{Migration, SchemaName};

mod filled;

/// A statement, what its values are, and how many rows it names or tells.
struct Case<'c> {
    sql: &'c str,
    types: &'c str,
    values: &'c str,
    rows: u64,
}

/// What is read for each row: the way down an index and the row, for each table that it is made of.
const PAGES_A_ROW: u64 = 16;
/// What is read whatever is told.
const PAGES: u64 = 60;
/// How many rows one table may give for one that is told, and besides: more are gathered to be sorted, and all
/// of them if there are ten million.
const ROWS_A_ROW: u64 = 4;
const ROWS: u64 = 200;

const FOR_ANY_VALUES: &str = "SET LOCAL plan_cache_mode = force_generic_plan";
const FOR_THESE_VALUES: &str = "SET LOCAL plan_cache_mode = force_custom_plan";

/// Looks at both plans that PostgreSQL may go by.
async fn check(client: &Client, case: Case<'_>) {
    check_under(&[FOR_ANY_VALUES, FOR_THESE_VALUES], client, case).await;
}

async fn check_under(settings: &[&str], client: &Client, case: Case<'_>) {
    let sql = SchemaName::default().apply(case.sql);
    for mode in settings {
        let plan = explained(client, mode, &sql, &case).await;
        let mut shape = String::new();
        let whole = scan(&plan["Plan"], 0, &mut shape);
        let pages = plan["Plan"]["Shared Hit Blocks"].as_u64().unwrap()
            + plan["Plan"]["Shared Read Blocks"].as_u64().unwrap();
        let context = format!("{mode}, {}\n{sql}\n{shape}{pages} pages", case.values);
        assert!(!whole, "a table is read from end to end: {context}");
        assert!(pages <= PAGES + PAGES_A_ROW * case.rows, "too much is read: {context}");
        assert!(!shape.contains("Function Scan found"), "its text is not in the call: {context}");
        let most = most_rows(&plan["Plan"]);
        assert!(most <= ROWS + ROWS_A_ROW * case.rows, "{most} rows are gathered: {context}");
    }
}

async fn explained(client: &Client, mode: &str, sql: &str, case: &Case<'_>) -> Value {
    let types = if case.types.is_empty() { String::new() } else { format!("({})", case.types) };
    let values = if case.values.is_empty() { String::new() } else { format!("({})", case.values) };
    let explain = format!(
        "BEGIN; {mode}; PREPARE one{types} AS {sql}; \
         EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) EXECUTE one{values}; \
         ROLLBACK; DEALLOCATE one"
    );
    let answer = client.simple_query(&explain).await;
    let answer = answer.unwrap_or_else(|error| panic!("{error:?}: {explain}"));
    let text = answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    serde_json::from_str::<Value>(text.unwrap()).unwrap()[0].take()
}

/// Writes the plan down, and says whether it reads a table from end to end that has more than a few rows.
fn scan(node: &Value, depth: usize, shape: &mut String) -> bool {
    let text = |name: &str| node[name].as_str().unwrap_or_default().to_owned();
    let (kind, table) = (text("Node Type"), text("Relation Name") + &text("Function Name"));
    let mut conditions = ["Index Cond", "Filter", "Hash Cond"].map(text).join(" ");
    conditions.truncate(100);
    let _ = writeln!(
        shape,
        "{:depth$}{kind} {table} {} {} x{} {conditions}",
        "",
        text("Index Name"),
        node["Actual Rows"],
        node["Actual Loops"],
    );
    let is_small = ["head", "nodes"].contains(&&*table);
    let mut whole = kind == "Seq Scan" && !is_small;
    for part in node["Plans"].as_array().into_iter().flatten() {
        whole |= scan(part, depth + 2, shape);
    }
    whole
}

/// The most rows that one step of the plan has from a table.
fn most_rows(node: &Value) -> u64 {
    let number = |name: &str| node[name].as_f64().unwrap_or_default();
    let own = if node["Relation Name"].is_string() {
        number("Actual Rows") * number("Actual Loops")
    } else {
        0.0
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of rows")]
    let own = own as u64;
    let parts = node["Plans"].as_array().into_iter().flatten();
    parts.map(most_rows).fold(own, u64::max)
}

/// Looks at the plan of a function of the schema: at its statement, with the arguments that it is called with.
async fn check_function(client: &Client, function: &str, values: &str, rows: u64) {
    let (sql, types) = statement_of(function);
    check_under(
        &[planning::OF_TRANSACTION],
        client,
        Case { sql: &sql, types: &types, values, rows },
    )
    .await;
}

/// The only statement of a function, and the types of its arguments, for which it has placeholders.
fn statement_of(function: &str) -> (String, String) {
    let migration = Migration::all()[1].sql(&SchemaName::default());
    let (_, rest) = migration.split_once(&format!(".{function}(")).unwrap();
    let (arguments, rest) = rest.split_once(')').unwrap();
    let (_, rest) = rest.split_once("BEGIN").unwrap();
    let statement = rest.split_once(';').unwrap().0.trim_start();
    let mut statement = statement.strip_prefix("RETURN QUERY").unwrap_or(statement).to_owned();
    let mut types = Vec::new();
    for (number, argument) in (1..).zip(arguments.split(',')) {
        let (name, of) = argument.trim().split_once(' ').unwrap();
        statement = replace_word(&statement, name, &format!("${number}"));
        types.push(of);
    }
    (statement, types.join(", "))
}

fn replace_word(text: &str, word: &str, by: &str) -> String {
    let is_of_word = |c: char| c.is_alphanumeric() || "_.$".contains(c);
    let mut replaced = String::new();
    let mut rest = text;
    while let Some(place) = rest.find(word) {
        let (before, after) = (&rest[..place], &rest[place + word.len()..]);
        let stands_alone = !before.ends_with(is_of_word) && !after.starts_with(is_of_word);
        replaced.push_str(before);
        replaced.push_str(if stands_alone { by } else { word });
        rest = after;
    }
    replaced + rest
}

#[tokio::test]
async fn lookups_and_the_feed() {
    let client = filled::filled().await;
    for rows in [1, 64, 500] {
        check_function(&client, "find", &format!("hashes({rows})"), rows).await;
    }
    for (after, rows) in [(0, 100), (10_000, 100), (19_990, 10), (20_000, 0)] {
        check_function(&client, "changes", &format!("{after}, 100"), rows).await;
    }
    check(&client, Case { sql: feed::POSITION, types: "", values: "", rows: 1 }).await;
}

#[tokio::test]
async fn lists_and_single_keys() {
    let client = filled::filled().await;
    let types = "text, uuid, text, bigint, bigint";
    for organization in ["big", "small10"] {
        for cursor in ["NULL", "key(15000)"] {
            for environment in ["NULL", "'test'"] {
                for status in [
                    None,
                    Some(KeyStatus::Active),
                    Some(KeyStatus::Disabled),
                    Some(KeyStatus::Expired),
                    Some(KeyStatus::Revoked),
                ] {
                    let values = format!("'{organization}', {cursor}, {environment}, 101, 1000");
                    let sql = lists::sql(status);
                    check(&client, Case { sql: &sql, types, values: &values, rows: 101 }).await;
                }
            }
        }
    }
    let sql = reads::get_sql();
    check(&client, Case { sql: &sql, types: "text, uuid", values: "'big', key(1)", rows: 1 }).await;
}

#[tokio::test]
async fn log_and_usage() {
    let client = filled::filled().await;
    let types = "text, bigint, uuid, text, text, bigint, boolean";
    for organization in ["big", "small10"] {
        for after in ["9223372036854775807", "10000"] {
            let values = format!("'{organization}', {after}, NULL, NULL, NULL, 101, false");
            let sql = log::sql(log::OF_ORGANIZATION);
            check(&client, Case { sql: &sql, types, values: &values, rows: 101 }).await;
        }
    }
    let values = "'big', 9223372036854775807, key(3), NULL, NULL, 101, false";
    check(&client, Case { sql: &log::sql(log::OF_KEY), types, values, rows: 1 }).await;

    let (sql, types) = (usage::sql(""), "text, bigint, bigint");
    check(&client, Case { sql: &sql, types, values: "'small10', 2, 6", rows: 40 }).await;
    let (sql, types) = (usage::sql(usage::OF_KEY), "text, bigint, bigint, uuid");
    check(&client, Case { sql: &sql, types, values: "'big', 2, 6, key(3)", rows: 8 }).await;

    let types = "uuid, text[], uuid[], bigint[], bigint[], text[], bigint[], bigint[], bigint";
    let rows = 100;
    let all = |what: &str| format!("array_fill({what}, ARRAY[{rows}])");
    let columns =
        ["1::bigint", "11::bigint", "'accepted'::text", "1::bigint", "9::bigint"].map(all);
    let values = format!(
        "key(99999), owners({rows}), keys(VARIADIC small({rows})), {}, 65",
        columns.join(", ")
    );
    check(&client, Case { sql: &usage_writes::record_sql(), types, values: &values, rows }).await;
}

#[tokio::test]
async fn reads_of_a_write() {
    let client = filled::filled().await;
    let check =
        async |function, values, rows| check_function(&client, function, values, rows).await;
    check("named_epochs", "'{gone1,gone2,big}'", 2).await;
    check("named_keys", "keys(1), '{}', '{}', 0", 1).await;
    check("named_keys", "keys(VARIADIC small(50)), '{big}', '{t700}', 0", 51).await;
    check("named_hashes", "hashes(64)", 64).await;
    check("named_tokens", "'{big,big}', '{t1,t9999}'", 2).await;
    // At the limit of each: what is counted ends there, however many keys there are.
    let values = "'{big,small10}', '{1000,1000}', '{2000,2000}', '{20,20}'";
    check("named_slots", values, 40).await;
    // All that are live are counted, which are a thousand of `big`.
    let (sql, types) = (slots::sql(), "text, bigint");
    self::check(&client, Case { sql: &sql, types, values: "'big', 1000", rows: 1_000 }).await;
}

#[tokio::test]
async fn writes() {
    let client = filled::filled().await;
    let check =
        async |function, values, rows| check_function(&client, function, values, rows).await;
    check("end_secrets", "keys(1), '{1}', '{5}'", 1).await;
    let values = "keys(2, 4), '{a,b}', '{s,s}', '{NULL,NULL}', '{f,f}', '{NULL,NULL}', '{NULL,NULL}', '{NULL,NULL}'";
    check("update_keys", values, 2).await;
    check("forget_tokens", "'{big}', '{500}'", 16).await;
}

#[tokio::test]
async fn pruning() {
    let client = filled::filled().await;
    let (sql, types) = (save::give_up_feed(), "bigint");
    check(&client, Case { sql: &sql, types, values: "0", rows: 100 }).await;
    client.batch_execute("UPDATE keyfob.head SET pruned_through = 100").await.unwrap();
    check(&client, Case { sql: save::PRUNE_FEED, types: "", values: "", rows: 100 }).await;
}
