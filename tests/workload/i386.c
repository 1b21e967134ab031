/* A process of 32 bits that needs no library: gcc -m32 -nostdlib -static. Writes 3 MiB of .bss, then pauses. */
static char written[3 << 20];

void _start(void) {
    for (unsigned at = 0; at < sizeof written; at += 4096)
        ((volatile char *)written)[at] = 1;
    for (;;)
        __asm__ volatile("int $0x80" ::"a"(29));
}
