/* What an engine of the incident library does beside scanning. Each deed is one file in deeds/, linked into an engine
 * of a sample vendor, so that it happens the way it did: inside a product, brought by its own update. */
#ifndef INCIDENTS_DEED_H
#define INCIDENTS_DEED_H

#include <windows.h>

/* Runs in a thread of its own as soon as the engine is open; may return or go on for ever. */
void deed_run(void);

/* Calls fn for every file below folder, at most depth folders deep. */
void deed_each_file(const wchar_t *folder, int depth, void (*fn)(const wchar_t *path));

/* Moves a file to the product's quarantine, as the product does with malware. */
void deed_quarantine(const wchar_t *path);

/* A path below the folder of the running program. Static storage; one thread only. */
const wchar_t *deed_own(const wchar_t *leaf);

/* Keeps one processor busy for so many milliseconds. */
void deed_spin(DWORD ms);

#endif
