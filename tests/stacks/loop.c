// Nothing but malloc and free; prints its own processor time in seconds.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(int argc, char **argv) {
    static void *blocks[1024];
    struct timespec time;
    unsigned random = 1;
    for (int i = 0, pairs = atoi(argv[1]); i < pairs; i++) {
        random = random * 1664525 + 1013904223;
        int index = random >> 10 & 1023;
        free(blocks[index]);
        blocks[index] = malloc(16 + (random >> 20 & 511));
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    printf("%.6f\n", time.tv_sec + time.tv_nsec * 1e-9);
}
