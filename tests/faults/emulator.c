/* A static emulator of a few instructions, so that running it takes no time: enough of A64 and RV64I to interpret
   rbinfmt's probe programs. It takes its arguments as QEMU does, from the kernel and on a command line.
   -DSHIFTS: it knows nothing of flag P, like QEMU before 6.  -DVERSION="...": tells builds apart. */
typedef unsigned long word;
typedef unsigned char byte;

__attribute__((used)) static const char version[] = VERSION;
static byte file[4096];

static long kernel(word number, word a, word b, word c)
{
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "0"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
}

static void end(word status)
{
    for (;;)
        kernel(231, status, 0, 0); /* exit_group */
}

/* The generic numbers of Linux, which both architectures have: write and exit. */
static word guest_call(word number, word a, word b, word c)
{
    if (number == 93)
        end(a);
    if (number != 64)
        end(122);
    return kernel(1, a, b, c);
}

static word get(const byte *at, int bytes)
{
    word value = 0;
    while (bytes--)
        value = value << 8 | at[bytes];
    return value;
}

static void run(const char *path, const char *name)
{
    long fd = kernel(2, (word)path, 0, 0);
    if (fd < 0)
        end(125);
    if (kernel(0, fd, (word)file, sizeof file) < 64)
        end(124);
    kernel(3, fd, 0, 0);
    int arm = get(file + 18, 2) == 183;
    /* One segment, from the file's start. */
    word pc = get(file + 24, 8) - get(file + get(file + 32, 8) + 16, 8);
    word stack[4] = {1, (word)name, 0, 0}, x[32] = {0};
    x[arm ? 31 : 2] = (word)stack;
    for (;; pc += 4) {
        if (pc > sizeof file - 4)
            end(123);
        word code = get(file + pc, 4);
#define FIELD(from, bits) (code >> (from) & ((1ul << (bits)) - 1))
        if (arm && (code & 0xffe00000) == 0xd2800000)
            x[FIELD(0, 5)] = FIELD(5, 16); /* movz */
        else if (arm && (code & 0xffc00000) == 0xf9400000)
            x[FIELD(0, 5)] = *(word *)(x[FIELD(5, 5)] + 8 * FIELD(10, 12)); /* ldr */
        else if (arm && code == 0xd4000001)
            x[0] = guest_call(x[8], x[0], x[1], x[2]); /* svc */
        else if (!arm && (code & 0x707f) == 0x13)
            x[FIELD(7, 5)] = (FIELD(15, 5) ? x[FIELD(15, 5)] : 0) + FIELD(20, 12); /* addi */
        else if (!arm && (code & 0x707f) == 0x3003)
            x[FIELD(7, 5)] = *(word *)(x[FIELD(15, 5)] + FIELD(20, 12)); /* ld */
        else if (!arm && code == 0x73)
            x[10] = guest_call(x[17], x[10], x[11], x[12]); /* ecall */
        else
            end(123);
    }
}

__attribute__((used)) static void start(word *stack)
{
    word count = stack[0], *auxv = stack + 1 + count + 1;
    const char **argv = (const char **)(stack + 1);
    int preserves = 0;
    while (*auxv++)
        ;
    for (; *auxv; auxv += 2)
        if (auxv[0] == 8) /* AT_FLAGS */
            preserves = auxv[1] & 1;
#ifdef SHIFTS
    preserves = 0;
#endif
    if (count < 2)
        end(126);
    if (count > 3 && argv[1][0] == '-' && argv[1][1] == '0')
        run(argv[3], argv[2]);
    run(argv[1], argv[preserves && count > 2 ? 2 : 1]);
}

__asm__(".globl _start\n_start:\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall start\n");
