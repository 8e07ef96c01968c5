//! What one stream adds to the metrics.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use tonic::{Code, Status};

use super::refusals::Refusals;
use super::short_name;
use crate::metrics::{Family, Gauge, Metrics};
use crate::serve::connections::Connection;
use crate::serve::envelope::{Protocol, Request};
use crate::serve::push::wave::{Wave, Waves};
use crate::serve::stream::{Received, Refusal, Response};
use crate::serve::type_url::TypeUrl;
use crate::translate::ResourceType;

/// The counting of one stream.
pub(super) struct Count {
    metrics: Arc<Metrics>,
    method: [&'static str; 3],
    opened: Instant,
    /// When the change came that is not sent completely.
    changed: Option<Instant>,
    /// When it came here, until its first response is made.
    arrived: Option<Instant>,
    waves: Waves,
    /// What the proxy refuses at the moment.
    refused: Vec<(ResourceType, String)>,
}

impl Count {
    /// A stream is opened.
    pub fn new(metrics: Arc<Metrics>, protocol: Protocol) -> Count {
        let name = match protocol {
            Protocol::Sotw => "StreamAggregatedResources",
            Protocol::Delta => "DeltaAggregatedResources",
        };
        let service = "envoy.service.discovery.v3.AggregatedDiscoveryService";
        let method = [name, service, "bidi_stream"];
        metrics.grpc_started.with(&method).inc();
        let opened = Instant::now();
        Count {
            metrics,
            method,
            opened,
            changed: None,
            arrived: None,
            waves: Waves::default(),
            refused: Vec::new(),
        }
    }

    /// The stream is over.
    pub fn ended(&self, status: &Status) {
        let [name, service, kind] = self.method;
        self.metrics.grpc_handling.with(&self.method).observe_time(self.opened.elapsed());
        self.metrics.grpc_handled.with(&[&code_name(status.code()), name, service, kind]).inc();
        if status.code() == Code::Internal {
            self.metrics.internal_errors.inc();
        }
    }

    /// The stream waits in a queue, until what is returned is dropped.
    pub fn waits(&self, queue: &str) -> Waiting {
        let depth = self.metrics.queue_depth.with(&[queue]);
        depth.add(1.0);
        Waiting { depth }
    }

    /// The stream is turned away.
    pub fn refused(&self, reason: &str) {
        self.metrics.refused_streams.with(&[reason]).inc();
    }

    /// A message came; what it says.
    pub fn received(&self, message: Bytes, protocol: Protocol) -> Result<Request, Status> {
        self.metrics.grpc_received.with(&self.method).inc();
        #[allow(clippy::cast_precision_loss, reason = "messages are smaller than 2^52 bytes")]
        self.metrics.recv_max.raise_to(message.len() as f64);
        Request::decode(protocol, message)
    }

    /// What a request meant to the stream.
    pub fn outcome(
        &mut self,
        received: &Received,
        type_url: &TypeUrl,
        connection: &Connection,
        refusals: &Refusals,
    ) {
        let name = short_name(type_url);
        match received {
            Received::Refused(refusal) => {
                let err = code_name(Code::from_i32(refusal.code));
                self.metrics.rejects.with(&[name]).inc();
                log_refusal(refusal, type_url, connection, refusals);
                if let TypeUrl::Known(kind) = type_url
                    && let Some(gauges) = self.reject_gauges(*kind)
                {
                    gauges.with(&[&err, &connection.proxy.id]).set(1.0);
                    self.refused.push((*kind, err));
                }
            }
            Received::Acknowledged => {
                if let TypeUrl::Known(kind) = type_url {
                    self.accept(*kind, &connection.proxy.id);
                }
            }
            Received::Stale => self.metrics.expired_nonces.with(&[name]).inc(),
            Received::Subscribed | Received::Nothing => {}
        }
    }

    /// The proxy is gone: it refuses nothing any more.
    pub fn forget(&mut self, node: &str) {
        for kind in ResourceType::ALL {
            self.accept(kind, node);
        }
    }

    fn accept(&mut self, kind: ResourceType, node: &str) {
        let (accepted, refused) = std::mem::take(&mut self.refused)
            .into_iter()
            .partition(|(refused, _)| *refused == kind);
        self.refused = refused;
        let accepted: Vec<(ResourceType, String)> = accepted;
        for (kind, err) in accepted {
            if let Some(gauges) = self.reject_gauges(kind) {
                gauges.remove(&[&err, node]);
            }
        }
    }

    fn reject_gauges(&self, kind: ResourceType) -> Option<&Family<Gauge>> {
        match kind {
            ResourceType::Cluster => Some(&self.metrics.cds_reject),
            ResourceType::Endpoint => Some(&self.metrics.eds_reject),
            ResourceType::Listener => Some(&self.metrics.lds_reject),
            ResourceType::Route => Some(&self.metrics.rds_reject),
            ResourceType::Secret
            | ResourceType::Extension
            | ResourceType::NameTable
            | ResourceType::ProxyConfig => None,
        }
    }

    /// A new state came, with the change that made it.
    pub fn updated(&mut self, now: Instant, wave: Option<Arc<Wave>>) {
        self.changed.get_or_insert(wave.as_ref().map_or(now, |wave| wave.began()));
        self.arrived.get_or_insert(now);
        if let Some(wave) = wave {
            self.waves.add(wave);
        }
    }

    /// Whether the proxy has all that it wants, and answered everything that it was sent.
    pub fn settled(&mut self, settled: bool) {
        if settled && !self.waves.is_empty() {
            self.waves.settled(Instant::now());
        }
    }

    /// A response was made, in the time since `start`.
    pub fn made(&mut self, response: &Response, start: Instant) {
        let name = short_name(&response.type_url);
        self.metrics.push_time.with(&[name]).observe_time(start.elapsed());
        if let TypeUrl::Known(kind) = response.type_url {
            #[allow(clippy::cast_precision_loss, reason = "responses are smaller than 2^52 bytes")]
            let size = response.size() as f64;
            self.metrics.config_size.with(&[kind.type_url()]).observe(size);
        }
        self.metrics.pushes.with(&[name]).inc();
        self.waves.sent();
        if let Some(arrived) = self.arrived.take() {
            self.metrics.queue_time.observe_time(start.saturating_duration_since(arrived));
        }
    }

    /// A response was handed over, in the time since `start`. `current` says that the proxy was sent all
    /// that it wants.
    pub fn sent(&mut self, start: Instant, current: bool) {
        self.metrics.grpc_sent.with(&self.method).inc();
        self.metrics.send_time.observe_time(start.elapsed());
        if current && let Some(changed) = self.changed.take() {
            self.metrics.convergence_time.observe_time(changed.elapsed());
        }
    }
}

/// One line for all proxies that refuse the same; those of the others are for debugging.
fn log_refusal(
    refusal: &Refusal,
    type_url: &TypeUrl,
    connection: &Connection,
    refusals: &Refusals,
) {
    let TypeUrl::Known(kind) = type_url else { return };
    let Refusal { nonce, code, message } = refusal;
    let (name, nonce) = (kind.short_name(), format!("{nonce:x}"));
    let code = code_name(Code::from_i32(*code));
    let (connection, reason) = (&connection.id, message);
    if refusals.are_new(*kind, message, Instant::now()) {
        tracing::warn!(target: "ads", %connection, kind = name, nonce, code, %reason, "a proxy refuses its configuration");
    } else {
        tracing::debug!(target: "ads", %connection, kind = name, nonce, code, %reason, "another proxy refuses the same");
    }
}

/// A place in a queue.
pub(super) struct Waiting {
    depth: Arc<Gauge>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.depth.add(-1.0);
    }
}

/// A code as Go's gRPC spells it, which dashboards look for.
pub(in crate::serve) fn code_name(code: Code) -> String {
    match code {
        Code::Ok => "OK".to_owned(),
        Code::Cancelled => "Canceled".to_owned(),
        other => format!("{other:?}"),
    }
}
