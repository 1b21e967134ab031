//! The types that words name, among those of a recording.

use vmrec_report::{By, Metric, SeriesKey, TypeFilter, nearest_types};
use vmrec_sampler::Naming;

use crate::args::SpanArgs;
use crate::failure::{Failure, Status};
use crate::recording::Opened;

impl Opened {
    /// Finds the types that words name.
    pub(crate) fn type_filter(
        &self,
        words: &[String],
        span: &SpanArgs,
    ) -> Result<TypeFilter, Failure> {
        let naming = Naming::of(&self.recording.host);
        if let Ok(filter) = TypeFilter::find(words, &[], naming) {
            return Ok(filter);
        }
        let there = self.types(span)?;
        TypeFilter::find(words, &there, naming).map_err(|word| unknown_type(&word, &there, naming))
    }

    /// States that none of the types named has a region.
    pub(crate) fn without_types(
        &self,
        words: &[String],
        span: &SpanArgs,
    ) -> Result<Failure, Failure> {
        let there = self.types(span)?;
        let none = anyhow::anyhow!("there is no region of `{}` in that time", words.join("`, `"));
        let hint = types_here(&there, Naming::of(&self.recording.host));
        Ok(Failure::new(Status::Recording, none).hint(hint))
    }

    /// Returns the types that have regions in a part of the recording.
    fn types(&self, span: &SpanArgs) -> Result<Vec<SeriesKey>, Failure> {
        let series = self.series(&[Metric::Regions], By::Type, span)?;
        let keys = series.into_iter().flat_map(|series| series.keys);
        Ok(keys.map(|of| of.key).collect())
    }
}

/// States that a word names no type, with those it is likest to.
pub(crate) fn unknown_type(word: &str, there: &[SeriesKey], naming: Naming) -> Failure {
    let nearest = nearest_types(word, there, naming);
    let hint = match nearest.is_empty() {
        true => types_here(there, naming),
        false => format!("did you mean {}?", nearest.join(", ")),
    };
    Failure::usage(format!("there is no type or family `{word}`")).hint(hint)
}

fn types_here(there: &[SeriesKey], naming: Naming) -> String {
    let labels = there.iter().map(|key| naming.type_label(&key.name, key.family));
    format!("the types here are {}", labels.collect::<Vec<_>>().join(", "))
}
