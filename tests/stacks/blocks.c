// Allocates blocks as its standard input says, a letter a line, from functions whose bytes are known.
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#define APART __attribute__((noinline, noclone))
#define MIB (1 << 20)

static void *kept[1 << 20], *large[64];
static int count;

APART void *site_small(void) { return malloc(1000); }
APART void *site_zeroed(void) { return calloc(4, 5000); }
APART void *site_moved(void) { return realloc(malloc(10), 300000); }

// 60,000,000 + 40,000,000 + 30,000,000 bytes.
APART void grow(void) {
    for (int i = 0; i < 60000; i++) kept[count++] = site_small();
    for (int i = 0; i < 2000; i++) kept[count++] = site_zeroed();
    for (int i = 0; i < 100; i++) kept[count++] = site_moved();
}

// Half of the small ones.
APART void give_back(void) {
    for (int i = 0; i < 30000; i++) {
        free(kept[i]);
        kept[i] = 0;
    }
}

APART void give_one_back(int index) {
    free(kept[index]);
}

APART void *in_thread(void *room) {
    void **blocks = room;
    for (int i = 0; i < 4000; i++) {
        free(malloc(3000));
        blocks[i] = malloc(2000);
        if (i % 50 == 0) usleep(10000);
    }
    return 0;
}

// 8 × 4000 × 2000 bytes stay.
APART void threads(void) {
    pthread_t thread[8];
    for (int i = 0; i < 8; i++) {
        pthread_create(thread + i, 0, in_thread, kept + count);
        count += 4000;
    }
    for (int i = 0; i < 8; i++) pthread_join(thread[i], 0);
}

// 64 MiB each.
APART void site_aligned(int way) {
    for (int i = 0; i < 64; i++) {
        void *block = 0;
        switch (way) {
        case 0: posix_memalign(&block, 64, MIB); break;
        case 1: block = aligned_alloc(4096, MIB); break;
        case 2: block = memalign(128, MIB); break;
        case 3: block = valloc(MIB); break;
        case 4: block = reallocarray(0, 16, MIB / 16); break;
        }
        large[i] = block;
    }
}

// Blocks that come and go: each is sampled where the mean is far below.
APART void churn(int times) {
    for (int i = 0; i < times; i++) {
        char *block = malloc(2000);
        *(volatile char *)block = 1;
        free(block);
    }
}

APART void *site_child(void) { return malloc(100000); }

// A child that frees its parent's blocks and takes 30,000,000 bytes of its own, until a line comes.
static pid_t child;
static int to_child[2];
APART void in_child(void) {
    char line;
    for (int i = 0; i < count; i++) free(kept[i]);
    for (int i = 0; i < 300; i++) kept[i] = site_child();
    puts("child");
    fflush(stdout);
    close(to_child[1]);
    read(to_child[0], &line, 1);
    _exit(0);
}

__attribute__((constructor)) static void early(void) { free(malloc(5)); }
static void late(void) { free(realloc(malloc(100), 200)); }

int main(int argc, char **argv) {
    char line[99];
    atexit(late);
    puts("ready");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        switch (line[0]) {
        case 'g': grow(); break;
        case 'b': give_back(); break;
        case 't': threads(); break;
        case 'a':
            for (int i = 0; i < 64; i++) free(large[i]);
            site_aligned(line[1] - '0');
            break;
        case 'c': churn(atoi(line + 1)); break;
        case 'f':
            pipe(to_child);
            child = fork();
            if (child == 0) in_child();
            close(to_child[0]);
            continue;
        case 'w':
            write(to_child[1], "x", 1);
            waitpid(child, 0, 0);
            break;
        case 's': kept[count++] = site_small(); break;
        case 'u': give_one_back(atoi(line + 1)); break;
        case 'x': execv("/proc/self/exe", argv); break;
        case 'p':
            printf("at %p\n", (void *)kept[atoi(line + 1)]);
            fflush(stdout);
            continue;
        }
        puts("done");
        fflush(stdout);
    }
    return 0;
}
