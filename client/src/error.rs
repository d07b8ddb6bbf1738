//! The three answers that are not "done", kept strictly apart.

use rowlock_proto::ErrorCode;

/// Why a call has no value to show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Decided: the command changed nothing, or the query found nothing.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// The command was sent and may or may not have been done. Only the same key tells.
    #[error("the outcome is not known")]
    Unknown,
    /// Nothing was done, and nothing of this call will be.
    #[error("unavailable: {reason}")]
    Unavailable { reason: String },
}

impl Error {
    /// The refusal's code, if this is a refusal.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused(refusal) => Some(refusal.code),
            Self::Unknown | Self::Unavailable { .. } => None,
        }
    }

    pub(crate) fn unavailable(reason: impl Into<String>) -> Self {
        Self::Unavailable { reason: reason.into() }
    }
}

/// Why a call was decided against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub code: ErrorCode,
    /// The seats that are the reason, where there are such.
    pub seats: Vec<u32>,
    /// A bound that was passed, where there is one.
    pub limit: u64,
    /// For people and logs; may be empty.
    pub detail: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code.as_str())?;
        if !self.seats.is_empty() {
            write!(f, " (seats {:?})", self.seats)?;
        }
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        Ok(())
    }
}
