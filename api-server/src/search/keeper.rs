//! The one that commits: what was put becomes visible in batches, since a commit costs more than a document.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::app::App;

/// From the beginning of a commit to the next: what bounds the lag, with the time that a commit takes.
const EVERY: Duration = Duration::from_millis(200);
/// The same while shards are being read for the first time: fewer and larger segments.
const EVERY_WHILE_READING: Duration = Duration::from_secs(3);

/// Commits until `stop`, and once more then.
pub(super) async fn keep(app: App, stop: CancellationToken) {
    let mut is_tidy = false;
    loop {
        let told = stop.run_until_cancelled(app.index.news.notified()).await;
        let began = Instant::now();
        if !commit(&app).await || told.is_none() {
            app.index.close();
            return;
        }
        if !is_tidy && app.index.is_whole() {
            is_tidy = true;
            let index = app.clone();
            tokio::task::spawn_blocking(move || tidy(&index));
        }
        let pause = if app.index.is_whole() { EVERY } else { EVERY_WHILE_READING };
        // Shards that were read end the longer pause.
        let rest = async {
            tokio::time::sleep_until(began + EVERY).await;
            tokio::select! {
                () = tokio::time::sleep_until(began + pause) => {}
                () = app.index.hurry.notified() => {}
            }
        };
        stop.run_until_cancelled(rest).await;
    }
}

/// Once all shards were read: what was committed bit by bit becomes one. If others are merging, it stays as it is.
fn tidy(app: &App) {
    if let Err(error) = app.index.tidy() {
        tracing::debug!(%error, "the search index stays in several segments");
    }
}

/// `false` if nothing more can be committed.
async fn commit(app: &App) -> bool {
    let index = app.clone();
    match tokio::task::spawn_blocking(move || index.index.commit()).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::error!(%error, "the search index can't be written; it stays as it is");
            app.index.fail();
            false
        }
        Err(error) => {
            tracing::error!(%error, "writing the search index");
            app.index.fail();
            false
        }
    }
}
