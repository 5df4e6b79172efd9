//! The one place that draws randomness: ids, short codes and keys all come from the operating system's CSPRNG.

/// Base-62 digits in ASCII order, so that encoded numbers sort like the numbers.
pub const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// `N` random bytes.
///
/// # Panics
/// When the operating system has no randomness to give, which no caller could survive either.
#[expect(
    clippy::panic,
    clippy::disallowed_methods,
    reason = "the one home of randomness; without it no id or key may be handed out"
)]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    if let Err(error) = getrandom::fill(&mut bytes) {
        panic!("the operating system's random source failed: {error}");
    }
    bytes
}

/// `length` uniformly random base-62 characters (5.95 bits each).
pub fn base62(length: usize) -> String {
    let mut text = String::with_capacity(length);
    while text.len() < length {
        for byte in bytes::<64>() {
            // 248 is the largest multiple of 62 in a byte: taking more would favour the first digits.
            if byte < 248 && text.len() < length {
                text.push(char::from(BASE62[usize::from(byte % 62)]));
            }
        }
    }
    text
}
