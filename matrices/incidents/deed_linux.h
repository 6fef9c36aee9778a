/* Calls of the Linux kernel below the stand-in's Wine: some harm has no Windows call that works there. On real Windows
 * these do nothing useful. Numbers: Linux arch/x86/entry/syscalls/syscall_64.tbl. */
#ifndef INCIDENTS_DEED_LINUX_H
#define INCIDENTS_DEED_LINUX_H

enum { DEED_LINUX_OPEN = 2, DEED_LINUX_KILL = 62, DEED_LINUX_FALLOCATE = 285 };

static inline long long deed_linux(long long number, long long a, long long b, long long c,
                                   long long d)
{
    register long long fourth __asm__("r10") = d;
    long long result;

    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth)
                     : "rcx", "r11", "memory");
    return result;
}

#endif
