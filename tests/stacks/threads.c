// Starts as many threads as asked for, prints "ready", and at a line on standard input lets each touch 64 KiB,
// in touch_own; then the first thread touches 64 MiB, in touch_much. It answers "done" and goes on until the next.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t news = PTHREAD_COND_INITIALIZER;
static long turn, ready;

__attribute__((noinline)) static void touch(char *memory, long bytes) {
    for (long at = 0; at < bytes; at += 4096) memory[at] = 1;
    asm volatile("" : : "r"(memory) : "memory");
}

static char *pages(long bytes) {
    return mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

__attribute__((noinline)) static void touch_own(void) {
    touch(pages(64 << 10), 64 << 10);
    asm volatile("");
}

__attribute__((noinline)) static void touch_much(void) {
    touch(pages(64 << 20), 64 << 20);
    asm volatile("");
}

static void report(void) {
    ready++;
    pthread_cond_broadcast(&news);
}

static void *work(void *unused) {
    pthread_mutex_lock(&lock);
    report();
    long seen = turn;
    for (;;) {
        while (seen == turn) pthread_cond_wait(&news, &lock);
        seen = turn;
        pthread_mutex_unlock(&lock);
        touch_own();
        pthread_mutex_lock(&lock);
        report();
    }
}

static void all(long count) {
    while (ready < count) pthread_cond_wait(&news, &lock);
    ready = 0;
}

int main(int count, char **words) {
    long threads = atol(words[1]);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 64 << 10);
    pthread_mutex_lock(&lock);
    for (long index = 0; index < threads; index++) {
        pthread_t thread;
        if (pthread_create(&thread, &attributes, work, 0)) return 1;
    }
    all(threads);
    puts("ready");
    fflush(stdout);
    while (getchar() == '\n') {
        turn++;
        pthread_cond_broadcast(&news);
        all(threads);
        touch_much();
        puts("done");
        fflush(stdout);
    }
}
