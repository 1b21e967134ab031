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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::darwin::regions::regions;
    use crate::darwin::tests::{entry, leaf};
    use crate::vocabulary::{Family, RegionType};

    #[test]
    fn the_users_types_go_before_tags_and_unchanged_regions_stay_the_same() {
        let rule = UserRule {
            region_type: RegionType::named("my pool", Family::RuntimeHeap),
            detail: Some("large".into()),
            object: None,
            anon_name: None,
            min_bytes: Some(0x8000),
            max_bytes: None,
            protection: None,
        };
        let mut large = leaf(entry(0x10_0000));
        large.entry.size = 0x8000;
        let leaves = [leaf(entry(0x1000)), large];
        let sampled = || regions(&leaves, 0x1000, None, &[]);
        let mut first = sampled();
        apply(&[], &mut first, &[]);
        assert_eq!(first, sampled(), "no rule changes nothing");
        apply(std::slice::from_ref(&rule), &mut first, &[]);
        let label = &first[1].identity.label;
        assert_eq!((label.region_type.name(), &label.rule), ("my pool", &Rule::User));
        assert_eq!(label.detail.as_deref(), Some("large"));
        assert_ne!(first[0].identity.label.rule, Rule::User, "too small");
        let mut second = sampled();
        apply(&[rule], &mut second, &first);
        assert!(Arc::ptr_eq(&first[1].identity, &second[1].identity));
    }
}
