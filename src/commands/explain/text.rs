//! The explanation as text.

use std::fmt::Write;

use vmrec_report::escape;
use vmrec_report::units::size;
use vmrec_sampler::{Evidence, Naming, Quantity, Rebuilt, Region, Switch, switches};

use crate::commands::explain::contents::Contents;
use crate::commands::explain::nearly::nearly;
use crate::commands::explain::own_type::own_type;
use crate::commands::explain::pattern::pattern;

/// The regions of a process, and what their types rest on.
pub(crate) struct Explained<'a> {
    pub(crate) regions: &'a [Region],
    pub(crate) evidence: Option<&'a Evidence>,
    pub(crate) naming: Naming,
}

impl Explained<'_> {
    /// Returns the explanation of the `chosen` regions, of at most `max` of them.
    pub(crate) fn text(&self, chosen: &[usize], max: usize) -> String {
        let mut text = String::new();
        let shown: Vec<&Region> =
            chosen.iter().take(max).filter_map(|index| self.regions.get(*index)).collect();
        for index in chosen.iter().take(max) {
            self.region(&mut text, *index);
        }
        if chosen.len() > max {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "… and {} more regions of this type\n", chosen.len() - max);
        }
        if let Some(first) = shown.first() {
            let _ = writeln!(text, "To name it yourself, write to a file for --types:\n");
            for line in own_type(first).lines() {
                let _ = writeln!(text, "    {}", escape::terminal(line));
            }
            self.switches(&mut text);
        }
        text
    }

    /// Writes how the process would say more of its memory itself.
    fn switches(&self, text: &mut String) {
        let Some(evidence) = self.evidence else { return };
        let mappings = Rebuilt::of(self.regions).mappings;
        let found = switches(&mappings, &evidence.facts);
        if !found.is_empty() {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "\nThe process would say more itself if it were started with\n");
        }
        for Switch { switch, gives } in found {
            let _ = writeln!(text, "    {switch}\n        {gives}");
        }
    }

    fn region(&self, text: &mut String, index: usize) {
        let Some(region) = self.regions.get(index) else { return };
        let identity = &region.identity;
        let label = &identity.label;
        let resident = region.quantities.get(Quantity::Resident);
        let resident = resident.map_or_else(|| "-".to_owned(), size);
        let _ = writeln!(
            text,
            "{} {}  {}, {resident} resident",
            identity.range,
            identity.protection,
            size(identity.range.virtual_bytes()),
        );
        let mut say = |key: &str, value: &str| {
            let _ = writeln!(text, "  {key:<10}{}", escape::terminal(value));
        };
        let detail = label.detail.as_ref().map(|detail| format!(" ({})", &**detail));
        let detail = detail.unwrap_or_default();
        let known_as = label.region_type.label(self.naming);
        say("type", &format!("{known_as}{detail}, {}", label.confidence.name()));
        if let Some(meaning) = label.region_type.meaning() {
            say("is", meaning);
        }
        say(
            "rule",
            &format!(
                "{}: {}",
                label.rule,
                label.rule.meaning().unwrap_or("unknown to this version")
            ),
        );
        if let Some(object) = &identity.object {
            say("object", &object.name);
        }
        if !identity.flags.is_empty() {
            say("flags", &identity.flags);
        }
        let below = index.checked_sub(1).and_then(|below| self.regions.get(below));
        say(
            "below",
            &self.neighbour(below, |other| {
                identity.range.start.checked_sub(other.identity.range.end)
            }),
        );
        let above = self.regions.get(index + 1);
        say(
            "above",
            &self.neighbour(above, |other| {
                other.identity.range.start.checked_sub(identity.range.end)
            }),
        );
        if let Some(alike) = pattern(self.regions, index) {
            say("alike", &alike);
        }
        if let Some(evidence) = self.evidence {
            if let Some(bytes) = evidence.peeks.get(&identity.range.start) {
                let hex: Vec<String> = bytes
                    .chunks(8)
                    .map(|word| word.iter().map(|byte| format!("{byte:02x}")).collect())
                    .collect();
                say("begins", &hex.join(" "));
            }
            if let Some(line) = Contents::of(identity.range, &evidence.peeks, self.regions).line() {
                say("holds", &line);
            }
        }
        for (rule, why) in nearly(self.regions, index, self.evidence) {
            say(&format!("not {rule}"), &why);
        }
        text.push('\n');
    }

    /// Returns the type of a neighbour and how far away it is.
    fn neighbour(&self, other: Option<&Region>, gap: impl Fn(&Region) -> Option<u64>) -> String {
        let Some(other) = other else { return "nothing".to_owned() };
        let identity = &other.identity;
        let kind = identity.label.region_type.label(self.naming);
        let bytes = size(identity.range.virtual_bytes());
        let object = identity.object.as_ref().map(|object| format!(" {}", object.name));
        let object = object.unwrap_or_default();
        match gap(other) {
            Some(0) => format!("touches {kind}{object}, {} {bytes}", identity.protection),
            Some(gap) => {
                format!("{} away: {kind}{object}, {} {bytes}", size(gap), identity.protection)
            }
            None => kind.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::explain::made_up::region;

    #[test]
    fn a_region_that_nothing_explains_is_described() {
        let regions = [region(0x10000, 0x20000, ""), region(0x30000, 0x40000, "\u{1b}[2Jbad")];
        let explained = Explained { regions: &regions, evidence: None, naming: Naming::Linux };
        let shown = explained.text(&[0, 1], 1);
        for line in [
            "  type      anonymous (unknown), unknown",
            "  rule      R20: Nothing explains the memory.",
            "  flags     p rd wr",
            "  below     nothing",
            "  alike     1 × 64K, aligned to 64K, rw-",
            "… and 1 more regions of this type",
            "    min_size = \"64K\"",
        ] {
            assert!(shown.lines().any(|shown| shown == line), "{line} is not in {shown}");
        }
        let shown = explained.text(&[1], 5);
        assert!(!shown.contains('\u{1b}'), "{shown}");
    }
}
