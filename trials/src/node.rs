//! A node: a process that verifies keys of a store, and does what it is told.

mod faulty_store;
mod load;
mod meter;
mod race;
mod stepped_clock;
mod store;
mod voice;
mod watch;

use std::error::Error;
use std::io::BufRead;
use std::process::ExitCode;
use std::sync::Arc;

use keyfob::{
    Actor, CreateKey, Environment, Granularity, KeyFormat, KeyId, KeyLimit, KeyService, NodeName,
    OrganizationId, StoreError, UsageRange,
};
use tokio::runtime::Builder;
use tokio::sync::mpsc;

use crate::monotonic::Monotonic;
use crate::protocol::{
    Command, Health, KeyName, Plaintext, Reply, Request, Settings, Told, WatchedKey,
};
use faulty_store::FaultyStore;
use load::Loading;
use stepped_clock::SteppedClock;
use voice::Voice;
use watch::Watch;

keyfob::scopes! {
    /// What a key of the trials may do.
    pub(crate) enum Scope {
        /// The only thing there is.
        Run => "trial:run",
    }
}

pub(crate) const FORMAT: KeyFormat = KeyFormat::new("kf");

type Service = KeyService<Scope, FaultyStore>;

/// As a server on a small machine would have.
const THREADS: usize = 2;

/// Serves until standard input ends, which it does with the controller: no node outlives it.
#[must_use]
pub fn run() -> ExitCode {
    let voice = Arc::new(Voice::new());
    let runtime = Builder::new_multi_thread().worker_threads(THREADS).enable_all().build();
    let served = match runtime {
        Ok(runtime) => runtime.block_on(serve(&voice)),
        Err(error) => Err(error.into()),
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            voice.say(&Told::CouldNotStart(with_sources(&*error)));
            ExitCode::FAILURE
        }
    }
}

type AnyError = Box<dyn Error + Send + Sync>;

async fn serve(voice: &Arc<Voice>) -> Result<(), AnyError> {
    let mut lines = lines();
    let settings = lines.recv().await.ok_or("there are no settings")?;
    let node = Node::start(&serde_json::from_str(&settings)?, Arc::clone(voice)).await?;
    let node = Arc::new(node);
    voice.say(&Told::Ready);
    while let Some(line) = lines.recv().await {
        let Request { id, command } = serde_json::from_str(&line)?;
        let node = Arc::clone(&node);
        tokio::spawn(async move {
            let reply = node.obey(command).await.unwrap_or_else(|error| failed(&*error));
            node.voice.say(&Told::Reply { id, reply });
        });
    }
    Ok(())
}

/// The lines of standard input, read on a thread of their own.
fn lines() -> mpsc::UnboundedReceiver<String> {
    let (sender, lines) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        let read = std::io::stdin().lock().lines();
        read.map_while(Result::ok).try_for_each(|line| sender.send(line))
    });
    lines
}

struct Node {
    service: Service,
    clock: Arc<SteppedClock>,
    faults: FaultyStore,
    watch: Watch,
    loading: Loading,
    voice: Arc<Voice>,
}

impl Node {
    async fn start(settings: &Settings, voice: Arc<Voice>) -> Result<Self, AnyError> {
        let faults = FaultyStore::over(store::open(&settings.store).await?);
        let clock = Arc::new(SteppedClock::default());
        let service = KeyService::builder(FORMAT, faults.clone())
            .with_clock(Arc::clone(&clock))
            .with_staleness_bound(settings.staleness_bound)
            .with_lookup_timeout(settings.lookup_timeout)
            .with_usage_interval(settings.usage_interval)
            .with_node_name(NodeName::new(&settings.name)?)
            .build();
        let watch = Watch::start(service.clone(), settings.watch_pause);
        Ok(Self { service, clock, faults, watch, loading: Loading::default(), voice })
    }

    async fn obey(self: &Arc<Self>, command: Command) -> Result<Reply, AnyError> {
        match command {
            Command::Create { organization, keys } => self.create(&organization, keys).await,
            Command::Race { organization, creators, limit, at } => {
                let organization = OrganizationId::new(&organization)?;
                let limit = KeyLimit::AtMost(limit);
                let raced = race::run(&self.service, &organization, creators, limit, at).await;
                Ok(Reply::Raced(raced))
            }
            Command::KeysInUse { organization } => {
                let organization = OrganizationId::new(&organization)?;
                Ok(Reply::KeysInUse(self.service.keys_in_use(&organization).await?))
            }
            Command::Revoke(key) => self.revoke(&key).await,
            Command::StartLoad(load) => {
                self.loading.start(&self.service, load).await;
                Ok(Reply::Done)
            }
            Command::StopLoad => Ok(Reply::Loaded(self.loading.stop().await)),
            Command::Watch(keys) => {
                self.watch.add(keys);
                Ok(Reply::Done)
            }
            Command::See(keys) => Ok(Reply::Seen(self.watch.see(&keys))),
            Command::Unwatch(keys) => Ok(Reply::Seen(self.watch.take(&keys))),
            Command::Meter(keys) => {
                let node = Arc::clone(self);
                tokio::spawn(async move { meter::run(&node.service, &node.voice, &keys).await });
                Ok(Reply::Done)
            }
            Command::Usage { organization } => self.usage(&organization).await,
            Command::StepClock(micros) => {
                self.clock.step(micros);
                Ok(Reply::Done)
            }
            Command::Fault(fault) => {
                self.faults.set(fault);
                Ok(Reply::Done)
            }
            Command::Health => Ok(Reply::Health(self.health())),
        }
    }

    async fn create(&self, organization: &str, keys: usize) -> Result<Reply, AnyError> {
        let owner = OrganizationId::new(organization)?;
        let mut made = tokio::task::JoinSet::new();
        for _ in 0..keys {
            let (service, request) = (self.service.clone(), new_key(&owner));
            made.spawn(async move { service.create(request, KeyLimit::Unlimited, actor()).await });
        }
        let mut created = Vec::with_capacity(keys);
        while let Some(issued) = made.join_next().await {
            let issued = issued??;
            created.push(WatchedKey {
                name: KeyName {
                    organization: organization.to_owned(),
                    id: issued.key.id.to_string(),
                },
                plaintext: Plaintext::new(issued.api_key.expose_secret()),
            });
        }
        Ok(Reply::Created(created))
    }

    async fn revoke(&self, key: &KeyName) -> Result<Reply, AnyError> {
        let organization = OrganizationId::new(&key.organization)?;
        let id: KeyId = key.id.parse()?;
        let began = Monotonic::now();
        self.service.revoke(&organization, id, None, actor()).await?;
        let returned = Monotonic::now();
        Ok(Reply::Revoked { began, returned })
    }

    /// By key: what was accepted since two days ago.
    async fn usage(&self, organization: &str) -> Result<Reply, AnyError> {
        const DAY: i64 = 24 * 60 * 60 * 1_000_000;
        let now = self.service.now().as_micros();
        let at = keyfob::Timestamp::from_micros;
        let range = UsageRange {
            from: at(now - 2 * DAY),
            to: at(now + DAY),
            granularity: Granularity::Day,
        };
        let report = self.service.usage(&OrganizationId::new(organization)?, range).await?;
        let rows = report.keys.iter().map(|key| {
            let name = KeyName { organization: organization.to_owned(), id: key.id.to_string() };
            (name, key.total.accepted)
        });
        Ok(Reply::Usage(rows.collect()))
    }

    fn health(&self) -> Health {
        let health = self.service.health();
        Health {
            position: health.position.map(keyfob::FeedPosition::get),
            lag: health.lag,
            staleness: health.staleness,
            cache_in_use: health.cache_in_use,
        }
    }
}

fn new_key(organization: &OrganizationId) -> CreateKey<Scope> {
    let name = keyfob::KeyName::new("trial").expect("a word is a name");
    CreateKey::new(organization.clone(), name, Environment::Live, Scope::Run.into())
}

fn actor() -> Actor {
    Actor::new("trial").expect("a word is an actor")
}

fn failed(error: &(dyn Error + Send + Sync + 'static)) -> Reply {
    let store = |error: &StoreError| error.is_transient();
    let transient = match error.downcast_ref::<keyfob::CreateError>() {
        Some(keyfob::CreateError::Store(error)) => store(error),
        _ => error.downcast_ref::<StoreError>().is_some_and(store),
    };
    Reply::Failed { transient, message: with_sources(error) }
}

fn with_sources(error: &(dyn Error + 'static)) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        message = format!("{message}: {error}");
        source = error.source();
    }
    message
}
