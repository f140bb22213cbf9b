use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::config::{Host, LoadBalanceHosts, SslMode};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Connection, Error, Socket};

use crate::tls::Tls;

/// The servers of a URL, of which one is connected to: the first, in their order, that answers and is what
/// `target_session_attrs` asks for.
///
/// `tokio-postgres` tries them in turn as well, and waits for ever for one that takes a connection and then says
/// nothing, as a server does that was stopped, or one behind a proxy that lost it. Here each has its time.
#[derive(Clone)]
pub(crate) struct Hosts {
    each: Vec<Config>,
    patience: Duration,
    in_any_order: bool,
}

pub(crate) type TlsStream = <Tls as MakeTlsConnect<Socket>>::Stream;
pub(crate) type Connected = (Client, Connection<Socket, TlsStream>);

impl Hosts {
    /// All of them together have a quarter of the time that an operation may take, so that one that is
    /// dead leaves enough of it to the next.
    pub(crate) fn new(config: &Config, operation: Duration) -> Self {
        let each = each(config);
        let count = u32::try_from(each.len()).unwrap_or(u32::MAX);
        let patience = operation / 4 / count.max(1);
        Self {
            each,
            patience,
            in_any_order: config.get_load_balance_hosts() == LoadBalanceHosts::Random,
        }
    }

    /// Connects to one of them. As long as one says nothing and none says no, it tries again; the caller has
    /// a deadline.
    pub(crate) async fn connect(&self, tls: &Tls) -> Result<Connected, Error> {
        loop {
            let mut refused = None;
            for host in self.in_turn() {
                match timeout(self.patience, host.connect(tls.clone())).await {
                    Ok(Ok(connected)) => return Ok(connected),
                    Ok(Err(error)) => refused = Some(error),
                    Err(_) => {}
                }
            }
            if let Some(error) = refused {
                return Err(error);
            }
        }
    }

    fn in_turn(&self) -> impl Iterator<Item = &Config> {
        let (before, first) = self.each.split_at(self.first());
        first.iter().chain(before)
    }

    fn first(&self) -> usize {
        let random = RandomState::new().hash_one(0) % self.each.len().max(1) as u64;
        if self.in_any_order { usize::try_from(random).unwrap_or(0) } else { 0 }
    }
}

/// A configuration for each host. One whose parts don't fit together stays whole: it can't be connected to, and
/// says why.
fn each(config: &Config) -> Vec<Config> {
    let (names, addresses) = (config.get_hosts(), config.get_hostaddrs());
    let ports = config.get_ports();
    let count = names.len().max(addresses.len());
    let fits = |length: usize| length <= 1 || length == count;
    let pairs = names.is_empty() || addresses.is_empty() || names.len() == addresses.len();
    if count < 2 || !pairs || !fits(ports.len()) {
        return vec![config.clone()];
    }
    let one = |number: usize| {
        let mut one = without_hosts(config);
        match names.get(number) {
            Some(Host::Tcp(name)) => one.host(name.as_str()),
            // Nothing is encrypted on a socket of the machine, and its server would refuse to.
            #[cfg(unix)]
            Some(Host::Unix(path)) if addresses.is_empty() => {
                one.host_path(path).ssl_mode(SslMode::Disable)
            }
            #[cfg(unix)]
            Some(Host::Unix(path)) => one.host_path(path),
            None => &mut one,
        };
        addresses.get(number).map(|address| one.hostaddr(*address));
        ports.get(number).or(ports.first()).map(|port| one.port(*port));
        one
    };
    (0..count).map(one).collect()
}

fn without_hosts(config: &Config) -> Config {
    let mut copy = Config::new();
    copy.ssl_mode(config.get_ssl_mode())
        .ssl_negotiation(config.get_ssl_negotiation())
        .keepalives(config.get_keepalives())
        .keepalives_idle(config.get_keepalives_idle())
        .target_session_attrs(config.get_target_session_attrs())
        .channel_binding(config.get_channel_binding());
    config.get_user().map(|user| copy.user(user));
    config.get_password().map(|password| copy.password(password));
    config.get_dbname().map(|name| copy.dbname(name));
    config.get_options().map(|options| copy.options(options));
    config.get_application_name().map(|name| copy.application_name(name));
    config.get_connect_timeout().map(|timeout| copy.connect_timeout(*timeout));
    config.get_tcp_user_timeout().map(|timeout| copy.tcp_user_timeout(*timeout));
    config.get_keepalives_interval().map(|interval| copy.keepalives_interval(interval));
    config.get_keepalives_retries().map(|retries| copy.keepalives_retries(retries));
    copy
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> Config {
        url.parse().unwrap()
    }

    #[test]
    fn each_host_has_all_that_the_url_says_and_its_own_port() {
        let rest = "connect_timeout=3&application_name=app&target_session_attrs=read-write\
             &options=-c%20geqo%3Doff&keepalives=1&keepalives_idle=7&keepalives_interval=2\
             &keepalives_retries=4&tcp_user_timeout=9&sslmode=require&channel_binding=require";
        let both = parsed(&format!("postgres://u:p@one:1,two:2/d?{rest}"));
        let alone = [1, 2].map(|number| {
            let name = ["one", "two"][number - 1];
            parsed(&format!("postgres://u:p@{name}:{number}/d?{rest}"))
        });
        assert_eq!(each(&both), alone);
    }

    #[test]
    fn port_that_is_said_once_is_of_every_host() {
        let both = parsed("host=one,two port=7 user=u");
        assert_eq!(
            each(&both),
            ["one", "two"].map(|name| parsed(&format!("host={name} port=7 user=u")))
        );
    }

    #[test]
    fn socket_among_hosts_is_connected_to_in_the_clear_and_no_other_is() {
        let modes: Vec<_> = each(&parsed("host=/run,db user=u sslmode=require"))
            .iter()
            .map(Config::get_ssl_mode)
            .collect();
        assert_eq!(modes, [SslMode::Disable, SslMode::Require]);
    }

    #[test]
    fn what_does_not_fit_together_stays_whole() {
        for config in ["host=one,two,three port=1,2", "host=one,two hostaddr=127.0.0.1", "host=one"]
        {
            assert_eq!(each(&parsed(config)), [parsed(config)], "{config}");
        }
    }
}
