/*
 * A serial port of raw bytes, 115200 baud, 8 data bits, no parity, one stop bit, no flow control.
 * One thread reads; any one thread at a time writes.
 */
#ifndef COEXIST_WINDOWS_SERIAL_H
#define COEXIST_WINDOWS_SERIAL_H

#include <stddef.h>
#include <wchar.h>

#include "common/op_error.h"
#include "common/plat.h"

struct serial;

/* port: "COM2". stop (borrowed) ends a waiting read. */
struct serial *serial_open(const wchar_t *port, struct plat_event *stop, struct op_error *err);
void serial_close(struct serial *s);

/* Waits for bytes and returns how many there were, 0 when stop was set, -1 when the port is lost. */
int serial_read(struct serial *s, char *buf, size_t n);

/* All or -1. Gives up when nothing moved for a while, at once when nothing moved the last time. */
int serial_write(struct serial *s, const char *bytes, size_t n);

#endif
