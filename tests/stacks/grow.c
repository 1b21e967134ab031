/* Makes memory resident by known functions: 96 MiB by path_a, 32 MiB by path_b, 64 MiB by read()
   into fresh memory, 64 MiB of small blocks. Begins at a line on its input, waits for the next. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MIB (1L << 20)

__attribute__((noinline)) static void touch(volatile char *at, long bytes) {
    for (long offset = 0; offset < bytes; offset += 4096)
        at[offset] = 1;
}
__attribute__((noinline)) void path_a(char *at, long bytes) {
    touch(at, bytes);
    __asm__ volatile("");
}
__attribute__((noinline)) void path_b(char *at, long bytes) {
    touch(at, bytes);
    __asm__ volatile("");
}
__attribute__((noinline)) void path_read(char *at, long bytes) {
    int file = open("/dev/zero", O_RDONLY);
    for (long offset = 0; offset < bytes; offset += MIB)
        if (read(file, at + offset, MIB) < 0)
            abort();
    close(file);
}
__attribute__((noinline)) void path_malloc(long blocks) {
    for (long block = 0; block < blocks; block++)
        memset(malloc(1008), 1, 1008);
    __asm__ volatile("");
}
static char *room(long bytes) {
    char *at = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    madvise(at, bytes, MADV_NOHUGEPAGE);
    return at;
}

int main(void) {
    char *a = room(96 * MIB), *b = room(32 * MIB), *r = room(64 * MIB);
    puts("ready");
    fflush(stdout);
    getchar();
    path_a(a, 96 * MIB);
    path_b(b, 32 * MIB);
    path_read(r, 64 * MIB);
    path_malloc(64 * 1024);
    puts("grown");
    fflush(stdout);
    getchar();
    munmap(a, 48 * MIB);
    puts("shrunk");
    fflush(stdout);
    getchar();
    return 0;
}
