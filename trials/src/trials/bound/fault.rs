use std::time::Duration;

use keyfob_test_cluster::Proxy;
use rand::RngExt;
use rand::rngs::StdRng;

use super::scene::Scene;
use crate::failure::Failure;
use crate::protocol::StoreFault;
use crate::trial::Store;

/// Something that breaks around the victim, or around both nodes, and is mended later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The process is stopped, as by a debugger or a hypervisor.
    Paused,
    /// The time of day is set, forward or back, by so many microseconds; and back again.
    ClockStepped(i64),
    /// No notification arrives.
    NotificationsLost,
    /// The connection that listens is reset, and no new one is made.
    ListenerKilled,
    /// No connection is to be had: each call fails at once.
    Refused,
    /// Whatever is sent vanishes: each call hangs.
    BlackHoled,
    /// The same, of the primary alone: a replica answers still.
    PrimaryBlackHoled,
    /// Every byte takes so many milliseconds longer.
    Slow(u64),
    /// Connections are reset again and again, and can be made anew.
    Reset,
    /// The server is killed, and started again.
    ServerKilled,
    /// The server is stopped where it is, and goes on.
    ServerPaused,
    /// The server ends all sessions, again and again.
    SessionsEnded,
    /// The pooler is killed, and another one started.
    PoolerKilled,
}

/// What a fault is brought about by. Two faults by the same means would mend each other.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Means {
    Process,
    Clock,
    Network,
    Server,
}

impl Fault {
    /// One of those that there are with such a store.
    pub(super) fn draw(random: &mut StdRng, store: Store) -> Self {
        let every = [
            Self::Paused,
            Self::ClockStepped(random.random_range(-3_600_000_000..3_600_000_000)),
            Self::NotificationsLost,
            Self::Refused,
            Self::BlackHoled,
            Self::ListenerKilled,
            Self::PrimaryBlackHoled,
            Self::Slow(random.random_range(20..400)),
            Self::Reset,
            Self::ServerKilled,
            Self::ServerPaused,
            Self::SessionsEnded,
            Self::PoolerKilled,
        ];
        let there_are = match store {
            Store::Sqlite => 5,
            Store::Postgres => every.len(),
        };
        every[random.random_range(0..there_are)]
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Paused => "node paused",
            Self::ClockStepped(..0) => "clock set back",
            Self::ClockStepped(_) => "clock set forward",
            Self::NotificationsLost => "notifications lost",
            Self::ListenerKilled => "listener killed",
            Self::Refused => "connections refused",
            Self::BlackHoled => "network black-holed",
            Self::PrimaryBlackHoled => "primary black-holed",
            Self::Slow(_) => "network slow",
            Self::Reset => "connections reset",
            Self::ServerKilled => "server killed",
            Self::ServerPaused => "server paused",
            Self::SessionsEnded => "sessions ended",
            Self::PoolerKilled => "pooler killed",
        }
    }

    pub(super) const fn means(self) -> Means {
        match self {
            Self::Paused => Means::Process,
            Self::ClockStepped(_) => Means::Clock,
            Self::NotificationsLost
            | Self::ListenerKilled
            | Self::Refused
            | Self::BlackHoled
            | Self::PrimaryBlackHoled
            | Self::Slow(_)
            | Self::Reset => Means::Network,
            Self::ServerKilled | Self::ServerPaused | Self::SessionsEnded | Self::PoolerKilled => {
                Means::Server
            }
        }
    }

    /// Whether the victim can't learn anything while it lasts: then it accepts nothing once the
    /// bound has passed.
    pub(super) const fn cuts_off(self) -> bool {
        matches!(
            self,
            Self::Refused
                | Self::BlackHoled
                | Self::PrimaryBlackHoled
                | Self::ServerKilled
                | Self::ServerPaused
                | Self::PoolerKilled
        )
    }

    pub(super) async fn begin(self, scene: &Scene) -> Result<(), Failure> {
        match self {
            Self::Paused => scene.victim().pause(),
            Self::ClockStepped(micros) => scene.victim().step_clock(micros).await,
            Self::ServerKilled => scene.kill_server().await,
            Self::ServerPaused => scene.pause_server().await,
            Self::PoolerKilled => {
                scene.kill_pooler();
                Ok(())
            }
            Self::SessionsEnded => Ok(()),
            _ => self.break_network(scene).await,
        }
    }

    /// Lets it last for so long. Some faults must be repeated to last.
    pub(super) async fn last(self, scene: &Scene, span: Duration) -> Result<(), Failure> {
        const PERIOD: Duration = Duration::from_millis(100);
        let end = tokio::time::Instant::now() + span;
        while matches!(self, Self::Reset | Self::SessionsEnded)
            && tokio::time::Instant::now() + PERIOD < end
        {
            match (self, scene.network()) {
                (Self::SessionsEnded, _) => scene.end_sessions().await?,
                (_, Some(network)) => network.all().for_each(Proxy::reset_connections),
                (_, None) => {}
            }
            tokio::time::sleep(PERIOD).await;
        }
        tokio::time::sleep_until(end).await;
        Ok(())
    }

    pub(super) async fn end(self, scene: &Scene) -> Result<(), Failure> {
        match self {
            Self::Paused => scene.victim().resume(),
            Self::ClockStepped(micros) => scene.victim().step_clock(-micros).await,
            Self::ServerKilled => scene.restart_server().await,
            Self::ServerPaused => {
                scene.resume_server();
                Ok(())
            }
            Self::PoolerKilled => scene.start_pooler().await,
            Self::SessionsEnded => Ok(()),
            _ => match scene.network() {
                Some(network) => {
                    network.all().for_each(Proxy::heal);
                    Ok(())
                }
                None => scene.victim().fault(StoreFault::None).await,
            },
        }
    }

    async fn break_network(self, scene: &Scene) -> Result<(), Failure> {
        let Some(network) = scene.network() else {
            let fault = match self {
                Self::NotificationsLost => StoreFault::Silent,
                Self::Refused => StoreFault::Unavailable,
                Self::BlackHoled => StoreFault::Hanging,
                _ => StoreFault::None,
            };
            return scene.victim().fault(fault).await;
        };
        match self {
            Self::NotificationsLost => network.notifications.black_hole(),
            Self::ListenerKilled => network.notifications.cut(),
            Self::Refused => network.all().for_each(Proxy::cut),
            Self::BlackHoled => network.all().for_each(Proxy::black_hole),
            Self::PrimaryBlackHoled => {
                network.store.black_hole();
                network.notifications.black_hole();
            }
            Self::Slow(millis) => {
                let delay = Duration::from_millis(millis);
                network.all().for_each(|way| way.delay(delay));
            }
            _ => {}
        }
        Ok(())
    }
}
