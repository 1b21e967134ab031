-- Version 1 of a vmrec recording.
--
-- Until release 0.1.0 this file is changed in place, and files of earlier drafts are refused. From
-- then on it never changes: what comes later is a new file beside it.
--
-- Sizes are bytes, times nanoseconds. Unsigned 64-bit values are stored as SQLite's signed
-- integers of the same bits: an address above 0x7fffffffffffffff reads as negative, and
-- printf('%x', start) shows it right.
--
-- A row's checksum is the CRC-32 of its table's name and its other values, as
-- store/src/db/row_checksum.rs defines it. Columns that a later version adds are null in old rows,
-- and nulls at the end are not summed, so that the checksums of old rows stay right.
--
-- `sample` and `frame` hold what was recorded since the last chunk. A chunk's samples, with those
-- that were pruned of them, are numbered from `first` to `last`; chunks and then samples follow
-- each other without a hole.

-- One run of the recorder, with one or more recordings.
CREATE TABLE session (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- names the session; never given to another one
    targets TEXT NOT NULL, -- the targets asked for, as on the command line
    interval_ns INTEGER NOT NULL, -- planned nanoseconds between samples
    vmrec TEXT NOT NULL, -- version of the recorder
    host TEXT NOT NULL, -- name of the machine
    os TEXT NOT NULL, -- linux or macos
    kernel TEXT NOT NULL, -- release of the kernel
    architecture TEXT NOT NULL, -- processor architecture
    page_size_bytes INTEGER NOT NULL, -- bytes of a page
    boot_id TEXT NOT NULL, -- which boot of the machine
    begun_utc_ns INTEGER NOT NULL, -- wall clock as the session began, nanoseconds since 1970-01-01 UTC
    begun_monotonic_ns INTEGER NOT NULL, -- monotonic clock at that moment, nanoseconds
    checksum INTEGER NOT NULL -- of the row
) STRICT;

-- One target over one stretch of time.
CREATE TABLE recording (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- names the recording; never given to another one
    session INTEGER NOT NULL REFERENCES session (id), -- the run of the recorder it belongs to
    name TEXT, -- the user's own name for it
    pid INTEGER, -- process number of the target; null if its row was lost
    start_ticks INTEGER, -- when the target started, in its platform's ticks; with pid and session.boot_id it names one process; null if its row was lost
    parent_pid INTEGER, -- the process that started the target; null if not shown
    parent INTEGER REFERENCES recording (id), -- the recording of that process in this session; null if it is not recorded
    started_utc_ns INTEGER, -- when the target started, nanoseconds since 1970-01-01 UTC; null if unknown
    executable TEXT, -- path of the target's program; null if it may not be read
    executable_deleted INTEGER NOT NULL CHECK (executable_deleted IN (0, 1)), -- 1 if that file was removed or replaced since
    architecture TEXT, -- machine its program was built for, such as i386; null if not read
    short_name TEXT NOT NULL, -- the kernel's short name for the target
    user_id INTEGER, -- the owner's user number; null if unknown
    begun_utc_ns INTEGER NOT NULL, -- wall clock as recording began, nanoseconds since 1970-01-01 UTC
    begun_monotonic_ns INTEGER NOT NULL, -- monotonic clock at that moment, nanoseconds
    ended_utc_ns INTEGER, -- wall clock as it ended; null while it runs or if its recorder was killed
    ended_monotonic_ns INTEGER, -- monotonic clock at that moment, nanoseconds
    why_ended TEXT CHECK (why_ended IN ('interrupted', 'finished', 'target exited', 'target replaced', 'recorder lost', 'failed')), -- null while it runs
    exit_status INTEGER, -- of a target that exited: exit code, or 128 + signal; null if not known
    failure TEXT, -- what failed, where why_ended is 'failed'
    last_number INTEGER, -- number of its last sample; null while it runs or if its recorder was killed
    checksum INTEGER NOT NULL -- of the row
) STRICT;

-- a session's recordings are looked up by process
CREATE INDEX recording_by_process ON recording (session, pid);

-- those of the processes that one has started are looked up as it is deleted
CREATE INDEX recording_by_parent ON recording (parent) WHERE parent IS NOT NULL;

-- The arguments the target was started with.
CREATE TABLE argument (
    recording INTEGER NOT NULL REFERENCES recording (id), -- whose target
    position INTEGER NOT NULL, -- from 0: the name the target was called by
    text TEXT NOT NULL, -- the argument
    checksum INTEGER NOT NULL, -- of the row
    PRIMARY KEY (recording, position)
) STRICT, WITHOUT ROWID;

-- What lies behind mappings: files, and what the kernel names.
CREATE TABLE object (
    id INTEGER PRIMARY KEY, -- names the object within this file
    name TEXT NOT NULL, -- path, [heap], /memfd:NAME, anon:NAME
    device_major INTEGER NOT NULL, -- major device number; 0 where there is none
    device_minor INTEGER NOT NULL, -- minor device number; 0 where there is none
    inode INTEGER NOT NULL, -- inode number; 0 where there is none
    deleted INTEGER NOT NULL CHECK (deleted IN (0, 1)), -- 1 if the file's name was removed
    fingerprint INTEGER NOT NULL, -- CRC-32 of the columns from name to deleted, which few others have
    checksum INTEGER NOT NULL -- of the row
) STRICT;

-- objects are looked up as they are seen again, and their names may be long
CREATE INDEX object_by_fingerprint ON object (fingerprint);

-- What regions have in common wherever they lie; samples refer to it by id. All recordings share it.
CREATE TABLE region_kind (
    id INTEGER PRIMARY KEY, -- names the kind within this file
    protection INTEGER NOT NULL, -- rights in force: 1 read + 2 write + 4 execute
    max_protection INTEGER, -- the most rights it may get, same bits; null if unknown
    object INTEGER REFERENCES object (id), -- what lies behind it; null for anonymous memory
    flags TEXT NOT NULL, -- the platform's own words on the mapping
    type TEXT NOT NULL, -- what it is for
    family TEXT NOT NULL, -- the group of types it belongs to
    confidence TEXT NOT NULL, -- how sure the type is: unknown, guess, likely, sure
    rule TEXT NOT NULL, -- the rule that decided the type
    detail TEXT, -- what tells it from others of its type, such as a thread
    fingerprint INTEGER NOT NULL, -- CRC-32 of the columns from protection to detail, which few others have
    checksum INTEGER NOT NULL -- of the row
) STRICT;

-- kinds are looked up as they are seen again
CREATE INDEX region_kind_by_fingerprint ON region_kind (fingerprint);

-- One full snapshot each, or ticks at which none was taken.
CREATE TABLE sample (
    id INTEGER PRIMARY KEY, -- names the sample within this file
    recording INTEGER NOT NULL REFERENCES recording (id), -- the recording it belongs to
    number INTEGER NOT NULL, -- its number there, from 1, without holes
    taken_utc_ns INTEGER NOT NULL, -- wall clock as taken (or due, if missed), nanoseconds since 1970-01-01 UTC
    taken_monotonic_ns INTEGER NOT NULL, -- monotonic clock at that moment, nanoseconds
    state TEXT NOT NULL CHECK (state IN ('complete', 'cheap', 'unchanged', 'torn', 'totals', 'missed')), -- cheap: mappings were read, resident, private and swapped pages counted, other sizes are carried over; unchanged: the process had not run since its regions were read, and they are those; torn: regions moved while read; totals: regions may not be read; missed: not taken
    reason TEXT, -- why torn, of totals alone, or missed
    missed_ticks INTEGER, -- ticks of the schedule that passed, if missed
    cost_cpu_ns INTEGER NOT NULL, -- processor time taking it cost the recorder, nanoseconds
    cost_wall_ns INTEGER NOT NULL, -- wall clock time that took, nanoseconds
    regions INTEGER, -- how many regions it has; null if unknown or missed
    virtual_bytes INTEGER, -- of the process: address space in use, bytes; null if unknown, as all below
    resident_bytes INTEGER, -- of the process: bytes in memory
    peak_resident_bytes INTEGER, -- of the process: the most that was, bytes
    anonymous_resident_bytes INTEGER, -- of the process: bytes in memory of no file
    file_resident_bytes INTEGER, -- of the process: bytes in memory of files
    shmem_resident_bytes INTEGER, -- of the process: bytes in memory of shared memory
    swapped_bytes INTEGER, -- of the process: bytes moved out of memory
    page_table_bytes INTEGER, -- of the process: bytes of page tables
    footprint_bytes INTEGER, -- of the process: bytes it alone is charged for
    peak_footprint_bytes INTEGER, -- of the process: the largest footprint so far, bytes (macOS, as all up to the threads)
    purgeable_footprint_bytes INTEGER, -- of the footprint: purgeable memory that must be kept now, bytes
    network_footprint_bytes INTEGER, -- of the footprint: what the network owns, bytes
    media_footprint_bytes INTEGER, -- of the footprint: what audio and video own, bytes
    graphics_footprint_bytes INTEGER, -- of the footprint: what graphics own, bytes
    neural_footprint_bytes INTEGER, -- of the footprint: what the neural engine owns, bytes
    threads INTEGER, -- of the process: number of threads
    minor_faults INTEGER, -- of the process: page faults without I/O since its start
    major_faults INTEGER, -- of the process: page faults with I/O since its start
    cpu_ns INTEGER, -- of the process: processor time since its start, nanoseconds
    max_mappings INTEGER, -- of the process: how many regions it may have (vm.max_map_count)
    address_space_limit_bytes INTEGER, -- of the process: its limit of address space (RLIMIT_AS), bytes; null if unlimited or unknown
    data_limit_bytes INTEGER, -- of the process: its limit of private writable memory (RLIMIT_DATA), bytes; null if unlimited or unknown
    cgroup_bytes INTEGER, -- of its control group, with those below it: memory charged, bytes
    cgroup_peak_bytes INTEGER, -- of its control group: the most that was, bytes
    cgroup_max_bytes INTEGER, -- of its control group: the lowest limit of it and those above, bytes; null if unlimited or unknown
    cgroup_anonymous_bytes INTEGER, -- of its control group: memory of no file, bytes
    cgroup_file_bytes INTEGER, -- of its control group: memory of files, their cache included, bytes
    cgroup_kernel_bytes INTEGER, -- of its control group: memory of the kernel, bytes
    cgroup_slab_bytes INTEGER, -- of its control group: memory of the kernel in slabs, bytes
    cgroup_socket_bytes INTEGER, -- of its control group: memory of network buffers, bytes
    cgroup_oom_kills INTEGER, -- of its control group: processes killed for want of memory
    cgroup_some_stalled_ns INTEGER, -- of its control group: time in which some process waited for memory, nanoseconds
    cgroup_all_stalled_ns INTEGER, -- of its control group: time in which all processes waited for memory, nanoseconds
    checksum INTEGER NOT NULL, -- of the row
    UNIQUE (recording, number)
) STRICT;

-- The regions of a sample, encoded: a key frame stands alone, a delta builds on the frame before it.
CREATE TABLE frame (
    sample INTEGER PRIMARY KEY REFERENCES sample (id), -- the sample it holds the regions of
    kind TEXT NOT NULL CHECK (kind IN ('key', 'delta')), -- key: all regions; delta: what changed
    checksum INTEGER NOT NULL, -- CRC-32 of recording, number, kind and data
    data BLOB NOT NULL -- the encoded regions; store/src/codec/frame/ defines them
) STRICT;

-- Named moments.
CREATE TABLE mark (
    id INTEGER PRIMARY KEY, -- names the mark within this file
    recording INTEGER NOT NULL REFERENCES recording (id), -- the recording it belongs to
    utc_ns INTEGER NOT NULL, -- when, nanoseconds since 1970-01-01 UTC
    text TEXT NOT NULL, -- the user's words
    checksum INTEGER NOT NULL -- of the row
) STRICT;

-- marks are looked up by recording and drawn in the order of time
CREATE INDEX mark_by_time ON mark (recording, utc_ns);

-- The facts of one classification, good from a sample on until the next row of its recording.
CREATE TABLE evidence (
    recording INTEGER NOT NULL REFERENCES recording (id), -- the recording it belongs to
    number INTEGER NOT NULL, -- the first sample it is good for
    checksum INTEGER NOT NULL, -- CRC-32 of recording, number, the word 'evidence' and data
    data BLOB NOT NULL, -- encoded facts and bytes read of the target, zstd; store/src/codec/evidence/ defines them
    PRIMARY KEY (recording, number)
) STRICT;

-- Executables, libraries and bundles that dyld lists (macOS), where they were loaded. All recordings share it.
CREATE TABLE image (
    id INTEGER PRIMARY KEY, -- names the image within this file
    path TEXT NOT NULL, -- its path as dyld has it
    uuid TEXT, -- its build, 32 hexadecimal digits (LC_UUID); null if it has none, or if its header could not be read
    address INTEGER NOT NULL, -- of its header
    segments TEXT NOT NULL, -- a JSON array of [name, start, bytes] of each segment; empty if its header could not be read
    fingerprint INTEGER NOT NULL, -- CRC-32 of the columns from path to segments, which few others have
    checksum INTEGER NOT NULL -- of the row
) STRICT;

-- images are looked up as they are seen again
CREATE INDEX image_by_fingerprint ON image (fingerprint);

-- When a process had an image. The images of a sample are unknown if none has a row that covers it.
CREATE TABLE image_span (
    recording INTEGER NOT NULL REFERENCES recording (id), -- the recording it belongs to
    image INTEGER NOT NULL REFERENCES image (id), -- the image
    first INTEGER NOT NULL, -- the first sample with it
    first_utc_ns INTEGER NOT NULL, -- when that was taken, nanoseconds since 1970-01-01 UTC
    gone INTEGER, -- the first sample after those with it; null if the last one has it
    gone_utc_ns INTEGER, -- when that was taken, nanoseconds since 1970-01-01 UTC
    checksum INTEGER NOT NULL, -- of the row
    PRIMARY KEY (recording, image, first)
) STRICT, WITHOUT ROWID;

-- an image that no recording has any more is deleted
CREATE INDEX image_span_by_image ON image_span (image);

-- The images of processes of macOS, and when they had them, for any tool.
CREATE VIEW images (recording, path, uuid, address, first, first_utc_ns, gone, gone_utc_ns, segments) AS
SELECT s.recording, i.path, i.uuid, printf('0x%x', i.address), s.first, s.first_utc_ns, s.gone, s.gone_utc_ns, i.segments
FROM image_span AS s JOIN image AS i ON i.id = s.image;

-- Call stacks that made memory resident or mapped it, of `vmrec record --stacks`: each a frame and its caller.
CREATE TABLE stack (
    recording INTEGER NOT NULL REFERENCES recording (id), -- the recording it belongs to
    node INTEGER NOT NULL, -- its number there, from 1
    parent INTEGER NOT NULL, -- node of the stack that called it; 0 if it has none
    function TEXT, -- name of its innermost function; null if unknown
    module TEXT, -- path of the file that holds it; null for code that a runtime made
    offset INTEGER, -- address in that file; null if the function is known
    checksum INTEGER NOT NULL, -- of the row
    PRIMARY KEY (recording, node)
) STRICT;

-- The bytes that each stack has of each metric, good from a sample on until the next row of its recording.
CREATE TABLE stack_live (
    recording INTEGER NOT NULL REFERENCES recording (id), -- the recording it belongs to
    number INTEGER NOT NULL, -- the first sample it is good for
    checksum INTEGER NOT NULL, -- CRC-32 of recording, number, the word 'stack_live' and data
    data BLOB NOT NULL, -- samples, bytes and variance by metric, stack and type, zstd; store/src/codec/live_stacks.rs defines it
    PRIMARY KEY (recording, number)
) STRICT;

-- Reports on the heap of a process, of `vmrec heap --save`, `vmrec leaks --save` and `vmrec record --heap-on`.
CREATE TABLE heap_report (
    id INTEGER PRIMARY KEY, -- names the report within this file
    recording INTEGER NOT NULL REFERENCES recording (id), -- the recording of that process
    utc_ns INTEGER NOT NULL, -- when the process stood still, nanoseconds since 1970-01-01 UTC
    kind TEXT NOT NULL CHECK (kind IN ('heap', 'leaks')), -- heap: all blocks in use; leaks: those that nothing reaches
    document TEXT NOT NULL, -- the report as JSON, never with the contents of blocks; report/src/heap/saved.rs defines it
    checksum INTEGER NOT NULL -- of the row
) STRICT;

-- Up to 600 samples and all their regions, column by column.
CREATE TABLE chunk (
    id INTEGER PRIMARY KEY, -- names the chunk within this file
    recording INTEGER NOT NULL REFERENCES recording (id), -- the recording it belongs to
    first INTEGER NOT NULL, -- number of its first sample, or of the first one pruned before it
    last INTEGER NOT NULL, -- number of its last sample, or of the last one pruned of it
    samples INTEGER NOT NULL, -- how many samples it holds, missed ones included
    snapshots INTEGER NOT NULL, -- how many of them have regions
    torn INTEGER NOT NULL, -- how many of those are torn
    unchanged INTEGER NOT NULL, -- how many of them have the regions of an earlier sample, since the process had not run
    cheap INTEGER NOT NULL, -- how many of them have carried sizes besides their mappings and counted pages
    totals_alone INTEGER NOT NULL, -- how many samples have the totals of the process alone
    missed_ticks INTEGER NOT NULL, -- ticks of the schedule that passed without a sample
    begin_utc_ns INTEGER, -- wall clock of its first sample, nanoseconds since 1970-01-01 UTC; null if it holds none, as below
    begin_monotonic_ns INTEGER, -- monotonic clock of that, nanoseconds
    end_utc_ns INTEGER, -- wall clock of its last sample
    end_monotonic_ns INTEGER, -- monotonic clock of that, nanoseconds
    min_utc_ns INTEGER, -- the earliest wall clock of its samples, which may have been set back
    max_utc_ns INTEGER, -- the latest wall clock of its samples
    cost_cpu_ns INTEGER NOT NULL, -- processor time that taking its samples cost, nanoseconds
    cost_wall_ns INTEGER NOT NULL, -- wall clock time of that, nanoseconds
    max_footprint_bytes INTEGER, -- the largest footprint of its samples, of torn ones only if all are; null if none is known
    first_resident_bytes INTEGER, -- the resident size of its first sample that was taken; null if unknown
    last_resident_bytes INTEGER, -- the resident size of its last sample that was taken; null if unknown
    max_resident_bytes INTEGER, -- the largest resident size of its samples, of torn ones only if it is known in no other; null if none is known
    checksum INTEGER NOT NULL, -- of the row without the columns below, which hold their own
    ticks BLOB NOT NULL, -- number, time and state of each sample; store/src/codec/chunk/ defines this and the columns below
    totals BLOB NOT NULL, -- what the kernel said of the process, and the cost of each sample
    sums BLOB NOT NULL, -- sums over the regions of each type
    kinds BLOB NOT NULL, -- the kinds that the regions have
    regions BLOB NOT NULL, -- the regions
    UNIQUE (recording, last)
) STRICT;

-- the headers of all chunks of a recording lie together here, without their groups
CREATE INDEX chunk_header ON chunk (recording, last, first, samples, snapshots, torn, unchanged, cheap, totals_alone, missed_ticks,
    begin_utc_ns, begin_monotonic_ns, end_utc_ns, end_monotonic_ns, min_utc_ns, max_utc_ns,
    cost_cpu_ns, cost_wall_ns, max_footprint_bytes, first_resident_bytes, last_resident_bytes, max_resident_bytes,
    checksum);

-- The types that sums are by.
CREATE TABLE region_type (
    id INTEGER PRIMARY KEY, -- names the type within this file
    name TEXT NOT NULL, -- the type, as in region_kind.type
    family TEXT NOT NULL, -- the family it belongs to
    checksum INTEGER NOT NULL, -- of the row
    UNIQUE (name, family)
) STRICT;

-- Sums over the regions of each type in each chunk, one measure in each row: `rollup` shows them.
-- They are of the samples with regions that the chunk had when it was made, also those thinned out since.
CREATE TABLE rollup_row (
    id INTEGER PRIMARY KEY, -- the measure times 2^40, plus the id of the chunk
    measure INTEGER AS (id >> 40), -- the sum of what: 0 number of regions, 1 virtual, 2 resident, 3 private, 4 dirty, 5 private dirty, 6 swapped, 7 PSS; bytes but for 0
    chunk INTEGER AS (id & 0xffffffffff), -- id of the chunk
    types TEXT NOT NULL, -- for each type: its number alone if all sums are 0, or an array of its number, min, and, where sums differ, mean and max less min; store/src/tables/rollup_row.rs defines it
    checksum INTEGER NOT NULL -- of the row
) STRICT;

-- Sums over the regions of each type in each chunk, plain for any tool: one row for each chunk and
-- type. The mean is rounded down; all are null if the sum of one sample is unknown.
CREATE VIEW rollup AS
SELECT c.recording, c.first, c.last, c.begin_utc_ns, c.end_utc_ns, c.snapshots AS samples, t.name AS type, t.family,
       max(iif(s.measure = 0, s.min, NULL)) AS regions_min, max(iif(s.measure = 0, s.mean, NULL)) AS regions_mean, max(iif(s.measure = 0, s.max, NULL)) AS regions_max,
       max(iif(s.measure = 1, s.min, NULL)) AS virtual_bytes_min, max(iif(s.measure = 1, s.mean, NULL)) AS virtual_bytes_mean, max(iif(s.measure = 1, s.max, NULL)) AS virtual_bytes_max,
       max(iif(s.measure = 2, s.min, NULL)) AS resident_bytes_min, max(iif(s.measure = 2, s.mean, NULL)) AS resident_bytes_mean, max(iif(s.measure = 2, s.max, NULL)) AS resident_bytes_max,
       max(iif(s.measure = 3, s.min, NULL)) AS private_bytes_min, max(iif(s.measure = 3, s.mean, NULL)) AS private_bytes_mean, max(iif(s.measure = 3, s.max, NULL)) AS private_bytes_max,
       max(iif(s.measure = 4, s.min, NULL)) AS dirty_bytes_min, max(iif(s.measure = 4, s.mean, NULL)) AS dirty_bytes_mean, max(iif(s.measure = 4, s.max, NULL)) AS dirty_bytes_max,
       max(iif(s.measure = 5, s.min, NULL)) AS private_dirty_bytes_min, max(iif(s.measure = 5, s.mean, NULL)) AS private_dirty_bytes_mean, max(iif(s.measure = 5, s.max, NULL)) AS private_dirty_bytes_max,
       max(iif(s.measure = 6, s.min, NULL)) AS swapped_bytes_min, max(iif(s.measure = 6, s.mean, NULL)) AS swapped_bytes_mean, max(iif(s.measure = 6, s.max, NULL)) AS swapped_bytes_max,
       max(iif(s.measure = 7, s.min, NULL)) AS pss_bytes_min, max(iif(s.measure = 7, s.mean, NULL)) AS pss_bytes_mean, max(iif(s.measure = 7, s.max, NULL)) AS pss_bytes_max
FROM (
    SELECT w.measure, w.chunk,
           iif(r.type = 'array', json_extract(r.value, '$[0]'), r.value) AS type,
           iif(r.type = 'array', json_extract(r.value, '$[1]'), 0) AS min,
           iif(r.type = 'array', json_extract(r.value, '$[1]') + coalesce(json_extract(r.value, '$[2]'), 0), 0) AS mean,
           iif(r.type = 'array', json_extract(r.value, '$[1]') + coalesce(json_extract(r.value, '$[3]'), 0), 0) AS max
    FROM rollup_row AS w, json_each(w.types) AS r
) AS s
JOIN chunk AS c ON c.id = s.chunk
JOIN region_type AS t ON t.id = s.type
GROUP BY s.chunk, s.type;

-- The regions of the newest snapshot that is in a chunk, some in each row: `latest` shows them.
CREATE TABLE latest_row (
    id INTEGER PRIMARY KEY, -- its place in the snapshot, from 1
    recording INTEGER NOT NULL REFERENCES recording (id), -- the recording it is of
    number INTEGER NOT NULL, -- the sample it is from
    taken_utc_ns INTEGER NOT NULL, -- when that was taken, nanoseconds since 1970-01-01 UTC
    known INTEGER NOT NULL, -- which quantities are known, as bits
    unit_bytes INTEGER NOT NULL, -- what sizes and addresses are multiples of
    regions TEXT NOT NULL, -- an array of numbers for each region; store/src/tables/latest.rs defines it
    checksum INTEGER NOT NULL -- of the row
) STRICT;

-- The newest snapshot for any tool: while recording, that of the last chunk; at its end, the last of all.
CREATE VIEW latest (recording, number, taken_utc_ns, start, end, type, family, confidence, protection, share_mode,
    object, detail, virtual_bytes, resident_bytes, private_bytes, dirty_bytes, private_dirty_bytes, swapped_bytes,
    pss_bytes, anonymous_bytes, referenced_bytes, reclaimable_bytes, locked_bytes, huge_bytes, provenance) AS
SELECT l.recording, l.number, l.taken_utc_ns, printf('0x%x', l.start), printf('0x%x', l.start + l.bytes), k.type, k.family,
       k.confidence, iif(k.protection & 1, 'r', '-') || iif(k.protection & 2, 'w', '-') || iif(k.protection & 4, 'x', '-'),
       nullif(substr('   PRVCOWNULSHMALIP/AS/ALPG', l.share * 3 + 1, 3), '   '), o.name, k.detail, l.bytes,
       iif(l.known & 1, l.resident, NULL),
       iif(l.known & 2, l.resident - l.shared, NULL),
       iif(l.known & 4, l.resident - l.shared - l.private_clean + l.shared_dirty, NULL),
       iif(l.known & 8, l.resident - l.shared - l.private_clean, NULL),
       iif(l.known & 16, l.swapped, NULL),
       iif(l.known & 32, l.resident - l.shared + l.shared_pss, NULL),
       iif(l.known & 64, l.resident - l.shared - l.private_clean + l.other_anonymous, NULL),
       iif(l.known & 128, l.resident - l.unreferenced, NULL),
       iif(l.known & 256, l.reclaimable, NULL),
       iif(l.known & 512, l.locked, NULL),
       iif(l.known & 1024, l.huge, NULL),
       CASE l.provenance WHEN 0 THEN 'measured' WHEN 1 THEN 'apportioned' WHEN 2 THEN 'estimated' ELSE 'carried' END
FROM (
    SELECT w.recording, w.number, w.taken_utc_ns, w.known,
           json_extract(r.value, '$[0]') * w.unit_bytes AS start,
           json_extract(r.value, '$[1]') * w.unit_bytes AS bytes,
           json_extract(r.value, '$[2]') AS kind,
           json_extract(r.value, '$[3]') AS share,
           coalesce(json_extract(r.value, '$[4]'), 0) * w.unit_bytes AS resident,
           coalesce(json_extract(r.value, '$[5]'), 0) * w.unit_bytes AS shared,
           coalesce(json_extract(r.value, '$[6]'), 0) * w.unit_bytes AS private_clean,
           coalesce(json_extract(r.value, '$[7]'), 0) * w.unit_bytes AS shared_dirty,
           coalesce(json_extract(r.value, '$[8]'), 0) * w.unit_bytes AS other_anonymous,
           coalesce(json_extract(r.value, '$[9]'), 0) * w.unit_bytes AS unreferenced,
           coalesce(json_extract(r.value, '$[10]'), 0) * w.unit_bytes AS shared_pss,
           coalesce(json_extract(r.value, '$[12]'), 0) * w.unit_bytes AS swapped,
           coalesce(json_extract(r.value, '$[13]'), 0) * w.unit_bytes AS reclaimable,
           coalesce(json_extract(r.value, '$[14]'), 0) * w.unit_bytes AS locked,
           coalesce(json_extract(r.value, '$[15]'), 0) * w.unit_bytes AS huge,
           coalesce(json_extract(r.value, '$[11]'), 0) AS provenance
    FROM latest_row AS w, json_each(w.regions) AS r
) AS l
JOIN region_kind AS k ON k.id = l.kind
LEFT JOIN object AS o ON o.id = k.object;
