-- Version 1 of a vmrec recording. Never changed once released: what comes later is a new file.
--
-- Sizes are bytes, times nanoseconds. Unsigned 64-bit values are kept as SQLite's signed
-- integers of the same bits: an address above 0x7fffffffffffffff reads as negative, and
-- printf('%x', start) shows it right.

-- One target over one stretch of time.
CREATE TABLE recording (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- names the recording; never given to another one
    name TEXT,                            -- the user's own name for it
    pid INTEGER NOT NULL,                 -- process number of the target
    start_ticks INTEGER NOT NULL,         -- when the target started, in its platform's ticks; with pid and boot_id it names one process
    boot_id TEXT NOT NULL,                -- which boot of the machine
    parent_pid INTEGER,                   -- the process that started the target; null if not shown
    started_utc_ns INTEGER,               -- when the target started, nanoseconds since 1970-01-01 UTC; null if unknown
    executable TEXT,                      -- path of the target's program; null if it may not be read
    executable_deleted INTEGER NOT NULL CHECK (executable_deleted IN (0, 1)), -- 1 if that file was removed or replaced since
    short_name TEXT NOT NULL,             -- the kernel's short name for the target
    user_id INTEGER,                      -- the owner's user number; null if unknown
    host TEXT NOT NULL,                   -- name of the machine
    os TEXT NOT NULL,                     -- linux or macos
    kernel TEXT NOT NULL,                 -- release of the kernel
    architecture TEXT NOT NULL,           -- processor architecture
    page_size_bytes INTEGER NOT NULL,     -- bytes of a page
    interval_ns INTEGER NOT NULL,         -- planned nanoseconds between samples
    begun_utc_ns INTEGER NOT NULL,        -- wall clock as recording began, nanoseconds since 1970-01-01 UTC
    begun_monotonic_ns INTEGER NOT NULL,  -- monotonic clock at that moment, nanoseconds
    ended_utc_ns INTEGER,                 -- wall clock as it ended; null while it runs or if its recorder was killed
    ended_monotonic_ns INTEGER,           -- monotonic clock at that moment, nanoseconds
    why_ended TEXT CHECK (why_ended IN ('interrupted', 'finished', 'target exited', 'target replaced', 'recorder lost', 'failed')), -- null while it runs
    exit_status INTEGER,                  -- of a target that exited: exit code, or 128 + signal; null if not known
    failure TEXT                          -- what failed, where why_ended is 'failed'
) STRICT;

-- The arguments the target was started with.
CREATE TABLE argument (
    recording INTEGER NOT NULL REFERENCES recording (id), -- whose target
    place INTEGER NOT NULL,               -- from 0: the name the target was called by
    text TEXT NOT NULL,                   -- the argument
    PRIMARY KEY (recording, place)
) STRICT, WITHOUT ROWID;

-- What lies behind mappings: files, and what the kernel names.
CREATE TABLE object (
    id INTEGER PRIMARY KEY,               -- names the object within this file
    name TEXT NOT NULL,                   -- path, [heap], /memfd:NAME, anon:NAME
    device_major INTEGER NOT NULL,        -- major device number; 0 where there is none
    device_minor INTEGER NOT NULL,        -- minor device number; 0 where there is none
    inode INTEGER NOT NULL,               -- inode number; 0 where there is none
    deleted INTEGER NOT NULL CHECK (deleted IN (0, 1)), -- 1 if the file's name was removed
    UNIQUE (name, device_major, device_minor, inode, deleted)
) STRICT;

-- What stays the same about a region while it exists; frames refer to it by id.
CREATE TABLE region (
    id INTEGER PRIMARY KEY,               -- names the region within this file
    recording INTEGER NOT NULL REFERENCES recording (id), -- the recording it was seen in
    start INTEGER NOT NULL,               -- first address inside, as a signed integer of the same bits
    end INTEGER NOT NULL,                 -- first address after it, as a signed integer of the same bits
    protection INTEGER NOT NULL,          -- rights in force: 1 read + 2 write + 4 execute
    max_protection INTEGER,               -- the most rights it may get, same bits; null if unknown
    object INTEGER REFERENCES object (id), -- what lies behind it; null for anonymous memory
    offset INTEGER NOT NULL,              -- bytes from the object's beginning to start
    flags TEXT NOT NULL,                  -- the platform's own words on the mapping
    type TEXT NOT NULL,                   -- what it is for
    family TEXT NOT NULL,                 -- the group of types it belongs to
    confidence TEXT NOT NULL,             -- how sure the type is: unknown, guess, likely, sure
    rule TEXT NOT NULL,                   -- the rule that decided the type
    detail TEXT                           -- what tells it from others of its type, such as a thread
) STRICT;

-- One full snapshot each, or ticks at which none was taken.
CREATE TABLE sample (
    id INTEGER PRIMARY KEY,               -- names the sample within this file
    recording INTEGER NOT NULL REFERENCES recording (id), -- the recording it belongs to
    number INTEGER NOT NULL,              -- its number there, from 1, without holes
    taken_utc_ns INTEGER NOT NULL,        -- wall clock as taken (or due, if missed), nanoseconds since 1970-01-01 UTC
    taken_monotonic_ns INTEGER NOT NULL,  -- monotonic clock at that moment, nanoseconds
    state TEXT NOT NULL CHECK (state IN ('complete', 'torn', 'missed')), -- torn: regions moved while read; missed: not taken
    reason TEXT,                          -- why torn or missed
    missed_ticks INTEGER,                 -- ticks of the schedule that passed, if missed
    cost_cpu_ns INTEGER NOT NULL,         -- processor time taking it cost the recorder, nanoseconds
    cost_wall_ns INTEGER NOT NULL,        -- wall clock time that took, nanoseconds
    regions INTEGER,                      -- how many regions it has; null if missed
    virtual_bytes INTEGER,                -- of the process: address space in use, bytes; null if unknown, as all below
    resident_bytes INTEGER,               -- of the process: bytes in memory
    peak_resident_bytes INTEGER,          -- of the process: the most that was, bytes
    anonymous_resident_bytes INTEGER,     -- of the process: bytes in memory of no file
    file_resident_bytes INTEGER,          -- of the process: bytes in memory of files
    shmem_resident_bytes INTEGER,         -- of the process: bytes in memory of shared memory
    swapped_bytes INTEGER,                -- of the process: bytes moved out of memory
    page_table_bytes INTEGER,             -- of the process: bytes of page tables
    footprint_bytes INTEGER,              -- of the process: bytes it alone is charged for
    threads INTEGER,                      -- of the process: number of threads
    minor_faults INTEGER,                 -- of the process: page faults without I/O since its start
    major_faults INTEGER,                 -- of the process: page faults with I/O since its start
    cpu_ns INTEGER,                       -- of the process: processor time since its start, nanoseconds
    UNIQUE (recording, number)
) STRICT;

-- The regions of a sample, encoded: a key frame stands alone, a delta builds on the frame before it.
CREATE TABLE frame (
    sample INTEGER PRIMARY KEY REFERENCES sample (id), -- the sample it holds the regions of
    kind TEXT NOT NULL CHECK (kind IN ('key', 'delta')), -- key: all regions; delta: what changed
    checksum INTEGER NOT NULL,            -- CRC-32 of recording, number, kind and data
    data BLOB NOT NULL                    -- the encoded regions; store/src/frame/ defines them
) STRICT;

-- Named moments.
CREATE TABLE mark (
    id INTEGER PRIMARY KEY,               -- names the mark within this file
    recording INTEGER NOT NULL REFERENCES recording (id), -- the recording it belongs to
    utc_ns INTEGER NOT NULL,              -- when, nanoseconds since 1970-01-01 UTC
    text TEXT NOT NULL                    -- the user's words
) STRICT;

-- marks are looked up by recording and drawn in the order of time
CREATE INDEX mark_by_time ON mark (recording, utc_ns);
