//! A bar in a table that shows how large a change is beside the others.

use maud::{Markup, html};

/// Returns a bar as long as a change is large beside the largest.
pub(crate) fn bar(change: Option<i128>, largest: u128) -> Markup {
    let part = change.map_or(0, i128::unsigned_abs).saturating_mul(1000) / largest.max(1);
    let class = if change.is_some_and(|change| change < 0) { "bar fell" } else { "bar" };
    html! { i class=(class) style={ "width:" (part / 10) "." (part % 10) "%" } {} }
}
