//! What DynamoDB allows: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>.

/// Most items of one transaction.
pub const TRANSACTION_ITEMS: usize = 100;
/// Most bytes of an item, names of attributes included.
pub const ITEM_BYTES: usize = 400 << 10;
/// Most keys of one `BatchGetItem`.
pub const BATCH_GET_KEYS: usize = 100;
/// Most items of one `BatchWriteItem`.
pub const BATCH_WRITE_ITEMS: usize = 25;
