/*
 * Writes down, in order, what a program asks of the files in one folder: every
 * write with its data, every change of a name, and when what was made durable.
 * Loaded with LD_PRELOAD; JOURNAL_FOLDER is the folder, JOURNAL_FILE (outside
 * it) gets the records. What is mapped, such as SQLite's -shm, is not seen and
 * need not be: it is made anew after a power cut.
 *
 * A record is: u32 kind, u32 file, u64 place, u64 bytes, then as many bytes.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { CREATED = 1, WRITTEN, CUT, SYNCED, UNLINKED, RENAMED, FOLDER_SYNCED };
enum { FDS = 4096, FILES = 4096, FOLDER = -1 };

struct head {
    uint32_t kind, file;
    uint64_t place, bytes;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *folder;
static size_t folder_length;
static int out = -1;
static int files[FDS]; /* 0: not ours; FOLDER; else the number of the file */
static ino_t inodes[FILES];
static int count;

static void die(const char *what) {
    dprintf(2, "journal: %s: %s\n", what, strerror(errno));
    abort();
}

__attribute__((constructor)) static void start(void) {
    const char *file = getenv("JOURNAL_FILE");
    folder = getenv("JOURNAL_FOLDER");
    if (!folder || !file)
        return;
    folder_length = strlen(folder);
    out = syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (out < 0)
        die(file);
}

static void record(uint32_t kind, uint32_t file, uint64_t place, const void *data, uint64_t bytes) {
    struct head head = {kind, file, place, bytes};
    struct iovec parts[2] = {{&head, sizeof head}, {(void *)data, bytes}};
    if (syscall(SYS_writev, out, parts, 2) != (long)(sizeof head + bytes))
        die("a record");
}

static int inside(const char *path) {
    size_t length = strlen(path);
    return out >= 0 && strncmp(path, folder, folder_length) == 0 && path[folder_length] == '/' &&
           !(length > 4 && strcmp(path + length - 4, "-shm") == 0);
}

static int file_of(int fd) {
    return out >= 0 && fd >= 0 && fd < FDS ? files[fd] : 0;
}

static int number_of(ino_t inode) {
    for (int number = count; number > 0; number--)
        if (inodes[number] == inode)
            return number;
    return 0;
}

static int open_file(int at, const char *path, int flags, mode_t mode) {
    if (out >= 0 && strcmp(path, folder) == 0) {
        int fd = syscall(SYS_openat, at, path, flags, mode);
        if (fd >= 0 && fd < FDS)
            files[fd] = FOLDER;
        return fd;
    }
    if (!inside(path))
        return syscall(SYS_openat, at, path, flags, mode);
    pthread_mutex_lock(&lock);
    int there = syscall(SYS_faccessat, AT_FDCWD, path, F_OK) == 0;
    int fd = syscall(SYS_openat, at, path, flags, mode);
    int error = errno;
    struct stat now;
    if (fd >= 0 && fstat(fd, &now) == 0 && S_ISREG(now.st_mode)) {
        if (fd >= FDS || count + 1 >= FILES)
            die("too many files");
        int number = there ? number_of(now.st_ino) : 0;
        if (!number) {
            number = ++count;
            inodes[number] = now.st_ino;
            record(CREATED, number, 0, path, strlen(path));
        } else if (flags & O_TRUNC) {
            record(CUT, number, 0, NULL, 0);
        }
        files[fd] = number;
    }
    pthread_mutex_unlock(&lock);
    errno = error;
    return fd;
}

#define OPEN(name)                                                                                 \
    int name(const char *path, int flags, ...) {                                                   \
        va_list rest;                                                                              \
        va_start(rest, flags);                                                                     \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;                    \
        va_end(rest);                                                                              \
        return open_file(AT_FDCWD, path, flags, mode);                                             \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                                               \
    int name(int at, const char *path, int flags, ...) {                                           \
        va_list rest;                                                                              \
        va_start(rest, flags);                                                                     \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;                    \
        va_end(rest);                                                                              \
        return open_file(at, path, flags, mode);                                                   \
    }
OPENAT(openat)
OPENAT(openat64)

int close(int fd) {
    if (file_of(fd))
        files[fd] = 0;
    return syscall(SYS_close, fd);
}

static ssize_t write_at(int fd, const void *data, size_t bytes, off_t place) {
    int file = file_of(fd);
    if (file <= 0)
        return syscall(SYS_pwrite64, fd, data, bytes, place);
    pthread_mutex_lock(&lock);
    ssize_t done = syscall(SYS_pwrite64, fd, data, bytes, place);
    int error = errno;
    if (done > 0)
        record(WRITTEN, file, place, data, done);
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}

ssize_t pwrite(int fd, const void *data, size_t bytes, off_t place) {
    return write_at(fd, data, bytes, place);
}

ssize_t pwrite64(int fd, const void *data, size_t bytes, off_t place) {
    return write_at(fd, data, bytes, place);
}

ssize_t write(int fd, const void *data, size_t bytes) {
    int file = file_of(fd);
    if (file <= 0)
        return syscall(SYS_write, fd, data, bytes);
    pthread_mutex_lock(&lock);
    ssize_t done = syscall(SYS_write, fd, data, bytes);
    int error = errno;
    if (done > 0)
        record(WRITTEN, file, lseek(fd, 0, SEEK_CUR) - done, data, done);
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}

ssize_t writev(int fd, const struct iovec *parts, int number) {
    if (file_of(fd) <= 0)
        return syscall(SYS_writev, fd, parts, number);
    ssize_t sum = 0;
    for (int part = 0; part < number; part++) {
        ssize_t done = write(fd, parts[part].iov_base, parts[part].iov_len);
        if (done < 0)
            return sum ? sum : done;
        sum += done;
        if ((size_t)done < parts[part].iov_len)
            break;
    }
    return sum;
}

static int cut(int fd, off_t bytes) {
    int file = file_of(fd);
    pthread_mutex_lock(&lock);
    int failed = syscall(SYS_ftruncate, fd, bytes);
    int error = errno;
    if (!failed && file > 0)
        record(CUT, file, bytes, NULL, 0);
    pthread_mutex_unlock(&lock);
    errno = error;
    return failed;
}

int ftruncate(int fd, off_t bytes) { return cut(fd, bytes); }
int ftruncate64(int fd, off_t bytes) { return cut(fd, bytes); }

/* Refused, as some file systems do: the caller then writes, which is seen. */
int fallocate(int fd, int mode, off_t place, off_t bytes) {
    if (file_of(fd) <= 0)
        return syscall(SYS_fallocate, fd, mode, place, bytes);
    errno = EOPNOTSUPP;
    return -1;
}

int posix_fallocate(int fd, off_t place, off_t bytes) {
    return file_of(fd) > 0 ? EOPNOTSUPP : fallocate(fd, 0, place, bytes) ? errno : 0;
}

static int sync_file(long how, int fd) {
    int file = file_of(fd);
    pthread_mutex_lock(&lock);
    int failed = syscall(how, fd);
    int error = errno;
    if (!failed && file)
        record(file == FOLDER ? FOLDER_SYNCED : SYNCED, file == FOLDER ? 0 : file, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    errno = error;
    return failed;
}

int fsync(int fd) { return sync_file(SYS_fsync, fd); }
int fdatasync(int fd) { return sync_file(SYS_fdatasync, fd); }

int unlinkat(int at, const char *path, int flags) {
    pthread_mutex_lock(&lock);
    int failed = syscall(SYS_unlinkat, at, path, flags);
    int error = errno;
    if (!failed && inside(path))
        record(UNLINKED, 0, 0, path, strlen(path));
    pthread_mutex_unlock(&lock);
    errno = error;
    return failed;
}

int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }

int rename(const char *from, const char *to) {
    char both[2 * PATH_MAX];
    pthread_mutex_lock(&lock);
    int failed = syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
    int error = errno;
    if (!failed && inside(from))
        record(RENAMED, 0, 0, both, snprintf(both, sizeof both, "%s\n%s", from, to));
    pthread_mutex_unlock(&lock);
    errno = error;
    return failed;
}
