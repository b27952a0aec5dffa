//! How processes are replaced after a build, and how the pool ends.

use std::time::{Duration, Instant};

use super::{Phase, Pool, State};
use crate::InvokeError;
use crate::spawner::Stamp;

/// How long running invocations may take to finish at shutdown.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(2);

impl Pool {
    /// Retires processes of an older bootstrap; true if there were any.
    pub(crate) fn reload(&self) -> bool {
        let current = Stamp::of(&self.spec.bootstrap);
        let mut state = self.state();
        let State { idle, instances, .. } = &mut *state;
        let mut any = false;
        for (id, instance) in instances.iter_mut().filter(|(_, instance)| instance.stamp != current) {
            any = true;
            instance.retire = true;
            if let Phase::Idle { .. } = instance.phase {
                idle.retain(|(parked, _)| parked != id);
                instance.phase = Phase::Between { since: Instant::now() };
                instance.kill.notify_one();
            }
        }
        any
    }

    /// Refuses new calls and kills every process at once.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        for pending in state.queue.drain(..) {
            drop(pending.reply.send(Err(InvokeError::ShuttingDown)));
        }
        state.idle.clear();
        state.instances.values().for_each(|instance| instance.kill.notify_one());
    }

    pub(crate) async fn shutdown(&self) {
        {
            let mut state = self.state();
            state.closed = true;
            for pending in state.queue.drain(..) {
                drop(pending.reply.send(Err(InvokeError::ShuttingDown)));
            }
            for instance in state.instances.values() {
                if !matches!(instance.phase, Phase::Busy(_)) {
                    instance.kill.notify_one();
                }
            }
        }
        if tokio::time::timeout(SHUTDOWN_GRACE, self.empty()).await.is_err() {
            self.close();
            self.empty().await;
        }
    }

    async fn empty(&self) {
        loop {
            let ended = self.ended.notified(); // before the look, so that no end is missed
            if self.instances() == 0 {
                return;
            }
            ended.await;
        }
    }
}
