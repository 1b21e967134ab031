//! Reads a user's own types: a TOML file of `[[type]]` with a name and
//! conditions. docs/types.md describes it for users.

pub(crate) mod error;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use toml::Spanned;
use vmrec_sampler::{
    Confidence, Family, Label, Protection, Rebuilt, Region, RegionType, Rule, UserRule,
};

use crate::args::TypesArgs;
use crate::failure::Failure;
use crate::parse::size_of;
use crate::toml_text;
use crate::toml_text::line_of;
use crate::types_file::error::{TypesError, Wrong};

/// Returns the rules of the file the user named, none if there is none.
pub(crate) fn rules(args: &TypesArgs) -> Result<Vec<UserRule>, Failure> {
    let Some(path) = &args.types else { return Ok(Vec::new()) };
    Ok(read(path)?)
}

/// Gives the regions of a recorded sample the types of the user's rules.
pub(crate) fn apply(rules: &[UserRule], regions: &mut [Region]) {
    if rules.is_empty() {
        return;
    }
    let mappings = Rebuilt::of(regions).mappings;
    for region in regions {
        let within = mappings.iter().find(|mapping| mapping.range.overlaps(region.identity.range));
        let rule = within.and_then(|mapping| rules.iter().find(|rule| rule.matches(mapping)));
        if let Some(rule) = rule {
            Arc::make_mut(&mut region.identity).label = label(rule);
        }
    }
}

/// Returns the label a rule of the user gives.
fn label(rule: &UserRule) -> Label {
    Label {
        region_type: rule.region_type.clone(),
        detail: rule.detail.clone(),
        confidence: Confidence::Sure,
        rule: Rule::User,
    }
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "type", default)]
    types: Vec<Spanned<Type>>,
}

/// One `[[type]]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Type {
    name: Spanned<String>,
    family: Option<Spanned<String>>,
    object: Option<String>,
    anon_name: Option<String>,
    min_size: Option<Spanned<Size>>,
    max_size: Option<Spanned<Size>>,
    protection: Option<Spanned<String>>,
}

/// Bytes, or text such as `64M`.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a size is a number of bytes or text such as \"64M\"")]
enum Size {
    Bytes(i64),
    Text(String),
}

fn read(path: &Path) -> Result<Vec<UserRule>, TypesError> {
    let wrong = |what| TypesError { path: path.to_owned(), line: None, what };
    let text = toml_text::read(path).map_err(|source| wrong(Wrong::Read(source)))?;
    let text = text.ok_or_else(|| wrong(Wrong::TooLong))?;
    parse(&text).map_err(|(offset, what)| TypesError {
        path: path.to_owned(),
        line: offset.map(|offset| line_of(&text, offset)),
        what,
    })
}

/// An error with the byte where it is, if that is known.
type Placed = (Option<usize>, Wrong);

fn parse(text: &str) -> Result<Vec<UserRule>, Placed> {
    let file: File = toml::from_str(text).map_err(|error| {
        let offset = error.span().map(|span| span.start);
        (offset, Wrong::Toml(error.message().trim_end().to_owned()))
    })?;
    file.types.into_iter().map(rule).collect()
}

fn rule(written: Spanned<Type>) -> Result<UserRule, Placed> {
    let Range { start, .. } = written.span();
    let written = written.into_inner();
    let name = written.name.get_ref().trim();
    if name.is_empty() {
        return Err((Some(written.name.span().start), Wrong::Name));
    }
    let known = RegionType::known_as(name);
    let family = match &written.family {
        Some(family) => Family::known_as(family.get_ref())
            .ok_or_else(|| (Some(family.span().start), Wrong::Family(family.get_ref().clone())))?,
        // A type that vmrec knows keeps its family.
        None => known.as_ref().map_or(Family::VmAllocate, RegionType::family),
    };
    let region_type = known
        .filter(|known| known.family() == family)
        .unwrap_or_else(|| RegionType::named(name, family));
    let rule = UserRule {
        region_type,
        detail: None,
        object: written.object,
        anon_name: written.anon_name,
        min_bytes: written.min_size.as_ref().map(bytes).transpose()?,
        max_bytes: written.max_size.as_ref().map(bytes).transpose()?,
        protection: written.protection.as_ref().map(protection).transpose()?,
    };
    if let (Some(min), Some(max)) = (rule.min_bytes, rule.max_bytes)
        && min > max
    {
        return Err((Some(start), Wrong::NoSize));
    }
    let any = rule.object.is_some()
        || rule.anon_name.is_some()
        || rule.min_bytes.is_some()
        || rule.max_bytes.is_some()
        || rule.protection.is_some();
    if any { Ok(rule) } else { Err((Some(start), Wrong::NoCondition)) }
}

fn bytes(size: &Spanned<Size>) -> Result<u64, Placed> {
    let offset = Some(size.span().start);
    match size.get_ref() {
        Size::Bytes(bytes) => {
            u64::try_from(*bytes).map_err(|_| (offset, Wrong::Size(bytes.to_string())))
        }
        Size::Text(text) => size_of(text.trim()).ok_or_else(|| (offset, Wrong::Size(text.clone()))),
    }
}

fn protection(written: &Spanned<String>) -> Result<Protection, Placed> {
    let text = written.get_ref();
    (0..8)
        .map(Protection::from_bits)
        .find(|rights| rights.to_string() == *text)
        .ok_or_else(|| (Some(written.span().start), Wrong::Protection(text.clone())))
}

#[cfg(test)]
mod tests {
    use vmrec_sampler::types;

    use super::*;

    #[test]
    fn types_and_families_have_a_key_and_a_label() {
        let types_of = |lines: &str| {
            let rules = parse(&format!("[[type]]\n{lines}\nobject = '*'\n")).unwrap();
            rules[0].region_type.clone()
        };
        for name in ["__BSS", ".bss"] {
            assert_eq!(types_of(&format!("name = '{name}'")), types::BSS);
        }
        for family in ["image", "program + libraries"] {
            assert_eq!(types_of(&format!("name = '.bss'\nfamily = '{family}'")), types::BSS);
        }
        let own = types_of("name = '.bss'\nfamily = 'malloc'");
        assert_eq!(own, RegionType::named(".bss", Family::Malloc));
    }

    #[test]
    fn conditions_are_read_and_families_found() {
        let rules = parse(
            "[[type]]\nname = 'Weights'\nfamily = 'mapped file'\nobject = '*.gguf'\nmin_size = '64M'\n\
             [[type]]\nname = 'Stack'\nmax_size = 8192\nprotection = 'rw-'\n\
             [[type]]\nname = 'arena'\nanon_name = 'x*'\n",
        )
        .unwrap();
        assert_eq!(rules[0].region_type, RegionType::named("Weights", Family::MappedFile));
        assert_eq!(
            (rules[0].object.as_deref(), rules[0].min_bytes),
            (Some("*.gguf"), Some(64 << 20))
        );
        assert_eq!((&rules[1].region_type, rules[1].max_bytes), (&types::STACK, Some(8192)));
        assert_eq!(rules[1].protection, Some(Protection::READ.union(Protection::WRITE)));
        assert_eq!(rules[2].region_type.family(), Family::VmAllocate);
        assert_eq!(rules[2].anon_name.as_deref(), Some("x*"));
        assert!(parse("").unwrap().is_empty());
    }

    #[test]
    fn sizes_carry_units() {
        assert_eq!(
            ["0", "4096", "4K", "64M", "2 G", "1T"].map(size_of),
            [Some(0), Some(4096), Some(4096), Some(64 << 20), Some(2 << 30), Some(1 << 40)]
        );
        for wrong in ["", "K", "-1", "1.5M", "64MB", "99999999999999T", "４K"] {
            assert_eq!(size_of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn errors_name_their_line() {
        let line = |text: &str| parse(text).unwrap_err().0.map(|offset| line_of(text, offset));
        assert_eq!(line("\n[[type]]\nname = ' '\nobject = '*'\n"), Some(3));
        assert_eq!(line("[[type]]\nname = 'a'\nobject = '*'\nfamily = 'b'\n"), Some(4));
        assert_eq!(line("[[type]]\nname = 'a'\n\nmin_size = '4X'\n"), Some(4));
        assert_eq!(line("[[type]]\nname = 'a'\nmin_size = -4\n"), Some(3));
        assert_eq!(line("[[type]]\nname = 'a'\nprotection = 'rwz'\n"), Some(3));
        assert_eq!(line("[[type]]\nname = 'a'\ncolour = 'red'\n"), Some(3));
        assert_eq!(line("\n\n[[type]]\nname = 'a'\n"), Some(3));
        assert_eq!(line("[[type]]\nname = 'a'\nmin_size = 2\nmax_size = 1\n"), Some(1));
        assert_eq!(line("[[type]\n"), Some(1));
    }
}
