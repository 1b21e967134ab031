/* What the loader does not have of macOS, added to a copy of it by heap.py: suspended tasks, threads with
 * registers, and an allocator whose functions list the blocks of another process, through the reader and
 * the recorder that its caller gives, as malloc's do.
 *
 * A zone of it has behind its `malloc_zone_t` a number of entries and these: kind, address, size, 64 bits
 * each. The number is also what goes wrong: -1 loops, -2 faults, -3 fails, once in a zone with -4.
 *
 *   MACHRUN_STOPS       a file: a line for each suspension and each end of one
 *   MACHRUN_REGISTERS   the registers of the one thread, in the order of x86_thread_state64_t; "none": unknown
 *   MACHRUN_REFUSE      "task_suspend" or "task_threads" fails */

enum { ZONE_BYTES = 112, KERN_FAILURE_ = 5, THREAD_PORT = 0x9003 };
static void *const TABLE = (void *)0x7e0000000000; /* malloc_introspection_t, at one address in every process */

typedef u32 reader_fn(u32, u64, u64, void **);
typedef void recorder_fn(u32, void *, u32, u64 *, u32);

static void note_stop(const char *what) {
    const char *path = getenv("MACHRUN_STOPS");
    int file = path ? open(path, O_WRONLY | O_APPEND | O_CREAT, 0600) : -1;
    if (file >= 0 && write(file, what, strlen(what)) >= 0) close(file);
}
static int is_refused(const char *call) {
    const char *refused = getenv("MACHRUN_REFUSE");
    return refused && !strcmp(refused, call);
}
static u32 h_task_suspend(u32 port) {
    int kind;
    if (!task_of_port_kind(port, &kind) || kind != CONTROL_PORT) return KERN_INVALID_ARGUMENT;
    if (is_refused("task_suspend")) return KERN_FAILURE_;
    note_stop("suspend\n");
    return 0;
}
static u32 h_task_resume(u32 port) {
    int kind;
    if (!task_of_port_kind(port, &kind) || kind != CONTROL_PORT) return KERN_INVALID_ARGUMENT;
    note_stop("resume\n");
    return 0;
}
static u32 h_task_threads(u32 port, u32 **list, u32 *count) {
    if (is_refused("task_threads")) return KERN_FAILURE_;
    u32 *one = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    one[0] = THREAD_PORT;
    *list = one, *count = 1;
    return 0;
}
static u32 h_thread_get_state(u32 thread, int flavor, u64 *state, u32 *count) {
    const char *text = getenv("MACHRUN_REGISTERS");
    if (thread != THREAD_PORT || flavor != 4 || *count < 42) return KERN_INVALID_ARGUMENT;
    if (text && !strcmp(text, "none")) return KERN_FAILURE_;
    memset(state, 0, 21 * 8);
    for (int i = 0; text && *text && i < 21; i++) {
        char *end;
        state[i] = strtoull(text, &end, 0);
        text = *end ? end + 1 : end;
    }
    *count = 42;
    return 0;
}

static u64 entries(u32 task, u64 zone, reader_fn *reader, u64 **found) {
    u64 *count;
    if (reader(task, zone + ZONE_BYTES, 8, (void **)&count)) return -3;
    u64 n = *count;
    if (n == (u64)-4) { /* in the middle of a change: the first time */
        static int tries;
        n = ++tries == 1 ? 1 : 0;
        static u64 odd[3] = {1, 0x17, 0x20};
        *found = odd;
        return n;
    }
    if ((i64)n < 0 || reader(task, zone + ZONE_BYTES + 8, n * 24, (void **)found)) return n;
    return n;
}
static u32 h_enumerator(u32 task, void *context, u32 kinds, u64 zone, reader_fn *reader, recorder_fn *recorder) {
    u64 *list = 0, n = entries(task, zone, reader, &list);
    while (n == (u64)-1) sched_yield();
    if (n == (u64)-2) *(volatile int *)8 = 0;
    if ((i64)n < 0 || (n && !list)) return KERN_FAILURE_;
    recorder(task, context, kinds, 0, 0);
    for (u64 i = 0; i < n; i++)
        if (list[3 * i] & kinds) recorder(task, context, list[3 * i] & kinds, list + 3 * i + 1, 1);
    return 0;
}
static void h_statistics(u32 task, u64 zone, reader_fn *reader, struct { u32 blocks; u64 in_use, most, all; } *sums) {
    u64 *list = 0, n = entries(task, zone, reader, &list);
    for (u64 i = 0; (i64)n > 0 && list && i < n; i++)
        if (list[3 * i] & 1) sums->blocks++, sums->in_use += list[3 * i + 2];
}

static u64 h_zone[16];
static u64 *h_list[1] = {h_zone};
/* libmalloc malloc.c: without a reader, of this process. */
static u32 h_all_zones(u32 port, reader_fn *reader, u64 **zones, u32 *count) {
    if (reader) return f_malloc_get_all_zones(port, reader, zones, count);
    *zones = (u64 *)h_list, *count = 1;
    return 0;
}
__attribute__((constructor)) static void h_begin(void) {
    u64 *table = mmap(TABLE, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (table != TABLE) abort();
    table[0] = (u64)h_enumerator;
    table[15] = (u64)h_statistics;
    h_zone[12] = (u64)TABLE;
    h_zone[13] = 13; /* version */
}
