-- Version 2: what types were told by, so that newer rules can tell them again. Never changed once released.

-- The facts of one classification, good from a sample on until the next row of its recording.
CREATE TABLE evidence (
    recording INTEGER NOT NULL REFERENCES recording (id), -- the recording it belongs to
    number INTEGER NOT NULL,              -- the first sample it is good for
    checksum INTEGER NOT NULL,            -- CRC-32 of recording, number, the word 'evidence' and data
    data BLOB NOT NULL,                   -- encoded facts and bytes read of the target, zstd; store/src/evidence/ defines them
    PRIMARY KEY (recording, number)
) STRICT;
