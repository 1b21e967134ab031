// A program that leaks a known number of blocks, and holds copies of known texts.
#include <cstdlib>
#include <cstring>
#include <string>
#include <unistd.h>
#include <vector>

struct Kept {
    virtual ~Kept() {}
    Kept *next = nullptr;
};
struct Lost {
    virtual ~Lost() {}
    void *child = nullptr;
    long words[5] = {};
};

static Kept *first;
static std::vector<std::string> texts;
static char *inside;

// Keeps the compiler from leaving an allocation out.
static void use(void *block) { asm volatile("" ::"r"(block) : "memory"); }

__attribute__((noinline)) static void lose(int count) {
    for (int i = 0; i < count; i++) {
        Lost *lost = new Lost;
        lost->child = malloc(100);
        memset(lost->child, 1, 100);
        use(lost);
    }
    Lost *one = new Lost, *other = new Lost;
    one->child = other;
    other->child = one;
    use(one);
    use(other);
}

__attribute__((noinline)) static void smash() {
    volatile char stack[32768];
    for (unsigned i = 0; i < sizeof stack; i++) stack[i] = 0;
}

int main(int count, char **) {
    for (int i = 0; i < 1000; i++) {
        Kept *kept = new Kept;
        kept->next = first;
        first = kept;
    }
    for (int i = 0; i < 500; i++) {
        texts.push_back("a text that is copied, number " + std::to_string(i % 5));
    }
    // Only a pointer into it is kept.
    inside = (char *)malloc(5000) + 3000;
    if (count == 1) lose(300);
    smash();
    return write(1, "ready\n", 6) == 6 ? pause() : 1;
}
