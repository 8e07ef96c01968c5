//! What a proxy reports of its workload while it is connected.

use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::model::report::{Report, Said};
use crate::serve::connections::Connection;
use crate::serve::envelope::Request;
use crate::serve::registration::Member;

/// The reports of one connection.
pub(super) struct Reports {
    /// To whom, and of what; None where nobody listens, or the proxy stands for no WorkloadEntry.
    to: Option<(mpsc::Sender<Report>, Member)>,
}

impl Reports {
    /// Of a proxy that just connected, which is the first report.
    pub(super) async fn begin(
        listener: Option<&mpsc::Sender<Report>>,
        member: Option<Member>,
        connection: &Connection,
    ) -> Reports {
        let reports = Reports { to: listener.cloned().zip(member) };
        reports.say(connection, Said::Connected).await;
        reports
    }

    /// A request of the type of health reports: an error tells that the workload is not healthy.
    pub(super) async fn health(&self, connection: &Connection, request: &Request) {
        let said = match &request.error {
            None => Said::Healthy,
            Some(error) => Said::Unhealthy(error.message.as_str().into()),
        };
        self.say(connection, said).await;
    }

    /// The connection ended.
    pub(super) async fn end(self, connection: &Connection) {
        self.say(connection, Said::Disconnected).await;
    }

    async fn say(&self, connection: &Connection, said: Said) {
        let Some((sender, member)) = &self.to else { return };
        let report = Report {
            entry: member.entry.clone(),
            registers: member.registers.then(|| connection.proxy.clone()),
            connected: connection.connected,
            at: Timestamp::now(),
            said,
        };
        // Nobody listens any more at the end of the process.
        let _ = sender.send(report).await;
    }
}
