/* A package of OpenSSH for Windows (Microsoft's Win32-OpenSSH: OpenSSH-Win64.zip or its .msi), told by its content, not
 * by its name. An .msi is a compound file (MS-CFB, section 2.2) whose root entry has the class of Windows Installer's
 * packages; a .zip (APPNOTE.TXT, section 4.3.7) must hold sshd.exe and install-sshd.ps1, and sshd.exe be a program for
 * the machine (PE format, "Machine Types"). The file is the user's download: libarchive reads it behind a fence. */
#ifndef COEXIST_MEDIA_OPENSSH_H
#define COEXIST_MEDIA_OPENSSH_H

#include "base/err.h"
#include "media/media.h"

enum openssh_kind { OPENSSH_NONE, OPENSSH_MSI, OPENSSH_ZIP };

/* What it is. OPENSSH_NONE with ERR_INPUT: it cannot be read, is neither (and says what it is instead), or is for
 * another architecture; of an .msi the architecture is not looked at. */
enum openssh_kind openssh_look(const char *path, enum media_arch arch, struct err *err);

#endif
