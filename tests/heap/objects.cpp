// A program with a known number of objects of C++ classes.
#include <cstdio>
#include <unistd.h>
#include <vector>

namespace shop {
struct Item {
    virtual ~Item() {}
    long price = 1;
};
struct Book : Item {
    char title[40] = "a book";
};
template <typename T> struct Shelf : Item {
    T places[4];
};
}  // namespace shop
namespace {
struct Hidden {
    virtual ~Hidden() {}
    char bytes[100] = {};
};
}  // namespace

static std::vector<void *> kept;

int main() {
    for (int i = 0; i < 1000; i++) kept.push_back(new shop::Book);
    for (int i = 0; i < 200; i++) kept.push_back(new shop::Item);
    for (int i = 0; i < 30; i++) kept.push_back(new shop::Shelf<long>);
    for (int i = 0; i < 7; i++) kept.push_back(new Hidden);
    return write(1, "ready\n", 6) == 6 ? pause() : 1;
}
