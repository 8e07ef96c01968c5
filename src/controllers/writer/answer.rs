//! What the API server's refusals mean to those who write.

use std::time::Duration;

/// Whether trying again is of no use: the object is gone or not like that, or we may not. A conflict, too much load
/// and everything that is the server's or the network's fault pass.
pub(super) fn is_final(error: &kube::Error) -> bool {
    match error {
        kube::Error::Api(status) => {
            (400..500).contains(&status.code) && !matches!(status.code, 401 | 408 | 409 | 429)
        }
        _ => false,
    }
}

/// Whether the object is not there.
pub(super) fn is_gone(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}

/// How long the server asks to be left alone.
pub(super) fn asked_pause(error: &kube::Error) -> Duration {
    let seconds = match error {
        kube::Error::Api(status) => status.details.as_ref().map_or(0, |d| d.retry_after_seconds),
        _ => 0,
    };
    Duration::from_secs(seconds.into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_final() {
        let error = |code| {
            let status =
                json!({"status": "Failure", "code": code, "details": {"retryAfterSeconds": 3}});
            kube::Error::Api(Box::new(serde_json::from_value(status).unwrap()))
        };
        for code in [400, 403, 404, 405, 413, 422] {
            assert!(is_final(&error(code)), "{code}");
        }
        for code in [401, 408, 409, 429, 500, 503, 504] {
            assert!(!is_final(&error(code)), "{code}");
        }
        assert_eq!(asked_pause(&error(429)), Duration::from_secs(3));
    }
}
