//! The view `latest`, for tools that read nothing but SQLite.

use std::sync::Arc;

use rusqlite::Connection;
use vmrec_sampler::{AddressRange, Identity, Object, Provenance, Quantity, ShareMode};
use vmrec_store::WhyEnded;

use crate::made_up::{at, begun, identity, snapshot};

#[test]
fn it_shows_the_last_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (mut writer, id) = begun(&path);
    let mut last = snapshot(150, 7);
    let object = Object { name: "/lib/a.so".into(), device: (8, 1), inode: 7, deleted: false };
    let vsyscall = AddressRange::new(0xffff_ffff_ff60_0000, 0xffff_ffff_ff60_1000);
    last.regions[3].identity =
        Arc::new(Identity { object: Some(object.into()), ..identity(3 << 24, 4096) });
    last.regions[149].identity = Arc::new(Identity { range: vsyscall, ..identity(0, 0) });
    last.regions[149].provenance = Provenance::Carried;
    last.regions[100].share_mode = None;
    last.regions[101].share_mode = Some(ShareMode::LargePage);
    for (index, region) in last.regions.iter_mut().enumerate() {
        let mut quantities = vmrec_sampler::Quantities::UNKNOWN;
        for (step, quantity) in Quantity::ALL.into_iter().enumerate() {
            if index / 40 != 1 || step % 3 != 0 {
                // Those of one row are multiples of nothing.
                let bytes = ((index * 7 + step * 5) % 11) as u64;
                quantities.set(quantity, if index / 30 == 2 { bytes } else { bytes << 12 });
            }
        }
        region.quantities = quantities;
    }
    writer.append(id, snapshot(9, 5)).unwrap();
    writer.append(id, last.clone()).unwrap();
    writer.end(id, at(9), &WhyEnded::Finished).unwrap();
    writer.close().unwrap();

    let file = Connection::open(&path).unwrap();
    let mut statement = file.prepare("SELECT * FROM latest").unwrap();
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let mut rows = statement.query([]).unwrap();
    for region in &last.regions {
        let row = rows.next().unwrap().expect("a row for each region");
        assert_eq!(row.get::<_, i64>("number").unwrap(), 2);
        assert_eq!(row.get::<_, i64>("recording").unwrap(), id.0);
        let range = region.identity.range;
        assert_eq!(row.get::<_, String>("start").unwrap(), format!("{:#x}", range.start));
        assert_eq!(row.get::<_, String>("end").unwrap(), format!("{:#x}", range.end));
        assert_eq!(row.get::<_, i64>("virtual_bytes").unwrap() as u64, range.virtual_bytes());
        let share = row.get::<_, Option<String>>("share_mode").unwrap();
        assert_eq!(share.as_deref(), region.share_mode.map(|mode| mode.name()));
        assert_eq!(row.get::<_, String>("provenance").unwrap(), region.provenance.name());
        let object = row.get::<_, Option<String>>("object").unwrap();
        assert_eq!(object.as_deref(), region.identity.object.as_ref().map(|of| &*of.name));
        for quantity in Quantity::ALL {
            assert!(columns.iter().any(|column| column == quantity.name()));
            let bytes = row.get::<_, Option<i64>>(quantity.name()).unwrap();
            let bytes = bytes.map(i64::cast_unsigned);
            assert_eq!(bytes, region.quantities.get(quantity), "{}", quantity.name());
        }
    }
    assert!(rows.next().unwrap().is_none());
}
