/* Maps and unmaps known sizes by known functions; each step begins at a line on its input:
   1: takes 96 MiB by take_a, 33 MiB + 1 byte by take_b, moves 8 MiB to 24 MiB by grow, 4 MiB of brk by
      take_break;
   2: maps and unmaps 5 MiB a hundred times by passing, and gives back 48 MiB of take_a's by drop_half;
   3: releases 16 MiB of the rest by forget, and calls that fail by fails. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define MIB (1L << 20)
#define OWN __attribute__((noinline, noclone))

static char *room(long bytes) {
    char *at = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        abort();
    return at;
}
OWN char *take_a(long bytes) {
    char *at = room(bytes);
    __asm__ volatile("" ::: "memory");
    return at;
}
OWN char *take_b(long bytes) {
    char *at = room(bytes);
    __asm__ volatile("" ::: "memory");
    return at;
}
OWN char *grow(char *at, long before, long after) {
    at = mremap(at, before, after, MREMAP_MAYMOVE);
    __asm__ volatile("" ::: "memory");
    return at;
}
OWN void take_break(long bytes) {
    if (sbrk(bytes) == (void *)-1)
        abort();
    __asm__ volatile("" ::: "memory");
}
OWN void passing(long times, long bytes) {
    for (long time = 0; time < times; time++)
        munmap(room(bytes), bytes);
    __asm__ volatile("" ::: "memory");
}
OWN void drop_half(char *at, long bytes) {
    munmap(at, bytes);
    __asm__ volatile("" ::: "memory");
}
OWN void forget(char *at, long bytes) {
    madvise(at, bytes, MADV_DONTNEED);
    __asm__ volatile("" ::: "memory");
}
OWN void fails(void) {
    if (mmap(0, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
        abort();
    if (munmap((void *)1, 4096) == 0)
        abort();
    __asm__ volatile("" ::: "memory");
}
static void step(const char *done) {
    puts(done);
    fflush(stdout);
    getchar();
}

int main(void) {
    static char input[64];
    setvbuf(stdin, input, _IOFBF, sizeof input);
    step("ready");
    char *a = take_a(96 * MIB);
    char *b = take_b(33 * MIB + 1);
    char *c = take_b(8 * MIB);
    c = grow(c, 8 * MIB, 24 * MIB);
    take_break(4 * MIB);
    step("taken");
    passing(100, 5 * MIB);
    drop_half(a, 48 * MIB);
    step("passed");
    forget(a + 48 * MIB, 16 * MIB);
    fails();
    step("forgotten");
    return b == c;
}
