// Answers the instruction CPUID as another processor would, so that libraries take the paths they take there:
//
//     cc -O2 -shared -fPIC -o cpuid.so cpuid.c
//     PROCESSOR=amd LD_AUDIT=$PWD/cpuid.so some-program
//
//   amd       AMD as the vendor, AVX512-BF16, no AMX and no AVX512-FP16
//   bfloat16  AVX512-BF16, which many virtual machines hide from processors that have it, and no AMX
//   amx       AVX512-BF16, and the products of AMX, which tiles.h stands in for where the processor has none
//
// As an auditing library it is there before the first resolver of another one runs. Linux on a processor of Intel's lets a
// program fault at CPUID (`cpuid_fault` in /proc/cpuinfo); what the processor does not have, it still cannot run.
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

enum { SET_CPUID = 0x1012 };  // ARCH_SET_CPUID of arch_prctl

static int is_amd, has_amx;

static int allow_cpuid(int allowed) { return (int)syscall(SYS_arch_prctl, SET_CPUID, (long)allowed); }

static void answer(uint32_t leaf, uint32_t part, uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d) {
    // AMD tells of its caches in a leaf of its own, in the words of Intel's leaf 4.
    const uint32_t asked = is_amd && leaf == 0x8000001d ? 4 : leaf;
    allow_cpuid(1);
    __asm__ volatile("cpuid" : "=a"(*a), "=b"(*b), "=c"(*c), "=d"(*d) : "a"(asked), "c"(part));
    allow_cpuid(0);
    if (leaf == 7 && part == 0 && *a < 1) *a = 1;
    // AMX-BF16, AVX512-FP16, AMX-TILE and AMX-INT8 are the bits 22 to 25.
    if (leaf == 7 && part == 0) *d = has_amx ? *d | 1u << 22 : *d & ~(is_amd ? 15u << 22 : 13u << 22);
    if (leaf == 7 && part == 1) *a = (*a | 1u << 5) & (has_amx ? ~0u : ~(1u << 21));
    if (!is_amd) return;
    if (leaf == 0 || leaf == 0x80000000) {
        memcpy(b, "Auth", 4);
        memcpy(d, "enti", 4);
        memcpy(c, "cAMD", 4);
        if (leaf == 0x80000000 && *a < 0x8000001e) *a = 0x8000001e;
    }
    if (leaf == 1) *a = 0x00b20f41;  // family 1Ah
    if (leaf == 0x80000001) *c |= 1u << 22;
}

static void at_fault(int number, siginfo_t *information, void *context) {
    (void)information;
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    const uint8_t *instruction = (const uint8_t *)registers[REG_RIP];
    if (instruction[0] != 0x0f || instruction[1] != 0xa2) {
        signal(number, SIG_DFL);
        return;
    }
    uint32_t a, b, c, d;
    answer((uint32_t)registers[REG_RAX], (uint32_t)registers[REG_RCX], &a, &b, &c, &d);
    registers[REG_RAX] = a;
    registers[REG_RBX] = b;
    registers[REG_RCX] = c;
    registers[REG_RDX] = d;
    registers[REG_RIP] += 2;
}

unsigned la_version(unsigned version) { return version; }

__attribute__((constructor)) static void start(void) {
    const char *processor = getenv("PROCESSOR");
    if (!processor) return;
    is_amd = !strcmp(processor, "amd");
    has_amx = !strcmp(processor, "amx");
    struct sigaction action = {.sa_sigaction = at_fault, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK};
    sigaction(SIGSEGV, &action, NULL);
    if (allow_cpuid(0)) perror("cpuid.so: this processor or system does not let a program fault at CPUID");
}
