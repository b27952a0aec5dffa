//! The sudden death of one process, as it comes to functions on AWS: of memory, of a host, of a panic that aborts.

use std::time::Instant;

use super::{Phase, Pool, State};
use crate::instance::Instance;

impl Pool {
    /// Whether a process of this function signs with that key; if so, whether it is being killed.
    pub(crate) fn dying(&self, access_key: &str) -> Option<bool> {
        self.state().process(access_key).map(|instance| instance.killed)
    }

    /// Kills the process that signs with that key; false if there is none.
    pub(crate) fn kill(&self, access_key: &str) -> bool {
        let mut state = self.state();
        let State { idle, instances, .. } = &mut *state;
        let Some((id, instance)) = instances.iter_mut().find(|(_, instance)| &*instance.access_key == access_key)
        else {
            return false;
        };
        (instance.killed, instance.retire) = (true, true);
        if let Phase::Idle { .. } = instance.phase {
            idle.retain(|(parked, _)| parked != id);
            instance.phase = Phase::Between { since: Instant::now() };
        }
        instance.kill.notify_one();
        true
    }

    /// Completes when that process is dead and reaped.
    pub(crate) async fn gone(&self, access_key: &str) {
        loop {
            let ended = self.ended.notified(); // before the look, so that no end is missed
            if self.state().process(access_key).is_none() {
                return;
            }
            ended.await;
        }
    }
}

impl State {
    fn process(&self, access_key: &str) -> Option<&Instance> {
        self.instances.values().find(|instance| &*instance.access_key == access_key)
    }
}
