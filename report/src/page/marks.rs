//! The list of marks and spans of a page, with buttons that put the cursors there.

use maud::{Markup, html};

use crate::chart::marks::Moment;
use crate::finding::clock::Clock;
use crate::text::escape::terminal;

/// Returns the list, in the order and with the numbers that they have in the chart.
pub(crate) fn list(moments: &[Moment<'_>], clock: &Clock) -> Markup {
    let spans = moments.iter().any(|moment| moment.until_ns.is_some());
    html! {
        section #marks aria-labelledby="marks-title" {
            h2 #marks-title { @if spans { "Marks and spans" } @else { "Marks" } }
            ol {
                @for (index, moment) in moments.iter().enumerate() {
                    li { (entry(index, moment, clock)) }
                }
            }
        }
    }
}

/// Returns a mark, or a span with a cursor for each of its ends.
fn entry(index: usize, moment: &Moment<'_>, clock: &Clock) -> Markup {
    let number = index + 1;
    let goal = |cursor: &str| match (moment.until_ns, cursor) {
        (None, _) => format!("mark {number}"),
        (Some(_), "A") => format!("the begin of span {number}"),
        (Some(_), _) => format!("the end of span {number}"),
    };
    html! {
        time { (clock.moment(moment.at_ns)) }
        @if let Some(until_ns) = moment.until_ns {
            " to " time { (clock.moment(until_ns)) }
        }
        " "
        span { (terminal(moment.text)) }
        span.scripted hidden {
            @for cursor in ["A", "B"] {
                " "
                button type="button" data-cursor=(cursor.to_lowercase()) data-mark=(index)
                    aria-label={ "Cursor " (cursor) " to " (goal(cursor)) } {
                    (cursor)
                }
            }
        }
    }
}
