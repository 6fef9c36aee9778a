/*
 * The product's log, C:\ProgramData\<Vendor>\<Vendor>.log: one UTF-8 line per event with local
 * time. Bounded: at 256 KiB it is moved to <Vendor>.log.old. Lines of several processes mix
 * whole, because each is one append. Losing a line is never an error.
 */
#ifndef SAMPLES_LOG_H
#define SAMPLES_LOG_H

#include <wchar.h>

/* format: as wprintf takes it; %ls wide, %hs narrow text. */
void log_write(const wchar_t *format, ...);

#endif
