#include "windows/serial.h"

#include <stdbool.h>
#include <stdlib.h>
#include <windows.h>

#include "windows/guest.h"

/* One write at a time is at most this much: 90 ms of line at 115200 baud. */
#define SERIAL_PIECE 1024
/* How long one piece may take while the host reads, and after it has stopped reading. */
#define SERIAL_PATIENCE_MS 5000
#define SERIAL_STALLED_MS 200
#define SERIAL_QUEUE_BYTES 65536

struct serial {
    HANDLE port;
    HANDLE stop; /* borrowed */
    OVERLAPPED read;
    OVERLAPPED write;
    bool stalled; /* the writer's own */
};

static int serial_configure(HANDLE port, struct op_error *err)
{
    DCB dcb = {.DCBlength = sizeof dcb};
    /* A read waits for its first byte and is complete when 10 ms passed without another one, so
     * it hands over what there is. (Both totals MAXDWORD would do the same on Windows without the
     * 10 ms; Wine 8 then waits for the whole buffer.) Writes are timed by their waiter. */
    COMMTIMEOUTS times = {.ReadIntervalTimeout = 10};

    SetupComm(port, SERIAL_QUEUE_BYTES, SERIAL_QUEUE_BYTES); /* a wish; drivers may refuse */
    if (!GetCommState(port, &dcb))
        return guest_fail(err, "GetCommState");
    dcb.BaudRate = CBR_115200;
    dcb.ByteSize = 8;
    dcb.Parity = NOPARITY;
    dcb.StopBits = ONESTOPBIT;
    dcb.fBinary = TRUE;
    dcb.fParity = FALSE;
    dcb.fOutxCtsFlow = dcb.fOutxDsrFlow = dcb.fDsrSensitivity = FALSE;
    dcb.fOutX = dcb.fInX = dcb.fErrorChar = dcb.fNull = dcb.fAbortOnError = FALSE;
    dcb.fDtrControl = DTR_CONTROL_ENABLE;
    dcb.fRtsControl = RTS_CONTROL_ENABLE;
    if (!SetCommState(port, &dcb))
        return guest_fail(err, "SetCommState");
    return SetCommTimeouts(port, &times) ? 0 : guest_fail(err, "SetCommTimeouts");
}

static int serial_open_port(struct serial *s, const wchar_t *port, struct op_error *err)
{
    wchar_t path[64];

    _snwprintf(path, sizeof path / sizeof *path - 1, L"\\\\.\\%ls", port);
    path[sizeof path / sizeof *path - 1] = L'\0';
    s->read.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL);
    s->write.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (s->read.hEvent == NULL || s->write.hEvent == NULL)
        return guest_fail(err, "event");
    s->port = CreateFileW(path, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING,
                          FILE_FLAG_OVERLAPPED, NULL);
    if (s->port == INVALID_HANDLE_VALUE)
        return guest_fail(err, "serial port");
    return serial_configure(s->port, err);
}

struct serial *serial_open(const wchar_t *port, struct plat_event *stop, struct op_error *err)
{
    struct serial *s = calloc(1, sizeof *s);

    if (s == NULL) {
        op_fail(err, PROTO_ERR_BUSY, "out of memory");
        return NULL;
    }
    s->stop = (HANDLE)plat_event_native(stop);
    if (serial_open_port(s, port, err) < 0) {
        serial_close(s);
        return NULL;
    }
    return s;
}

void serial_close(struct serial *s)
{
    if (s->port != NULL && s->port != INVALID_HANDLE_VALUE)
        CloseHandle(s->port);
    if (s->read.hEvent != NULL)
        CloseHandle(s->read.hEvent);
    if (s->write.hEvent != NULL)
        CloseHandle(s->write.hEvent);
    free(s);
}

/* Takes back an I/O of this thread; afterwards its buffer is the caller's again. */
static DWORD serial_abandon(struct serial *s, OVERLAPPED *io)
{
    DWORD n = 0;
    CancelIo(s->port);
    GetOverlappedResult(s->port, io, &n, TRUE);
    return n;
}

/* One read: bytes, 0 for nothing yet, -1 lost, -2 stop. */
static int serial_read_once(struct serial *s, char *buf, size_t n)
{
    HANDLE handles[2] = {s->stop, s->read.hEvent};
    DWORD got = 0;

    if (!ReadFile(s->port, buf, (DWORD)n, NULL, &s->read) && GetLastError() != ERROR_IO_PENDING)
        return -1;
    if (WaitForMultipleObjects(2, handles, FALSE, INFINITE) == WAIT_OBJECT_0) {
        serial_abandon(s, &s->read);
        return -2;
    }
    if (GetOverlappedResult(s->port, &s->read, &got, FALSE))
        return (int)got;
    return GetLastError() == ERROR_TIMEOUT ? 0 : -1;
}

int serial_read(struct serial *s, char *buf, size_t n)
{
    int got;
    do
        got = serial_read_once(s, buf, n);
    while (got == 0);
    return got == -2 ? 0 : got;
}

/* Writes one piece; returns what was written, which is less when patience ended. */
static DWORD serial_write_piece(struct serial *s, const char *bytes, DWORD n)
{
    DWORD put = 0;

    if (!WriteFile(s->port, bytes, n, NULL, &s->write) && GetLastError() != ERROR_IO_PENDING)
        return 0;
    if (WaitForSingleObject(s->write.hEvent, s->stalled ? SERIAL_STALLED_MS
                                                        : SERIAL_PATIENCE_MS) != WAIT_OBJECT_0)
        return serial_abandon(s, &s->write);
    GetOverlappedResult(s->port, &s->write, &put, FALSE);
    return put;
}

int serial_write(struct serial *s, const char *bytes, size_t n)
{
    while (n > 0) {
        DWORD piece = n < SERIAL_PIECE ? (DWORD)n : SERIAL_PIECE;
        DWORD put = serial_write_piece(s, bytes, piece);
        if (put == 0) {
            s->stalled = true;
            return -1;
        }
        s->stalled = false;
        bytes += put;
        n -= put;
    }
    return 0;
}
