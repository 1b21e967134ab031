//! Reads kinds of regions and objects. A value that no recorder writes is an
//! error.

use rusqlite::types::{FromSql, ValueRef};
use vmrec_sampler::{Confidence, Family, Label, Object, Protection, Rule};

use crate::db::integer::from_column;
use crate::db::row_checksum::wrong;
use crate::tables::interner::KindKey;
use crate::tables::text_cache::Words;

/// Returns the kind of a row of `region_kind` with these values, without its object, and the number
/// of the object.
pub(crate) fn kind(
    values: [ValueRef<'_>; 11],
    words: &mut Words,
) -> rusqlite::Result<(KindKey, Option<i64>)> {
    let [_, protection, max, object, flags, name, family, sure, rule, detail, _] = values;
    let family = Family::from_name(family.as_str()?);
    let family = family.ok_or_else(|| wrong(6, "an unknown family"))?;
    let sure = sure.as_str()?;
    let confidence = Confidence::ALL.into_iter().find(|level| level.name() == sure);
    let kind = KindKey {
        protection: Protection::from_bits(u8::column_result(protection)?),
        max_protection: Option::<u8>::column_result(max)?.map(Protection::from_bits),
        object: None,
        flags: words.shared(flags.as_str()?),
        label: Label {
            region_type: words.region_type(name.as_str()?, family),
            confidence: confidence.ok_or_else(|| wrong(7, "an unknown confidence"))?,
            rule: Rule::named(rule.as_str()?),
            detail: detail.as_str_or_null()?.map(|detail| words.shared(detail).into()),
        },
    };
    Ok((kind, object.as_i64_or_null()?))
}

/// Returns the object of a row of `object` with these values.
pub(crate) fn object(values: [ValueRef<'_>; 7]) -> rusqlite::Result<Object> {
    let [_, name, major, minor, inode, deleted, _] = values;
    Ok(Object {
        name: name.as_str()?.into(),
        device: (u32::column_result(major)?, u32::column_result(minor)?),
        inode: from_column(inode.as_i64()?),
        deleted: bool::column_result(deleted)?,
    })
}
