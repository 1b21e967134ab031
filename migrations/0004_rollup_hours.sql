-- Version 4: rollups by the hour as one row for each type, which takes less room and a quarter of
-- the time to read. Never changed once released.
--
-- What `rollup_row` has by the hour is moved here, with checksums, as store/src/rollup/hours.rs
-- does; rows that do not match theirs stay where they are. Since then `rollup_row` has minutes.

-- Sums over the regions of a type in each hour, packed; the view rollup_hour unpacks them.
CREATE TABLE rollup_hour_row (
    recording INTEGER NOT NULL REFERENCES recording (id), -- the recording it belongs to
    place INTEGER NOT NULL,               -- which hour, from 0: that in which the recording began
    type INTEGER NOT NULL REFERENCES region_type (id), -- the type of the regions
    samples INTEGER NOT NULL,             -- from how many samples with regions
    figures TEXT NOT NULL,                -- JSON: [[quantities, least, mean_more, most_more], …], each as in rollup_row
    checksum INTEGER NOT NULL,            -- of the row
    PRIMARY KEY (recording, place, type)
) STRICT, WITHOUT ROWID;

DROP VIEW rollup_hour;

-- Sums over the regions of a type by the hour, of all quantities.
CREATE VIEW rollup_hour (recording, start_utc_s, type, family, quantity, samples, least, mean, most) AS
SELECT r.recording, (b.begun_utc_ns / 3600000000000 + r.place) * 3600, t.name, t.family, q.name, r.samples,
       (json_extract(f.value, '$[1]')) * q.unit,
       (json_extract(f.value, '$[1]') + json_extract(f.value, '$[2]')) * q.unit,
       (json_extract(f.value, '$[1]') + json_extract(f.value, '$[3]')) * q.unit
FROM rollup_hour_row AS r
JOIN recording AS b ON b.id = r.recording
JOIN region_type AS t ON t.id = r.type
JOIN json_each(r.figures) AS f
JOIN quantity AS q ON (json_extract(f.value, '$[0]') >> q.bit) & 1;
