//! Rows back to what identities are made of. A value no recorder writes is an error.

use std::sync::Arc;

use rusqlite::types::{FromSql, ValueRef};
use vmrec_sampler::{AddressRange, Confidence, Family, Label, Object, Protection, Rule};

use crate::db::integer::from_column;
use crate::db::row_checksum::wrong;
use crate::tables::text_cache::Words;

/// What the rows of `region` tell of an identity: the numbers of its object and its kind are apart.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) range: AddressRange,
    pub(crate) protection: Protection,
    pub(crate) max_protection: Option<Protection>,
    pub(crate) object: Option<i64>,
    pub(crate) offset: u64,
}

/// What many regions have in common.
#[derive(Clone, Debug)]
pub(crate) struct RegionKind {
    pub(crate) flags: Arc<str>,
    pub(crate) label: Label,
}

/// Returns what the columns `start` to `offset` of a row of `region` tell.
pub(crate) fn place(values: [ValueRef<'_>; 6]) -> rusqlite::Result<Place> {
    let [start, end, protection, most, object, offset] = values;
    Ok(Place {
        // Not made with `new`, which would mend what is to come back as it was given.
        range: AddressRange {
            start: from_column(start.as_i64()?),
            end: from_column(end.as_i64()?),
        },
        protection: Protection::from_bits(u8::column_result(protection)?),
        max_protection: Option::<u8>::column_result(most)?.map(Protection::from_bits),
        object: object.as_i64_or_null()?,
        offset: from_column(offset.as_i64()?),
    })
}

/// Returns the kind that the columns `flags` to `detail` of a row of `region_kind` hold.
pub(crate) fn kind(values: [ValueRef<'_>; 6], words: &mut Words) -> rusqlite::Result<RegionKind> {
    let [flags, name, family, sure, rule, detail] = values;
    let family = Family::from_name(family.as_str()?);
    let family = family.ok_or_else(|| wrong(4, "an unknown family"))?;
    let sure = sure.as_str()?;
    let confidence = Confidence::ALL.into_iter().find(|level| level.name() == sure);
    Ok(RegionKind {
        flags: words.shared(flags.as_str()?),
        label: Label {
            region_type: words.region_type(name.as_str()?, family),
            confidence: confidence.ok_or_else(|| wrong(5, "an unknown confidence"))?,
            rule: Rule::named(rule.as_str()?),
            detail: detail.as_str_or_null()?.map(|detail| words.shared(detail).into()),
        },
    })
}

/// Returns the object that a row of `object` with these values is.
pub(crate) fn object(values: [ValueRef<'_>; 6]) -> rusqlite::Result<Object> {
    let [_, name, major, minor, inode, deleted] = values;
    Ok(Object {
        name: name.as_str()?.into(),
        device: (u32::column_result(major)?, u32::column_result(minor)?),
        inode: from_column(inode.as_i64()?),
        deleted: bool::column_result(deleted)?,
    })
}
