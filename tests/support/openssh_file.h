/* Packages like OpenSSH for Windows, and what is nearly one; made by libarchive. Fail the test when they cannot. */
#ifndef COEXIST_TESTS_SUPPORT_OPENSSH_FILE_H
#define COEXIST_TESTS_SUPPORT_OPENSSH_FILE_H

#include <stdbool.h>

enum openssh_zip_kind { OPENSSH_WHOLE, OPENSSH_NO_SERVER, OPENSSH_NO_SCRIPT, OPENSSH_NO_PROGRAM };

/* OpenSSH-Win64/sshd.exe (a PE header of that machine) and install-sshd.ps1. Returns the path in dir; caller frees. */
char *openssh_zip(const char *dir, const char *name, enum openssh_zip_kind kind, unsigned machine);
/* A compound file of one sector and its directory; package: with the class of Windows Installer's packages. */
char *openssh_msi(const char *dir, const char *name, bool package);

#endif
