// Keeps a part of each request, and gives a cache back after 700 of them.
#include <chrono>
#include <cstring>
#include <malloc.h>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

struct Session {
    char data[1500];
};

static std::vector<Session *> sessions;
static std::vector<std::unique_ptr<char[]>> cache;
static std::map<std::string, std::vector<int>> words;

// Each function shall be seen.
#define SHOWN __attribute__((noinline))

SHOWN void make_session(int n) {
    auto *session = new Session;
    memset(session->data, n, sizeof session->data);
    sessions.push_back(session);
    asm volatile("");
}
SHOWN void handle_request(int n) {
    for (int i = 0; i < 40; i++)
        make_session(n + i);
    asm volatile("");
}
SHOWN void build_index(int n) {
    for (int i = 0; i < 30; i++)
        words["key number " + std::to_string(n * 30 + i)].resize(200, n);
    asm volatile("");
}
SHOWN void serve(int n) {
    handle_request(n);
    if (n % 2 == 0)
        build_index(n);
    asm volatile("");
}
SHOWN void fill_cache() {
    for (int i = 0; i < 64; i++) {
        cache.emplace_back(new char[1 << 20]);
        memset(cache.back().get(), 1, 1 << 20);
    }
    asm volatile("");
}
SHOWN void drop_cache() {
    cache.clear();
    malloc_trim(0);
    asm volatile("");
}

int main() {
    mallopt(M_MMAP_THRESHOLD, 512 * 1024);
    fill_cache();
    for (int n = 0; n < 1000; n++) {
        serve(n);
        if (n == 700)
            drop_cache();
        std::this_thread::sleep_for(std::chrono::milliseconds(8));
    }
}
