//! Tests of the comma-separated exports.

use vmrec_store::ResidentSizes;

use super::*;
use crate::fixture::{before_and_after, detailed, heap, memory, recording, region, samples};

fn written(write: impl FnOnce(&mut Vec<u8>) -> Result<(), Error>) -> String {
    let mut bytes = Vec::new();
    write(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn each_view_has_one_line_a_row_and_as_many_cells_as_its_header() {
    let (from, to) = before_and_after();
    let changes = crate::diff::diff(&from, &to);
    let rows =
        [changes.families.len(), changes.types.len(), changes.objects.len(), changes.regions.len()];
    for (view, rows) in View::ALL.into_iter().zip(rows) {
        let text = written(|out| diff(out, &changes, view, Naming::Linux));
        assert_eq!(text.lines().count(), rows + 1);
    }
    let families = written(|out| diff(out, &changes, View::Family, Naming::Linux));
    let start: Vec<String> = families
        .lines()
        .map(|line| line.split(',').take(11).collect::<Vec<_>>().join(","))
        .collect();
    insta::assert_snapshot!(start.join("\n"), @r"
family,label,regions_from,regions_to,regions_delta,virtual_bytes_from,virtual_bytes_to,virtual_bytes_delta,resident_bytes_from,resident_bytes_to,resident_bytes_delta
malloc,malloc,1,1,0,4194304,16777216,12582912,3145728,14680064,11534336
image,program + libraries,2,3,1,1662976,1765376,102400,1253376,1355776,102400
stack,stack,3,2,-1,16912384,8523776,-8388608,114688,73728,-40960
kernel/device,kernel/device,1,1,0,4096,4096,0,0,0,0
");
}

#[test]
fn unknown_is_empty_and_text_starts_no_formula() {
    let hostile = region(0..4096, heap(), Some("/tmp/a,\"b\"\n"), &memory(4096, 0, 0));
    let one = crate::fixture::snapshot(0, Default::default(), vec![detailed(hostile, "=1+1")]);
    insta::assert_snapshot!(written(|out| snapshot(out, &one, Naming::Linux)), @r#"
start,end,type,label,family,family_label,detail,confidence,rule,protection,max_protection,share_mode,object,offset,provenance,virtual_bytes,resident_bytes,private_bytes,dirty_bytes,private_dirty_bytes,swapped_bytes,pss_bytes,anonymous_bytes,referenced_bytes,reclaimable_bytes,locked_bytes,huge_bytes
0x0,0x1000,MALLOC (brk heap),MALLOC (brk heap),malloc,malloc,'=1+1,sure,R1,rw-,rwx,PRV,"/tmp/a,""b""\n",0,measured,4096,4096,0,0,0,0,,,,,,
"#);
}

#[test]
fn recordings_and_series() {
    let mut recording = recording(1);
    recording.name = Some("@night".into());
    let last = samples().last().map(|sample| sample.taken);
    let resident = ResidentSizes::of(&samples());
    let recording = &recording;
    let rows = [Listed { recording, samples: 3, last, resident, running: false, file: None }];
    insta::assert_snapshot!(written(|out| list(out, &rows)), @r"
recording,pid,name,recording_name,samples,started,ended,running,why_ended,length_ns,interval_ns,peak_resident_bytes,growth_resident_bytes,file
1,4242,server,'@night,3,2026-03-01T13:00:00.000Z,2026-03-01T13:00:05.000Z,false,target_exited,5000000000,2000000000,67108864,46137344,1
");
    let values = [Some(4096), None]
        .map(|bytes| SeriesRow::new(0, ("image", "program + libraries"), "resident_bytes", bytes));
    insta::assert_snapshot!(written(|out| series(out, values)), @r"
time,utc_ns,key,label,quantity,value
1970-01-01T00:00:00.000Z,0,image,program + libraries,resident_bytes,4096
1970-01-01T00:00:00.000Z,0,image,program + libraries,resident_bytes,
");
}
