/* Starts 60 threads that wait, prints "ready", and waits too. */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static void *wait_long(void *nothing) {
    pause();
    return nothing;
}

int main(void) {
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 64 << 10);
    for (int count = 0; count < 60; count++) {
        pthread_t thread;
        if (pthread_create(&thread, &small, wait_long, 0)) return 1;
    }
    puts("ready");
    fflush(stdout);
    pause();
}
