//! Cold lookups in PostgreSQL, beside `pgbench` with the same lookup, prepared, on the same server: one
//! caller beside one of its clients, 64 and 256 callers beside eight. `pgbench` writes nothing, so usage is
//! written down at the end, and each second where the name says so.
//!
//! `KEYFOB_BENCH_KEYS` is how many keys there are, 100,000 unless set.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use keyfob::{KeyHash, KeyId, KeyService, KeyStore, Timestamp};
use keyfob_benches::{COUNTING_ALLOCATOR, CountingAllocator, FORMAT, PostgresKey, fill_postgres};
use keyfob_postgres::{PostgresOptions, PostgresStore};
use keyfob_test_cluster::{
    PgBouncer, PgBouncerOptions, PostgresOptions as ServerOptions, PostgresServer,
};
use tokio::runtime::Runtime;

#[global_allocator]
static ALLOCATOR: CountingAllocator = COUNTING_ALLOCATOR;

keyfob::scopes! {
    enum Scope {
        Read => "shield:read",
        Write => "shield:write",
    }
}

type Service = KeyService<Scope, PostgresStore>;

const ROUNDS: usize = 7;
const TURN: Duration = Duration::from_secs(1);

/// What is looked up: numbers below this.
struct Keys {
    number: usize,
    texts: Vec<String>,
    hashes: Vec<KeyHash>,
}

/// Something that is timed: a name, the `pgbench` that it is divided by, the goal, and a turn, which gives
/// the lookups in a second.
struct Contender {
    name: String,
    baseline: usize,
    goal: Option<f64>,
    turn: Box<dyn Fn() -> f64>,
}

#[expect(clippy::print_stdout, reason = "the table is what it is for")]
fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = Arc::new(runtime.expect("a runtime"));
    let number = std::env::var("KEYFOB_BENCH_KEYS").map_or(Ok(100_000), |text| text.parse());
    let keys = Arc::new(Keys::new(number.expect("KEYFOB_BENCH_KEYS is a number")));
    let options = ServerOptions::new().durable().with_setting("shared_buffers", "1GB");
    let server = PostgresServer::start(&options).expect("PostgreSQL is installed");
    let pooler =
        PgBouncer::start(&server, &PgBouncerOptions::new()).expect("PgBouncer is installed");
    let database = server.create_database().expect("a server that runs");
    let url = database.socket_url();
    let key = |number: usize| {
        let at =
            Timestamp::from_micros(1_700_000_000_000_000 + i64::try_from(number).expect("63 bits"));
        PostgresKey {
            id: KeyId::new(at, (number as u64).to_be_bytes()),
            hash: keys.hashes[number],
            organization: format!("organization-{}", number % (keys.number / 10)),
            at: at.as_micros(),
        }
    };
    runtime.block_on(fill_postgres(&url, keys.number, key)).expect("room on the disk");

    let script = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(script.path(), script_of(keys.number)).expect("a file to write to");
    let server = Arc::new(server);
    let pgbench = |clients: usize| {
        let (server, script) = (server.clone(), script.path().to_owned());
        let name = database.name().to_owned();
        Contender {
            name: format!("pgbench, {clients} clients"),
            baseline: usize::from(clients > 1),
            goal: None,
            turn: Box::new(move || pgbench(&server, &name, &script, clients)),
        }
    };
    let mut contenders = vec![pgbench(1), pgbench(8)];
    let ways = [
        ("prepared", PostgresOptions::new(&url).with_prepared_lookups(true)),
        ("unprepared", PostgresOptions::new(&url)),
        (
            "through PgBouncer",
            PostgresOptions::new(pooler.url(&database)).with_notification_url(&url),
        ),
    ];
    for (way, options) in ways {
        let store = runtime.block_on(PostgresStore::open_with(options)).expect("a store");
        let _entered = runtime.enter();
        let service = |usage_interval| {
            Service::builder(FORMAT, store.clone())
                .with_staleness_bound(Duration::ZERO)
                .with_usage_interval(usage_interval)
                .without_registration()
                .build()
        };
        let (reading, counting) =
            (service(Duration::from_secs(3_600)), service(Duration::from_secs(1)));
        for (callers, baseline, goal) in [(1, 0, 0.8), (64, 1, 2.5), (256, 1, 4.0)] {
            let goal = (way == "prepared").then_some(goal);
            let find = find(&runtime, &keys, &store, callers);
            let verify_and_count = verify(&runtime, &keys, &counting, callers);
            let verify = verify(&runtime, &keys, &reading, callers);
            let name = format!("find, {way}, {callers} callers");
            contenders.push(Contender { name, baseline, goal: None, turn: find });
            let name = format!("cold verify, {way}, {callers} callers");
            contenders.push(Contender { name, baseline, goal, turn: verify });
            if way == "prepared" {
                let name = format!("cold verify, prepared, {callers} callers, with usage");
                contenders.push(Contender { name, baseline, goal: None, turn: verify_and_count });
            }
        }
    }
    println!("\n## Lookups, {} keys\n\n{}", keys.number, table(&contenders));
}

fn table(contenders: &[Contender]) -> String {
    let mut rounds = vec![Vec::new(); contenders.len()];
    for round in 0..=ROUNDS {
        for turn in 0..contenders.len() {
            let at = (round + turn) % contenders.len();
            let rate = (contenders[at].turn)();
            // The first round fills caches.
            if round > 0 {
                rounds[at].push(rate);
            }
        }
    }
    let mut table = String::from("| operation | a second | ratio | goal |\n|---|---:|---:|---:|\n");
    for (contender, rates) in contenders.iter().zip(&rounds) {
        let base = &rounds[contender.baseline];
        let ratio = median(rates.iter().zip(base).map(|(own, base)| own / base));
        let goal = match contender.goal {
            None => String::from("-"),
            Some(goal) if ratio >= goal => format!("≥ {goal}"),
            Some(goal) => format!("≥ {goal}, **missed**"),
        };
        let rate = median(rates.iter().copied());
        writeln!(table, "| {} | {rate:.0} | {ratio:.2} | {goal} |", contender.name)
            .expect("a string takes what it is given");
    }
    table
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

impl Keys {
    /// Digits that SQL can make from the number of a key.
    fn new(number: usize) -> Self {
        let texts: Vec<String> =
            (0..number).map(|number| format!("tk_live_{number:064x}")).collect();
        let hash = |text: &String| FORMAT.parse(text).expect("well-formed").hash();
        Self { number, hashes: texts.iter().map(hash).collect(), texts }
    }

    fn any(&self) -> usize {
        rand::random_range(0..self.number)
    }
}

/// The lookup of `keyfob-postgres`, of one key. That the server makes the hash from its number costs it a
/// microsecond or two.
fn script_of(keys: usize) -> String {
    format!(
        "\\set number random(0, {last})\n\
         SELECT p.position, s.hash, k.id, k.organization, k.environment, k.scopes, k.disabled, \
         k.revoked_at, k.expires_at, s.retires_at, s.generation, \
         k.epoch <> coalesce((SELECT o.epoch FROM keyfob.organizations o \
         WHERE o.organization = k.organization), 0) \
         FROM (SELECT coalesce(max(position), 0) AS position FROM keyfob.events) p, \
         keyfob.secrets s JOIN keyfob.keys k ON k.id = s.key \
         WHERE s.hash = sha256(('tk_live_' || lpad(to_hex(:number::bigint), 64, '0'))::bytea);\n",
        last = keys - 1
    )
}

/// Its own count of transactions in a second, without the time to connect.
fn pgbench(server: &PostgresServer, database: &str, script: &Path, clients: usize) -> f64 {
    let output = server
        .client("pgbench")
        .expect("pgbench is installed with the server")
        .args(["-n", "-M", "prepared", "-T", &TURN.as_secs().to_string()])
        .args(["-c", &clients.to_string(), "-f"])
        .arg(script)
        .arg(database)
        .output()
        .expect("a program that runs");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let rate = printed.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next());
    rate.and_then(|rate| rate.parse().ok())
        .unwrap_or_else(|| panic!("{printed}{}", String::from_utf8_lossy(&output.stderr)))
}

fn find(
    runtime: &Arc<Runtime>,
    keys: &Arc<Keys>,
    store: &PostgresStore,
    callers: usize,
) -> Box<dyn Fn() -> f64> {
    let (runtime, keys, store) = (runtime.clone(), keys.clone(), store.clone());
    Box::new(move || {
        let (store, keys) = (store.clone(), keys.clone());
        rate(&runtime, callers, move || {
            let (store, hash) = (store.clone(), keys.hashes[keys.any()]);
            async move {
                let found = store.find(&[hash]).await.expect("a lookup");
                assert!(matches!(found.keys[0], Ok(Some(_))), "the key is there");
            }
        })
    })
}

fn verify(
    runtime: &Arc<Runtime>,
    keys: &Arc<Keys>,
    service: &Service,
    callers: usize,
) -> Box<dyn Fn() -> f64> {
    let (runtime, keys, service) = (runtime.clone(), keys.clone(), service.clone());
    Box::new(move || {
        let (service, keys) = (service.clone(), keys.clone());
        rate(&runtime, callers, move || {
            let (service, keys) = (service.clone(), keys.clone());
            async move {
                drop(service.verify(&keys.texts[keys.any()]).await.expect("the key is good"));
            }
        })
    })
}

/// How often a second so many callers, each of whom waits for the answer, have one.
#[expect(clippy::cast_precision_loss, reason = "a turn has less than 2^52 lookups")]
fn rate<F>(runtime: &Runtime, callers: usize, ask: impl Fn() -> F + Clone + Send + 'static) -> f64
where
    F: Future<Output = ()> + Send,
{
    let start = Instant::now();
    let tasks: Vec<_> = (0..callers)
        .map(|_| {
            let ask = ask.clone();
            runtime.spawn(async move {
                let mut asked = 0_u64;
                while start.elapsed() < TURN {
                    ask().await;
                    asked += 1;
                }
                asked
            })
        })
        .collect();
    let mut asked = 0;
    for task in tasks {
        asked += runtime.block_on(task).expect("a caller panicked");
    }
    asked as f64 / start.elapsed().as_secs_f64()
}
