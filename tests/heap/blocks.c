/* A program with a known heap: it prints malloc's own sums and waits. */
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREADS 4

static pthread_barrier_t ready;

static void *work(void *argument) {
    unsigned seed = (unsigned)(long)argument;
    static __thread void *blocks[2000];
    for (int turn = 0; turn < 30000; turn++) {
        int slot = rand_r(&seed) % 2000;
        size_t size = 16 + rand_r(&seed) % (rand_r(&seed) % 50 ? 600 : 60000);
        free(blocks[slot]);
        blocks[slot] = malloc(size);
        memset(blocks[slot], turn, size);
    }
    blocks[0] = aligned_alloc(4096, 300000);
    blocks[1] = aligned_alloc(64, 400000);
    blocks[2] = aligned_alloc(1 << 20, 500000);
    pthread_barrier_wait(&ready);
    pause();
    return NULL;
}

int main(int count, char **arguments) {
    static void *large[8];
    static void *small[200];
    pthread_barrier_init(&ready, NULL, THREADS + 1);
    for (long number = 1; number <= THREADS; number++) {
        pthread_t thread;
        pthread_create(&thread, NULL, work, (void *)number);
    }
    for (int i = 0; i < 8; i++) large[i] = malloc(200000 + i * 50000);
    free(large[3]);
    for (int i = 0; i < 200; i++) small[i] = malloc(48);
    for (int i = 0; i < 200; i += 2) free(small[i]);
    pthread_barrier_wait(&ready);
    /* All threads wait in pause() soon, and hold no lock of malloc's. */
    usleep(200000);
    if (count > 1 && !strcmp(arguments[1], "corrupt")) {
        volatile size_t *block = malloc(100);
        block[13] = 0x4141414141414141;
    }
    struct mallinfo2 sums = mallinfo2();
    char line[300];
    int length = snprintf(line, sizeof line, "%zu %zu %zu %zu %zu %zu\n", sums.arena, sums.hblks,
                          sums.hblkhd, sums.uordblks, sums.fordblks, sums.fsmblks);
    return write(1, line, length) == length ? pause() : 1;
}
