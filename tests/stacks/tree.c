// Starts a child by fork alone and one that runs this program anew. At a line on standard input each touches memory, in
// functions of their own: the parent 8 MiB, the forked child 16 MiB, the new program 32 MiB. Prints "ready" and "grown".
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

__attribute__((noinline)) static void touch(long bytes) {
    char *memory = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (long at = 0; at < bytes; at += 4096) memory[at] = 1;
    asm volatile("" : : "r"(memory) : "memory");
}

__attribute__((noinline)) static void parent_grows(void) { touch(8 << 20); asm volatile(""); }
__attribute__((noinline)) static void forked_grows(void) { touch(16 << 20); asm volatile(""); }
__attribute__((noinline)) static void program_grows(void) { touch(32 << 20); asm volatile(""); }

// Waits for a byte, lets memory grow, answers with one, and goes on until the pipe is closed.
static void serve(int from, int to, void (*grows)(void)) {
    char byte = 'r';
    if (write(to, &byte, 1) != 1) exit(1);
    while (read(from, &byte, 1) == 1) {
        grows();
        if (write(to, &byte, 1) != 1) exit(1);
    }
    exit(0);
}

int main(int count, char **words) {
    if (count > 1) serve(atoi(words[1]), atoi(words[2]), program_grows);
    int down[2][2], up[2][2];
    for (int child = 0; child < 2; child++) {
        if (pipe(down[child]) || pipe(up[child])) return 1;
        if (fork() == 0) {
            for (int before = 0; before <= child; before++) close(down[before][1]);
            if (child == 0) serve(down[0][0], up[0][1], forked_grows);
            char from[16], to[16];
            sprintf(from, "%d", down[1][0]);
            sprintf(to, "%d", up[1][1]);
            execl("/proc/self/exe", "tree", from, to, (char *)0);
            return 1;
        }
    }
    char byte;
    for (int child = 0; child < 2; child++) if (read(up[child][0], &byte, 1) != 1) return 1;
    puts("ready");
    fflush(stdout);
    while (getchar() == '\n') {
        parent_grows();
        for (int child = 0; child < 2; child++)
            if (write(down[child][1], &byte, 1) != 1 || read(up[child][0], &byte, 1) != 1) return 1;
        puts("grown");
        fflush(stdout);
    }
}
