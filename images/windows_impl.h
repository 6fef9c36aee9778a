/* Inside images/ only. */
#ifndef COEXIST_IMAGES_WINDOWS_IMPL_H
#define COEXIST_IMAGES_WINDOWS_IMPL_H

/* "server-2022", "ServerStandard"; NULL where none is published. Static storage. */
const char *windows_kms_key(const char *version, const char *edition);

#endif
