//! Rules of the user, which precede the kernel's tags.

use std::sync::Arc;

use crate::classify::rebuild::Rebuilt;
use crate::classify::user::UserRule;
use crate::label::{Confidence, Label};
use crate::region::Region;
use crate::rule::Rule;

/// Gives `regions` the types of the user's rules. Unchanged ones share their identity with
/// `before`.
pub(crate) fn apply(rules: &[UserRule], regions: &mut [Region], before: &[Region]) {
    if rules.is_empty() {
        return;
    }
    let mappings = Rebuilt::of(regions).mappings;
    for region in regions {
        let range = region.identity.range;
        let at = mappings.partition_point(|mapping| mapping.range.end <= range.start);
        let within = mappings.get(at).filter(|mapping| mapping.range.overlaps(range));
        let Some(rule) = within.and_then(|mapping| rules.iter().find(|rule| rule.matches(mapping)))
        else {
            continue;
        };
        Arc::make_mut(&mut region.identity).label = Label {
            region_type: rule.region_type.clone(),
            detail: rule.detail.clone(),
            confidence: Confidence::Sure,
            rule: Rule::User,
        };
        let at = before.partition_point(|old| old.identity.range.start < range.start);
        if let Some(old) = before.get(at)
            && old.identity == region.identity
        {
            region.identity = Arc::clone(&old.identity);
        }
    }
}
