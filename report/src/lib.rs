//! Series, deltas, charts, tables and export formats of vmrec recordings.
//!
//! Imports run one way: `error`, `text`, `metric`, `amounts`, `counting` and `limits` below `time`,
//! `series`, `diff`, `slope` and `recordings`, those below `finding`, and that below `chart`,
//! `check`, `compare`, `trend`, `diff/table`, `map_page`, `export`, `selftest`, `trigger` and `watch`; `page` is above all.
//! What other crates use is named here.

mod address_map;
mod amounts;
mod chart;
mod check;
mod compare;
mod comparison;
mod counting;
mod diff;
mod error;
mod export;
mod finding;
#[cfg(test)]
mod fixture;
mod heap;
mod limits;
mod map_page;
mod metric;
mod page;
mod recordings;
mod series;
mod session;
mod slope;
mod stacks;
mod text;
mod time;
mod trend;
mod trigger;
mod watch;

pub use crate::address_map::{AddressMapOptions, DrawnMap, address_map};
pub use crate::amounts::Amounts;
pub use crate::chart::draw;
pub use crate::chart::multiples::draw_multiples;
pub use crate::chart::options::{
    ChartContext, ChartKind, ChartMark, ChartOptions, Drawn, Means, Theme, TimeAxis,
};
pub use crate::chart::terminal::ink::TerminalColors;
pub use crate::chart::terminal::multiples::draw_terminal_multiples;
pub use crate::chart::terminal::{Terminal, draw_terminal};
pub use crate::check::limit::{Bound, Figure, Limit, Subject, USUAL_MAX_MAP_COUNT};
pub use crate::check::log::{check_github, check_junit};
pub use crate::check::run::Run;
pub use crate::check::table::{check_markdown, check_table};
pub use crate::check::verdict::{Check, LimitVerdict, Outcome, kept};
pub use crate::compare::Comparison;
pub use crate::compare::picture::draw_comparison;
pub use crate::compare::run::ComparedRun;
pub use crate::compare::sides::{CompareBy, Sides};
pub use crate::compare::table::{compare_markdown, compare_table};
pub use crate::counting::Counting;
pub use crate::diff::group::View;
pub use crate::diff::libraries::{Libraries, Library, LibrarySource};
pub use crate::diff::table::heading::{DiffLayout, Heading};
pub use crate::diff::table::{DEFAULT_ROWS, diff_markdown, diff_table};
pub use crate::diff::{Diff, RegionRow, diff};
pub use crate::error::Error;
#[cfg(feature = "parquet")]
pub use crate::export::parquet::{PARQUET_TABLES, ParquetStretch};
pub use crate::export::perfetto::PerfettoTrace;
pub use crate::finding::baseline::{Loading, LoadingWatch, WatchedSample, age_ns, begins_in_time};
pub use crate::finding::caveat::Caveat;
pub use crate::finding::clock::Clock;
pub use crate::finding::course::{Point, Turn};
pub use crate::finding::made_by::MadeBy;
pub use crate::finding::outcome::{Share, Shares, Verdict};
pub use crate::finding::shape::{Shape, Stretch as MarkedStretch};
pub use crate::finding::{Finding, Leader, Moments};
pub use crate::heap::copies::{CopiesDocument, copies_text};
pub use crate::heap::diff::{HeapAt, HeapDiff, HeapDiffDocument};
pub use crate::heap::diff_table::heap_diff_text;
pub use crate::heap::document::HeapDocument;
pub use crate::heap::group::HeapBy;
pub use crate::heap::leaks::{LeakSums, LeaksDocument, leaks_text};
pub use crate::heap::problem::problem_text;
pub use crate::heap::saved::{SavedHeap, SavedLeaks};
pub use crate::heap::table::heap_text;
pub use crate::limits::{LimitKind, RecordedLimit};
pub use crate::map_page::choice::RowChoice;
pub use crate::map_page::delta::delta_text;
pub use crate::map_page::options::{PageLayout, PageOptions, PageSource};
pub use crate::map_page::page_text;
pub use crate::map_page::vmmap::libraries::divided_ranges;
pub use crate::metric::{Metric, Unit};
pub use crate::page::heap::PageHeap;
pub use crate::page::input::{Page, PageCode, PageInput};
pub use crate::page::page;
pub use crate::page::plan::{PAGE_METRICS, PagePlan};
pub use crate::page::session::{SessionPageInput, session_page, session_page_end};
pub use crate::recordings::table::{info_text, list_table};
pub use crate::recordings::{Listed, Overview, overhead, signal_name};
pub use crate::series::Series;
pub use crate::series::builder::SeriesBuilder;
pub use crate::series::by::By;
pub use crate::series::filter::{TypeFilter, nearest_types};
pub use crate::series::means::Stretch;
pub use crate::series::objects::ObjectSums;
pub use crate::series::objects::named::{NamedObjects, ObjectSeries};
pub use crate::series::objects::owner::ObjectOwner;
pub use crate::series::tick::{SeriesKey, SeriesTick};
pub use crate::series::torn::TornValues;
pub use crate::session::diff::{ProcessAt, SessionDiff};
pub use crate::session::list::{ListedSession, session_list_table};
pub use crate::session::overview::{SessionOverview, session_text};
pub use crate::session::series::{
    SampledProcess, SessionMember, SessionSeriesBuilder, session_moments,
};
pub use crate::session::sizes::ProcessSizes;
pub use crate::session::table::{SessionHeading, SessionLayout, SessionView, session_table};
pub use crate::slope::{ENOUGH_SAMPLES, Slope};
pub use crate::stacks::choice::StackChoice;
pub use crate::stacks::document::{SessionStackDocument, StackDocument, StackMapDocument};
pub use crate::stacks::flame::{DrawnFlame, FlameHead, FlameOptions, flame};
pub use crate::stacks::folded::folded;
pub use crate::stacks::history::document::HistoryDocument;
pub use crate::stacks::history::page::HistoryHead;
pub use crate::stacks::history::{BlockHistory, HeldBlock, HeldEnd};
pub use crate::stacks::named::NamedStacks;
pub use crate::stacks::over_time::{StackPeaks, StacksOverTime};
pub use crate::stacks::pprof::{ProfileHead, pprof};
pub use crate::stacks::processes::ProcessStacks;
pub use crate::stacks::speedscope::Speedscope;
pub use crate::stacks::table::{StackLayout, session_stack_table, stack_map, stack_table};
pub use crate::stacks::{StackDiff, StackRow};
pub use crate::text::cell::Cell;
pub use crate::text::table::{Align, Column, Table};
pub use crate::time::span::{SPAN_END, is_open, named};
pub use crate::time::spec::{Resolved, TimeSpec, Timeline};
pub use crate::time::{Direction, direction};
pub use crate::trend::bounded::{DataSums, bounded_series};
pub use crate::trend::limit::{TimeLeft, TrendLimit};
pub use crate::trend::table::{TrendLayout, trend_table};
pub use crate::trend::warm_up::after_warm_up;
pub use crate::trend::{Trend, TrendOptions};
pub use crate::trigger::{Condition, ConditionState, Fired, Judged, Test};
pub use crate::watch::columns::{WatchColumn, watch_column, watch_columns, watch_highest};
pub use crate::watch::rows::{
    WATCH_TRAIL, WatchBase, WatchRow, watch_counted, watch_rows, watch_trail_ns,
};

/// Untrusted text, escaped for where it is shown.
pub mod escape {
    pub use crate::text::escape::terminal;
}

/// Sizes and durations as people read them.
pub mod units {
    pub use crate::text::units::{counted, duration, signed_size, size};
}

/// Results as JSON documents.
pub mod json {
    pub use crate::check::document::CheckDocument;
    pub use crate::compare::document::CompareDocument;
    pub use crate::export::json::diff::{DiffDocument, End};
    pub use crate::export::json::recording::{InfoDocument, ListRow};
    pub use crate::export::json::session::{SessionDiffDocument, SessionInfoDocument, SessionRow};
    pub use crate::export::json::snapshot::{SeriesRow, SessionSeriesRow, SnapshotDocument};
    pub use crate::export::json::write;
    pub use crate::trend::document::TrendDocument;
}

/// Results as CSV.
pub mod csv {
    pub use crate::export::csv::{
        diff, list, series, session_diff, session_list, session_series, session_snapshot, snapshot,
    };
}

/// Rows of any columns, such as those of a query, in each format.
pub mod rows {
    pub use crate::export::rows::{csv, distinct, expanded, json, table};
}

/// vmrec's figures beside those of the system.
pub mod selftest {
    pub use crate::comparison::shown::{Machine, SelftestDocument, text};
    pub use crate::comparison::tools::{TOOLS, Tool};
    pub use crate::comparison::{ComparedFigure, Figure, compare, passed};
}
