//! What a request is answered with.

/// An answer: its content and type.
pub(super) struct Answer {
    pub(super) content_type: &'static str,
    pub(super) body: String,
}

impl Answer {
    pub(super) const fn json(body: String) -> Self {
        Self { content_type: "application/json", body }
    }

    pub(super) const fn html(body: String) -> Self {
        Self { content_type: "text/html; charset=utf-8", body }
    }
}
