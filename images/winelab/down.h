/* Taking the guest down from the Windows side. */
#ifndef WINELAB_DOWN_H
#define WINELAB_DOWN_H

#include <stdbool.h>
#include <windows.h>

/* Tells the services that want to know, then asks process 1 for an orderly reboot (again) or power
   off. Returns false when the request could not be made (GetLastError says why). */
bool down_request(bool again);

/* Starts /usr/lib/coexist/labctl with these arguments and waits for its end. */
bool down_labctl(const wchar_t *arguments);

#endif
