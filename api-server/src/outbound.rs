//! HTTP calls to others, over TLS or in the clear as the address says. Bounded in time and size; what
//! goes wrong is one error, since nobody can tell what the other side made of the call.
//!
//! TLS is rustls with ring (no C++ to build) and the machine's own roots.

use std::time::Duration;

use axum::http::{Request, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

const CONNECT_TIME_MAX: Duration = Duration::from_secs(3);
/// Of an answer, no more is read.
const ANSWER_BYTES_MAX: usize = 1 << 20;
const IDLE_TIME_MAX: Duration = Duration::from_secs(30);

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("no answer in {0:?}")]
    Late(Duration),
    #[error("no connection, or it broke: {0}")]
    Broken(String),
}

/// A cheap handle; connections are kept and shared.
#[derive(Clone, Debug)]
pub(crate) struct Outbound(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

impl Outbound {
    /// Fails if TLS is wanted and this machine has no roots.
    pub(crate) fn new(tls: bool) -> std::io::Result<Self> {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(CONNECT_TIME_MAX));
        let provider = rustls::crypto::ring::default_provider();
        let builder = HttpsConnectorBuilder::new();
        let builder = if tls {
            builder.with_provider_and_native_roots(provider)?
        } else {
            let roots = rustls::RootCertStore::empty();
            let config = rustls::ClientConfig::builder_with_provider(provider.into())
                .with_safe_default_protocol_versions()
                .map_err(std::io::Error::other)?
                .with_root_certificates(roots)
                .with_no_client_auth();
            builder.with_tls_config(config)
        };
        let connector = builder.https_or_http().enable_http1().wrap_connector(http);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIME_MAX)
            .build(connector);
        Ok(Self(client))
    }

    /// The whole answer.
    pub(crate) async fn send(
        &self,
        request: Request<Full<Bytes>>,
        time: Duration,
    ) -> Result<(StatusCode, Bytes), Error> {
        let asking = async {
            let answer = self.0.request(request).await;
            let answer = answer.map_err(|error| Error::Broken(words(&error)))?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
            let body = body.map_err(|error| Error::Broken(words(error.as_ref())))?;
            Ok((status, body.to_bytes()))
        };
        tokio::time::timeout(time, asking).await.unwrap_or(Err(Error::Late(time)))
    }
}

/// An error with what caused it.
fn words(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
