/*
 * alderflt.sys, the kernel part of Alder. At every boot it reads the vendor's content file and
 * interprets its template of inputs.
 *
 * THE FAULT IS DELIBERATE. The interpreter was written for FLT_INPUTS inputs and reads that
 * many; how many the content file really has is not compared with that. Content with one field
 * less makes it read the pointer behind the table's end and follow it: in small what happened
 * to 8.5 million machines on 19 July 2024. Nothing is left to luck: behind the last pointer lies
 * the table's end mark, which is not a canonical x86-64 address, so following it faults on
 * every system. Everything else about the file is checked.
 */
#include <ntddk.h>

#include "content.h"

enum {
    FLT_INPUTS = 21,
    FLT_TAG = 'tlFA'
};

#define FLT_CONTENT L"\\??\\C:\\ProgramData\\Alder\\content.acf"
#define FLT_END_MARK 0xA1DEA1DEA1DEA1DEull

struct flt_input {
    UCHAR size_low;
    UCHAR size_high;
    UCHAR bytes[];
};

/* A table of pointers to the inputs in the file, closed by FLT_END_MARK. */
struct flt_table {
    ULONG count;
    const struct flt_input *inputs[];
};

/* Lives in the device's extension: a driver has no other place that is not global. */
struct flt_state {
    ULONG checksum; /* of the inputs as interpreted */
};

static NTSTATUS flt_read_handle(HANDLE file, UCHAR *data, ULONG *size)
{
    LARGE_INTEGER start = { .QuadPart = 0 };
    IO_STATUS_BLOCK io;
    NTSTATUS status = ZwReadFile(file, NULL, NULL, NULL, &io, data, CONTENT_FILE_MAX, &start,
                                 NULL);

    *size = NT_SUCCESS(status) ? (ULONG)io.Information : 0;
    return status;
}

static NTSTATUS flt_read_content(UCHAR *data, ULONG *size)
{
    UNICODE_STRING name;
    OBJECT_ATTRIBUTES attributes;
    IO_STATUS_BLOCK io;
    NTSTATUS status;
    HANDLE file;

    RtlInitUnicodeString(&name, FLT_CONTENT);
    InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, NULL,
                               NULL);
    status = ZwCreateFile(&file, GENERIC_READ | SYNCHRONIZE, &attributes, &io, NULL,
                          FILE_ATTRIBUTE_NORMAL, FILE_SHARE_READ | FILE_SHARE_DELETE, FILE_OPEN,
                          FILE_SYNCHRONOUS_IO_NONALERT | FILE_NON_DIRECTORY_FILE, NULL, 0);
    if (!NT_SUCCESS(status))
        return status;
    status = flt_read_handle(file, data, size);
    ZwClose(file);
    return status;
}

static struct flt_table *flt_build_table(const UCHAR *file, const struct content_header *header)
{
    struct content_cursor cursor = content_open_body(file, header);
    SIZE_T slots = (SIZE_T)header->fields + 1; /* the last one is the end mark's */
    struct flt_table *table;

    table = ExAllocatePoolWithTag(NonPagedPool, sizeof *table + slots * sizeof table->inputs[0],
                                  FLT_TAG);
    if (!table)
        return NULL;
    table->count = header->fields;
    for (ULONG i = 0; i < table->count; i++) {
        USHORT size;
        const UCHAR *field = content_next_field(&cursor, &size);

        if (!field) {
            ExFreePoolWithTag(table, FLT_TAG);
            return NULL;
        }
        table->inputs[i] = (const struct flt_input *)(field - 2);
    }
    table->inputs[table->count] = (const struct flt_input *)FLT_END_MARK;
    return table;
}

/* The deliberate fault is in here: the bound should be table->count. */
static ULONG flt_interpret(const struct flt_table *table)
{
    ULONG sum = 0;

    for (ULONG i = 0; i < FLT_INPUTS; i++) {
        const struct flt_input *input = table->inputs[i];
        ULONG size = input->size_low | (ULONG)input->size_high << 8;

        for (ULONG at = 0; at < size; at++)
            sum = sum * 31 + input->bytes[at];
    }
    return sum;
}

static NTSTATUS flt_load(UCHAR *data, struct flt_state *state)
{
    struct content_header header;
    struct flt_table *table;
    const char *fault;
    ULONG size;
    NTSTATUS status = flt_read_content(data, &size);

    if (!NT_SUCCESS(status))
        return status;
    fault = content_read_header(data, size, &header);
    if (fault) {
        DbgPrint("alderflt: %s\n", fault);
        return STATUS_FILE_CORRUPT_ERROR;
    }
    table = flt_build_table(data, &header);
    if (!table)
        return STATUS_FILE_CORRUPT_ERROR;
    state->checksum = flt_interpret(table);
    ExFreePoolWithTag(table, FLT_TAG);
    DbgPrint("alderflt: content %u.%u.%u.%u, %08lx\n", header.version[0], header.version[1],
             header.version[2], header.version[3], state->checksum);
    return STATUS_SUCCESS;
}

static void NTAPI flt_unload(DRIVER_OBJECT *driver)
{
    IoDeleteDevice(driver->DeviceObject);
}

NTSTATUS NTAPI DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *registry_path);

/* A product without readable content still loads: it protects nothing, but lets Windows boot. */
NTSTATUS NTAPI DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *registry_path)
{
    DEVICE_OBJECT *device;
    UCHAR *data;
    NTSTATUS status = IoCreateDevice(driver, sizeof(struct flt_state), NULL, FILE_DEVICE_UNKNOWN,
                                     0, FALSE, &device);

    (void)registry_path;
    if (!NT_SUCCESS(status))
        return status;
    driver->DriverUnload = flt_unload;
    data = ExAllocatePoolWithTag(NonPagedPool, CONTENT_FILE_MAX, FLT_TAG);
    if (!data)
        return STATUS_SUCCESS;
    status = flt_load(data, device->DeviceExtension);
    if (!NT_SUCCESS(status))
        DbgPrint("alderflt: no content, status %08lx\n", status);
    ExFreePoolWithTag(data, FLT_TAG);
    return STATUS_SUCCESS;
}
