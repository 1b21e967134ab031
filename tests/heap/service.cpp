// A service that does as it is ordered, line by line, and answers "done": `keep N` makes sessions that it
// holds, `forget N` sessions that nothing leads to any more, `drop N` deletes sessions that it held.
#include <cstdio>
#include <cstring>
#include <unistd.h>
#include <vector>

namespace shop {
struct Order {
    virtual ~Order() {}
    char goods[80];
};

struct Session {
    Session() : order(new Order) { memset(state, 1, sizeof state); }
    virtual ~Session() { delete order; }
    Order* order;
    char state[2000];
};
} // namespace shop

static std::vector<shop::Session*> held;

__attribute__((noinline)) void keep_session() { held.push_back(new shop::Session); asm volatile(""); }

__attribute__((noinline)) void forget_session() {
    auto* session = new shop::Session;
    asm volatile("" : : "r"(session) : "memory");
}

// Overwrites what calls before left of pointers on the stack and in registers.
__attribute__((noinline)) void wipe() {
    volatile char room[65536];
    for (size_t at = 0; at < sizeof room; at++) room[at] = 0;
}

__attribute__((noinline)) void handle(const char* word, long number) {
    for (long index = 0; index < number; index++) {
        if (!strcmp(word, "keep")) keep_session();
        if (!strcmp(word, "forget")) forget_session();
        if (!strcmp(word, "drop") && !held.empty()) {
            delete held.back();
            held.pop_back();
        }
    }
    // One that goes takes the place of pointers that the last call left in freed memory.
    delete new shop::Session;
}

int main() {
    setvbuf(stdout, nullptr, _IOLBF, 4096);
    held.reserve(1 << 16);
    char word[16];
    long number;
    puts("ready");
    while (scanf("%15s %ld", word, &number) == 2) {
        handle(word, number);
        wipe();
        puts("done");
    }
}
