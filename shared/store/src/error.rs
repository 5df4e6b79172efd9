//! Why the table did not answer.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use std::fmt;

/// Why the table did not answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Throttled, unreachable or too slow: trying again later may work.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// A request DynamoDB refuses or an item that cannot be read: a fault of ours.
    #[error("the database refused: {0}")]
    Fault(String),
}

/// What an SDK error says, for the operator.
pub(crate) fn describe<E: ProvideErrorMetadata + fmt::Debug, R: fmt::Debug>(error: &SdkError<E, R>) -> String {
    match error {
        SdkError::ServiceError(service) => format!(
            "{}: {}",
            service.err().code().unwrap_or("unknown error"),
            service.err().message().unwrap_or("no message")
        ),
        SdkError::DispatchFailure(failure) => {
            format!("cannot connect: {:?}", failure.as_connector_error().map(ToString::to_string))
        }
        SdkError::TimeoutError(_) => "timed out".to_owned(),
        other => format!("{other:?}"),
    }
}

/// Sorts an SDK error into "try later" and "our fault". Codes decide, never texts.
pub(crate) fn store_error<E: ProvideErrorMetadata + fmt::Debug, R: fmt::Debug>(error: &SdkError<E, R>) -> StoreError {
    const TRY_LATER: &[&str] = &[
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "RequestLimitExceeded",
        "InternalServerError",
        "TransactionInProgressException",
        "LimitExceededException",
        "ServiceUnavailable",
        "ResourceNotFoundException",
    ];
    match error {
        SdkError::ServiceError(service) => {
            let code = service.err().code().unwrap_or_default();
            if code.is_empty() || TRY_LATER.contains(&code) {
                StoreError::Unavailable(describe(error))
            } else {
                StoreError::Fault(describe(error))
            }
        }
        SdkError::ConstructionFailure(_) => StoreError::Fault(describe(error)),
        _ => StoreError::Unavailable(describe(error)),
    }
}

impl From<anyspend_lists::Damaged> for StoreError {
    fn from(damaged: anyspend_lists::Damaged) -> Self {
        Self::Fault(damaged.to_string())
    }
}
