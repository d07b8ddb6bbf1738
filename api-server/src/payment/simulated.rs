//! The payments of one server without HTTP and without a feed, for simulations.
//!
//! What pays and what reconciles is what the server runs; a simulation brings the cluster's client
//! and the provider, and may end the server at any point of either.

use std::sync::Arc;

use ed25519_dalek::SigningKey;
use rowlock_client::types::{Booking, BookingId, EventId};
use rowlock_client::{Answered, Client};
use rowlock_proto::{ErrorCode, UserId};
use tokio::time::Instant;

use super::Provider;
use super::pay::{Paid, Payment, pay_here};
use super::reconcile::Reconciler;
use crate::app::{App, Options};
use crate::auth::Tokens;
use crate::http::idempotency::Request;
use crate::search::{Identity, Index};
use crate::tickets::Signer;

/// See the module. Clones are the same server.
#[derive(Clone, Debug)]
pub struct Payments {
    app: App,
    reconciler: Reconciler,
}

impl Payments {
    pub fn new(client: Client, provider: Arc<dyn Provider>) -> Self {
        let key = SigningKey::from_bytes(&[7; 32]);
        // Nobody searches here.
        let index = Index::in_memory(Identity { cluster: [0; 16], shards: 0 })
            .expect("an empty index in memory");
        let app = App::new(
            Arc::new(client),
            provider,
            index,
            Tokens::new(&key),
            Signer::new(key),
            Options::default(),
        );
        Self { app, reconciler: Reconciler::default() }
    }

    /// What one request to pay does. `name` is the caller's own for it, so that it can be sent again.
    pub async fn pay(
        &self,
        booking: BookingId,
        user: UserId,
        method: &str,
        name: u128,
    ) -> Result<Answered<Booking>, ErrorCode> {
        let payment = Payment {
            booking,
            user,
            method: method.to_owned(),
            amount: None,
            request: Request::named(name),
            fingerprint: [0; 32],
        };
        match pay_here(&self.app, payment).await.map_err(|problem| problem.code())? {
            Paid::Done(booking) => Ok(booking),
            Paid::Action { .. } => Err(ErrorCode::PaymentActionRequired),
        }
    }

    /// Looks through the events for what was left behind, and brings it to its end.
    pub async fn reconcile(&self, events: &[EventId]) {
        for &event in events {
            self.reconciler.look_through(event);
        }
        self.reconciler.round(&self.app, Instant::now()).await;
    }
}
