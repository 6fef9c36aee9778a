/* The product's values under HKLM\Software\<Vendor>, all strings. */
#ifndef SAMPLES_SETTINGS_H
#define SAMPLES_SETTINGS_H

#include <stddef.h>
#include <wchar.h>

#include "err.h"

#define SETTINGS_CONTENT_VERSION L"ContentVersion" /* what the engine really loaded */
#define SETTINGS_ENGINE_VERSION L"EngineVersion"
#define SETTINGS_LAST_UPDATE L"LastUpdate"         /* "content" or "engine": what to roll back */

int settings_set(const wchar_t *name, const wchar_t *value, struct err *err);

/* value becomes "" when there is none; size in characters. */
void settings_get(const wchar_t *name, wchar_t *value, size_t size);

/* Removes the vendor's whole key. */
void settings_purge(void);

#endif
