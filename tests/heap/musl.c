/* A program with a known heap of musl's malloc; it waits. 700 blocks are leaked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void **volatile root;

int main(void) {
    void **kept = calloc(4000, sizeof *kept);
    for (int i = 0; i < 3000; i++) memset(kept[i] = malloc(100), 1, 100);
    for (int i = 3000; i < 3500; i++) memset(kept[i] = malloc(5000), 2, 5000);
    for (int i = 3500; i < 3520; i++) memset(kept[i] = malloc(300000), 3, 300000);
    for (int i = 0; i < 1000; i++) {
        free(kept[i]);
        kept[i] = NULL;
    }
    for (int i = 0; i < 700; i++) strcpy(malloc(40), "leaked block");
    for (int i = 3600; i < 3650; i++) strcpy(kept[i] = malloc(64), "a text of its own");
    root = kept;
    puts("ready");
    fflush(stdout);
    return pause();
}
