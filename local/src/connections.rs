//! Who is connected: how many at most, and who must go when there are more.
//!
//! A connection either waits for its client (for a head, for the rest of a body, for the next request) or is at work.
//! Those that wait are let go when room is needed, the longest wait first; those at work never are. So whoever holds
//! connections open without asking for anything takes the place of nobody who asks.

use anyspend_api::caller::client_network;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// How many connections there may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Most {
    /// In all: well below the 1,024 files that a process may commonly have open.
    pub(crate) in_all: usize,
    /// Of one client: an IPv4 address, or an IPv6 /64.
    pub(crate) of_one: usize,
}

/// The connections of a listener.
#[derive(Debug)]
pub(crate) struct Connections {
    most: Most,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    /// Grows with everything that happens: it names connections and says which waits longer.
    moment: u64,
    by_id: BTreeMap<u64, Entry>,
}

#[derive(Debug)]
struct Entry {
    network: String,
    /// Since when it waits for its client; `None` while it is at work.
    waits_since: Option<u64>,
    let_go: Arc<Notify>,
}

/// One connection's place, which is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Admitted {
    id: u64,
    let_go: Arc<Notify>,
    connections: Arc<Connections>,
}

impl Connections {
    pub(crate) fn new(most: Most) -> Arc<Self> {
        Arc::new(Self { most, table: Mutex::default() })
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes room for a connection, or says that there is none because all are at work.
    pub(crate) fn admit(self: &Arc<Self>, client: IpAddr) -> Option<Admitted> {
        let network = client_network(client);
        let mut table = self.table();
        let of_one = table.of(&network);
        if of_one >= self.most.of_one {
            table.let_go(&network)?;
        } else if table.by_id.len() >= self.most.in_all {
            let busiest = table.busiest_waiting()?;
            table.let_go(&busiest)?;
        }
        let id = table.next();
        let let_go = Arc::new(Notify::new());
        table.by_id.insert(id, Entry { network, waits_since: Some(id), let_go: let_go.clone() });
        Some(Admitted { id, let_go, connections: self.clone() })
    }
}

impl Table {
    fn next(&mut self) -> u64 {
        self.moment += 1;
        self.moment
    }

    fn of(&self, network: &str) -> usize {
        self.by_id.values().filter(|entry| entry.network == network).count()
    }

    /// The client with the most connections among those of which one waits.
    fn busiest_waiting(&self) -> Option<String> {
        let mut counts: BTreeMap<&str, (usize, bool)> = BTreeMap::new();
        for entry in self.by_id.values() {
            let (count, waits) = counts.entry(&entry.network).or_default();
            *count += 1;
            *waits |= entry.waits_since.is_some();
        }
        let waiting = counts.into_iter().filter(|(_, (_, waits))| *waits);
        waiting.max_by_key(|(_, (count, _))| *count).map(|(network, _)| network.to_owned())
    }

    /// Ends the connection of a client that has waited longest; `None` when none waits.
    fn let_go(&mut self, network: &str) -> Option<()> {
        let of_client = self.by_id.iter().filter(|(_, entry)| entry.network == network);
        let (_, id) = of_client.filter_map(|(id, entry)| entry.waits_since.map(|since| (since, *id))).min()?;
        self.by_id.remove(&id)?.let_go.notify_one();
        Some(())
    }
}

impl Admitted {
    /// Its client has said all it has to say for now.
    pub(crate) fn works(&self) {
        self.set(false);
    }

    /// It is its client's turn again.
    pub(crate) fn waits(&self) {
        self.set(true);
    }

    /// Resolves when the connection must make room for another.
    pub(crate) async fn let_go(&self) {
        self.let_go.notified().await;
    }

    fn set(&self, waits: bool) {
        let mut table = self.connections.table();
        let moment = table.next();
        if let Some(entry) = table.by_id.get_mut(&self.id) {
            entry.waits_since = waits.then_some(moment);
        }
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.connections.table().by_id.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::{Duration, timeout};

    async fn is_let_go(connection: &Admitted) -> bool {
        timeout(Duration::ZERO, connection.let_go()).await.is_ok()
    }

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[tokio::test]
    async fn whoever_has_waited_longest_makes_room_and_who_is_at_work_never_does() {
        let all = Connections::new(Most { in_all: 10, of_one: 2 });
        let one = all.admit(ip(1)).unwrap();
        let other = all.admit(ip(1)).unwrap();
        one.works();
        let third = all.admit(ip(1)).unwrap();
        assert!(!is_let_go(&one).await && is_let_go(&other).await);
        third.works();
        assert!(all.admit(ip(1)).is_none());
        assert!(all.admit(ip(2)).is_some());
        one.waits();
        assert!(all.admit(ip(1)).is_some());
        assert!(is_let_go(&one).await && !is_let_go(&third).await);
    }

    #[tokio::test]
    async fn where_all_places_are_taken_the_client_with_the_most_of_them_gives_one_up() {
        let all = Connections::new(Most { in_all: 3, of_one: 3 });
        let honest = all.admit(ip(1)).unwrap();
        let hoard = [all.admit(ip(2)).unwrap(), all.admit(ip(2)).unwrap()];
        let newcomer = all.admit(ip(3)).unwrap();
        assert!(!is_let_go(&honest).await && is_let_go(&hoard[0]).await && !is_let_go(&hoard[1]).await);
        drop(newcomer);
        assert!(all.admit(ip(3)).is_some());
        assert!(!is_let_go(&hoard[1]).await);
    }
}
