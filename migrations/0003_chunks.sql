-- Version 3: samples by the hundred in compressed chunks, rollups by the minute and the hour, the
-- newest snapshot as plain rows, and a checksum on every row. Never changed once released.
--
-- `sample` and `frame` hold what was recorded since the last chunk. A chunk's samples, with what
-- was pruned of them, are numbered from `first` to `last`; chunks and then samples follow each
-- other without a hole.
--
-- A row's checksum is the CRC-32 of its table's name and its other values, as store/src/checked.rs
-- defines it; null where a version before 3 wrote the row.

ALTER TABLE recording ADD COLUMN last_number INTEGER; -- number of its last sample; null while it runs or if its recorder was killed, and before version 3
ALTER TABLE recording ADD COLUMN checksum INTEGER; -- of the row
ALTER TABLE argument ADD COLUMN checksum INTEGER; -- of the row
ALTER TABLE object ADD COLUMN checksum INTEGER; -- of the row
ALTER TABLE sample ADD COLUMN checksum INTEGER; -- of the row
ALTER TABLE mark ADD COLUMN checksum INTEGER; -- of the row

-- What many regions have in common.
CREATE TABLE region_kind (
    id INTEGER PRIMARY KEY,               -- names the kind within this file
    recording INTEGER NOT NULL REFERENCES recording (id), -- the recording it was seen in
    flags TEXT NOT NULL,                  -- the platform's own words on the mapping
    type TEXT NOT NULL,                   -- what it is for
    family TEXT NOT NULL,                 -- the group of types it belongs to
    confidence TEXT NOT NULL,             -- how sure the type is: unknown, guess, likely, sure
    rule TEXT NOT NULL,                   -- the rule that decided the type
    detail TEXT,                          -- what tells it from others of its type, such as a thread
    checksum INTEGER                      -- of the row
) STRICT;
INSERT INTO region_kind (recording, flags, type, family, confidence, rule, detail)
SELECT DISTINCT recording, flags, type, family, confidence, rule, detail FROM region;

ALTER TABLE region RENAME TO region_before_3;

-- What stays the same about a region while it exists; samples refer to it by id.
CREATE TABLE region (
    id INTEGER PRIMARY KEY,               -- names the region within this file
    recording INTEGER NOT NULL REFERENCES recording (id), -- the recording it was seen in
    start INTEGER NOT NULL,               -- first address inside, as a signed integer of the same bits
    end INTEGER NOT NULL,                 -- first address after it, as a signed integer of the same bits
    protection INTEGER NOT NULL,          -- rights in force: 1 read + 2 write + 4 execute
    max_protection INTEGER,               -- the most rights it may get, same bits; null if unknown
    object INTEGER REFERENCES object (id), -- what lies behind it; null for anonymous memory
    offset INTEGER NOT NULL,              -- bytes from the object's beginning to start
    kind INTEGER NOT NULL,                -- the region_kind that says the rest
    checksum INTEGER                      -- of the row
) STRICT;
INSERT INTO region
SELECT r.id, r.recording, r.start, r.end, r.protection, r.max_protection, r.object, r.offset, k.id, NULL
FROM region_before_3 AS r
JOIN region_kind AS k USING (recording, flags, type, family, confidence, rule)
WHERE k.detail IS r.detail;

DROP TABLE region_before_3;

-- About 300 samples and all their regions, column by column.
CREATE TABLE chunk (
    id INTEGER PRIMARY KEY,               -- names the chunk within this file
    recording INTEGER NOT NULL REFERENCES recording (id), -- the recording it belongs to
    first INTEGER NOT NULL,               -- number of its first sample, or of the first one pruned before it
    last INTEGER NOT NULL,                -- number of its last sample, or of the last one pruned of it
    samples INTEGER NOT NULL,             -- how many samples it holds, missed ones included
    snapshots INTEGER NOT NULL,           -- how many of them have regions
    torn INTEGER NOT NULL,                -- how many of those are torn
    missed_ticks INTEGER NOT NULL,        -- ticks of the schedule that passed without a sample
    begin_utc_ns INTEGER,                 -- wall clock of its first sample, nanoseconds since 1970-01-01 UTC; null if it holds none, as below
    begin_monotonic_ns INTEGER,           -- monotonic clock of that, nanoseconds
    end_utc_ns INTEGER,                   -- wall clock of its last sample
    end_monotonic_ns INTEGER,             -- monotonic clock of that, nanoseconds
    least_utc_ns INTEGER,                 -- the earliest wall clock of its samples, which may have been set back
    most_utc_ns INTEGER,                  -- the latest wall clock of its samples
    cost_cpu_ns INTEGER NOT NULL,         -- processor time that taking its samples cost, nanoseconds
    cost_wall_ns INTEGER NOT NULL,        -- wall clock time of that, nanoseconds
    most_footprint_bytes INTEGER,         -- the largest footprint of its samples with regions; null if none is known
    checksum INTEGER NOT NULL,            -- of the row without the columns below, which hold their own
    ticks BLOB NOT NULL,                  -- number, time and state of each sample; store/src/chunk/ defines this and the columns below
    totals BLOB NOT NULL,                 -- what the kernel said of the process, and the cost of each sample
    sums BLOB NOT NULL,                   -- sums over the regions of each type
    regions BLOB NOT NULL,                -- the regions
    UNIQUE (recording, last)
) STRICT;

-- the heads of all chunks of a recording lie together here, without what they hold
CREATE INDEX chunk_head ON chunk (recording, last, first, samples, snapshots, torn, missed_ticks,
    begin_utc_ns, begin_monotonic_ns, end_utc_ns, end_monotonic_ns, least_utc_ns, most_utc_ns,
    cost_cpu_ns, cost_wall_ns, most_footprint_bytes, checksum);

-- The types that rollups are by.
CREATE TABLE region_type (
    id INTEGER PRIMARY KEY,               -- names the type within this file
    name TEXT NOT NULL,                   -- the type, as in region_kind.type
    family TEXT NOT NULL,                 -- the family it belongs to
    checksum INTEGER NOT NULL,            -- of the row
    UNIQUE (name, family)
) STRICT;

-- What rollups give of each type.
CREATE TABLE quantity (
    bit INTEGER PRIMARY KEY,              -- its place in rollup_row.quantities, from 0
    name TEXT NOT NULL,                   -- its name
    unit INTEGER NOT NULL                 -- bytes that 1 stands for in the figures of rollup_row; 1 where they are no bytes
) STRICT;
INSERT INTO quantity (bit, name, unit) VALUES
    (0, 'resident_bytes', 1024), (1, 'private_bytes', 1024), (2, 'dirty_bytes', 1024),
    (3, 'private_dirty_bytes', 1024), (4, 'swapped_bytes', 1024), (5, 'pss_bytes', 1024),
    (6, 'anonymous_bytes', 1024), (7, 'referenced_bytes', 1024), (8, 'reclaimable_bytes', 1024),
    (9, 'locked_bytes', 1024), (10, 'huge_bytes', 1024), (11, 'virtual_bytes', 1024),
    (12, 'regions', 1);

-- Sums over the regions of a type in each minute and hour, packed; the views rollup and rollup_hour unpack them.
-- Their time is that of the recording's monotonic clock: the wall clock as it began, and what passed since.
CREATE TABLE rollup_row (
    recording INTEGER NOT NULL REFERENCES recording (id), -- the recording it belongs to
    span_s INTEGER NOT NULL CHECK (span_s IN (60, 3600)), -- seconds that one value stands for
    place INTEGER NOT NULL,               -- which minute or hour, from 0: that in which the recording began
    type INTEGER NOT NULL REFERENCES region_type (id), -- the type of the regions
    quantities INTEGER NOT NULL,          -- what these figures are of: 1 << quantity.bit, for all that have the same
    run INTEGER NOT NULL,                 -- how many spans in a row have the same figures
    samples INTEGER NOT NULL,             -- from how many samples with regions, over all of the run
    least INTEGER NOT NULL,               -- the least of the sums, in the unit of quantity, rounded down, as those below
    mean_more INTEGER NOT NULL,           -- their mean, less `least`
    most_more INTEGER NOT NULL,           -- the most of them, less `least`
    checksum INTEGER NOT NULL,            -- of the row
    PRIMARY KEY (recording, span_s, place, type, quantities)
) STRICT, WITHOUT ROWID;

-- Sums over the regions of a type by the minute: of all quantities but what changes all the time. What is
-- missing of a type is unknown, or the type has no regions.
CREATE VIEW rollup (recording, start_utc_s, type, family, quantity, samples, least, mean, most) AS
WITH RECURSIVE step (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM step WHERE n < 4095)
SELECT r.recording, (b.begun_utc_ns / 60000000000 + r.place + step.n) * 60, t.name, t.family, q.name,
       r.samples / r.run, r.least * q.unit, (r.least + r.mean_more) * q.unit, (r.least + r.most_more) * q.unit
FROM rollup_row AS r
JOIN recording AS b ON b.id = r.recording
JOIN step ON step.n < r.run
JOIN region_type AS t ON t.id = r.type
JOIN quantity AS q ON (r.quantities >> q.bit) & 1
WHERE r.span_s = 60;

-- The same by the hour, of all quantities.
CREATE VIEW rollup_hour (recording, start_utc_s, type, family, quantity, samples, least, mean, most) AS
SELECT r.recording, (b.begun_utc_ns / 3600000000000 + r.place) * 3600, t.name, t.family, q.name,
       r.samples, r.least * q.unit, (r.least + r.mean_more) * q.unit, (r.least + r.most_more) * q.unit
FROM rollup_row AS r
JOIN recording AS b ON b.id = r.recording
JOIN region_type AS t ON t.id = r.type
JOIN quantity AS q ON (r.quantities >> q.bit) & 1
WHERE r.span_s = 3600;

-- The regions of the newest snapshot that is in a chunk.
CREATE TABLE latest_row (
    region INTEGER PRIMARY KEY REFERENCES region (id), -- the region
    number INTEGER NOT NULL,              -- the sample it is from
    taken_utc_ns INTEGER NOT NULL,        -- when that was taken, nanoseconds since 1970-01-01 UTC
    share_mode TEXT,                      -- how its memory is shared; null if unknown
    provenance TEXT NOT NULL,             -- where its figures come from: measured, apportioned, estimated, carried
    resident_bytes INTEGER,               -- in memory; null if unknown, as all below
    private_bytes INTEGER,                -- in memory, of no other process
    dirty_bytes INTEGER,                  -- written
    private_dirty_bytes INTEGER,          -- written, of no other process
    swapped_bytes INTEGER,                -- moved out of memory
    pss_bytes INTEGER,                    -- in memory, each page divided by the processes that map it
    anonymous_bytes INTEGER,              -- in memory, of no file
    referenced_bytes INTEGER,             -- marked as accessed
    reclaimable_bytes INTEGER,            -- may be dropped at no cost
    locked_bytes INTEGER,                 -- may not be moved out
    huge_bytes INTEGER,                   -- in huge pages
    checksum INTEGER NOT NULL             -- of the row
) STRICT;

-- The newest snapshot for any tool: while recording, that of the last chunk; at its end, the last of all.
CREATE VIEW latest (recording, number, taken_utc_ns, start, end, type, family, confidence, protection, share_mode,
    object, detail, virtual_bytes, resident_bytes, private_bytes, dirty_bytes, private_dirty_bytes, swapped_bytes,
    pss_bytes, anonymous_bytes, referenced_bytes, reclaimable_bytes, locked_bytes, huge_bytes, provenance) AS
SELECT r.recording, l.number, l.taken_utc_ns, printf('0x%x', r.start), printf('0x%x', r.end), k.type, k.family,
       k.confidence, iif(r.protection & 1, 'r', '-') || iif(r.protection & 2, 'w', '-') || iif(r.protection & 4, 'x', '-'),
       l.share_mode, o.name, k.detail, r.end - r.start, l.resident_bytes, l.private_bytes, l.dirty_bytes,
       l.private_dirty_bytes, l.swapped_bytes, l.pss_bytes, l.anonymous_bytes, l.referenced_bytes,
       l.reclaimable_bytes, l.locked_bytes, l.huge_bytes, l.provenance
FROM latest_row AS l
JOIN region AS r ON r.id = l.region
JOIN region_kind AS k ON k.id = r.kind
LEFT JOIN object AS o ON o.id = r.object;
