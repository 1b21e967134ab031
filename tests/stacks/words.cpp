// Maps of strings and vectors that grow, are sorted and go, as many programs have them; prints its own
// processor time in seconds.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <unordered_map>
#include <vector>

static size_t round_of_words() {
    std::unordered_map<std::string, std::vector<std::string>> texts;
    for (int i = 0; i < 60000; i++) {
        std::string key = "a key of some length " + std::to_string(i % 15000);
        texts[key].push_back("a text that is rather long " + std::to_string(i));
    }
    std::vector<std::string> keys;
    for (auto &one : texts) keys.push_back(one.first);
    std::sort(keys.begin(), keys.end());
    size_t sum = 0;
    for (auto &key : keys) sum += key.size() + texts[key].size();
    return sum;
}

int main(int, char **argv) {
    size_t sum = 0;
    for (int i = 0; i < atoi(argv[1]); i++) sum += round_of_words();
    timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    fprintf(stderr, "%zu\n", sum);
    printf("%.6f\n", double(time.tv_sec) + double(time.tv_nsec) * 1e-9);
}
