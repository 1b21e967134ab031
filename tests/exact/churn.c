// Maps, writes, cuts and unmaps memory all the time, so that a third of its mappings is new at each sample.
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SLOTS = 120, PAGE = 4096 };

int main(void) {
    char *at[SLOTS] = {0};
    size_t pages[SLOTS] = {0};
    srand(11);
    for (;;) {
        int slot = rand() % SLOTS;
        if (at[slot])
            munmap(at[slot], pages[slot] * PAGE);
        pages[slot] = 1 + rand() % 64;
        at[slot] = mmap(0, pages[slot] * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (at[slot] == MAP_FAILED)
            return 1;
        for (size_t page = 0; page < pages[slot]; page += 1 + rand() % 3)
            at[slot][page * PAGE] = 1;
        if (rand() % 4 == 0)
            mprotect(at[slot], (1 + rand() % pages[slot]) * PAGE, PROT_READ);
        char *block = malloc(1 + rand() % 200000);
        block[0] = 1;
        if (rand() % 2)
            free(block);
        usleep(2000);
    }
}
