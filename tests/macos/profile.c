// Preloaded into the loader of Mach-O programs: when the program ends, writes the counters of
// -C instrument-coverage, which lie in its sections, as a raw profile that llvm-profdata reads.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct header { uint32_t magic, cpu, sub, type, ncmds, size, flags, reserved; };
struct command { uint32_t cmd, size; };
struct segment { uint32_t cmd, size; char name[16]; uint64_t addr, vmsize, off, filesize; uint32_t max, init, nsects, flags; };
struct section { char name[16], segment[16]; uint64_t addr, size; uint32_t rest[8]; };
struct part { char *start; uint64_t size; };

static int find(char *base, const char *name, struct part *part) {
    struct header *header = (struct header *)base;
    char *at = base + sizeof *header;
    uint64_t text = 0;
    for (uint32_t n = 0; n < header->ncmds; n++) {
        struct segment *segment = (struct segment *)at;
        if (segment->cmd == 0x19) {
            if (!strcmp(segment->name, "__TEXT")) text = segment->addr;
            struct section *section = (struct section *)(segment + 1);
            for (uint32_t s = 0; s < segment->nsects; s++, section++)
                if (!strncmp(section->name, name, 16)) {
                    part->start = base + (section->addr - text);
                    part->size = section->size;
                    return 1;
                }
        }
        at += ((struct command *)at)->size;
    }
    return 0;
}

static void write_profile(char *base) {
    struct part data, counters, names;
    if (!find(base, "__llvm_prf_data", &data) || !find(base, "__llvm_prf_cnts", &counters) || !find(base, "__llvm_prf_names", &names))
        return;
    char path[4096];
    const char *folder = getenv("PROFILE_FOLDER");
    if (!folder) return;
    snprintf(path, sizeof path, "%s/%d.profraw", folder, (int)getpid());
    FILE *file = fopen(path, "w");
    if (!file) return;
    uint64_t count = data.size / 64, pad = (8 - names.size % 8) % 8;
    uint64_t header[16] = {
        0xff6c70726f667281ull, 10, 0, count, 0, counters.size / 8, 0, 0, 0, names.size,
        (uint64_t)(counters.start - data.start), 0, (uint64_t)names.start, 0, 0, 2,
    };
    fwrite(header, sizeof header, 1, file);
    fwrite(data.start, count * 64, 1, file);
    fwrite(counters.start, counters.size / 8 * 8, 1, file);
    fwrite(names.start, names.size, 1, file);
    fwrite("\0\0\0\0\0\0\0", pad, 1, file);
    fclose(file);
}

__attribute__((destructor)) static void at_end(void) {
    // Other threads may unmap what is listed: a look through this file fails where an access would end the program.
    int memory = open("/proc/self/mem", O_RDONLY);
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[4096];
    while (maps && fgets(line, sizeof line, maps)) {
        unsigned long start;
        struct header header;
        // The program is copied to memory of no file.
        if (strchr(line, '/') || sscanf(line, "%lx-", &start) != 1) continue;
        if (pread(memory, &header, sizeof header, start) != sizeof header) continue;
        if (header.magic == 0xfeedfacf && header.type == 2) write_profile((char *)start);
    }
}
