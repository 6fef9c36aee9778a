#include "minidump.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

#include <dbghelp.h>

static_assert(sizeof(MINIDUMP_MODULE) == 108 && sizeof(MINIDUMP_THREAD) == 48 &&
                  sizeof(MINIDUMP_EXCEPTION_STREAM) == 168 && sizeof(MINIDUMP_SYSTEM_INFO) == 56,
              "the file's structures are packed to four bytes");

enum {
    MINIDUMP_MDMP = 0x504d444d, /* "MDMP" */
    MINIDUMP_STACK_FAULT = 64 * 1024, /* bytes of the faulting thread's stack */
    MINIDUMP_STACK_OTHER = 4 * 1024,
    MINIDUMP_CODE = 256, /* bytes around the instruction */
    MINIDUMP_SIZE_MAX = 4 * 1024 * 1024,
    MINIDUMP_STREAMS = 5,
    MINIDUMP_MEMORY_MAX = MINIDUMP_THREADS_MAX + 1,
};

struct minidump_out {
    BYTE *data; /* MINIDUMP_SIZE_MAX bytes; positions in it are RVAs of the file */
    DWORD used;
    MINIDUMP_MEMORY_DESCRIPTOR memory[MINIDUMP_MEMORY_MAX];
    DWORD memory_count;
};

/* --- what is known of the process --- */

static bool minidump_read(const struct minidump *dump, uint64_t from, void *to, size_t size)
{
    SIZE_T got = 0;
    return ReadProcessMemory(dump->process, (const void *)(ULONG_PTR)from, to, size, &got) &&
           got == size;
}

static void minidump_read_headers(const struct minidump *dump, struct minidump_module *module)
{
    IMAGE_DOS_HEADER dos;
    IMAGE_NT_HEADERS64 nt;
    if (!minidump_read(dump, module->base, &dos, sizeof dos) ||
        !minidump_read(dump, module->base + (DWORD)dos.e_lfanew, &nt, sizeof nt) ||
        nt.Signature != IMAGE_NT_SIGNATURE)
        return;
    module->size = nt.OptionalHeader.SizeOfImage;
    module->checksum = nt.OptionalHeader.CheckSum;
    module->stamp = nt.FileHeader.TimeDateStamp;
}

void minidump_add_module(struct minidump *dump, HANDLE file, const void *base)
{
    if (dump->module_count == MINIDUMP_MODULES_MAX)
        return;
    struct minidump_module *module = &dump->modules[dump->module_count++];
    wchar_t path[MAX_PATH] = L"";
    DWORD length = file ? GetFinalPathNameByHandleW(file, path, MAX_PATH, 0) : 0;
    /* "\\?\C:\x" reads "C:\x"; Wine's "\\?\unix\x" (its own libraries) stays as it is. */
    bool prefixed = length > 6 && wcsncmp(path, L"\\\\?\\", 4) == 0 && path[5] == L':';
    if (length > 0 && length < MAX_PATH)
        wcscpy(module->path, prefixed ? path + 4 : path);
    module->base = (ULONG_PTR)base;
    minidump_read_headers(dump, module);
}

void minidump_add_thread(struct minidump *dump, DWORD tid, const void *teb)
{
    if (dump->thread_count == MINIDUMP_THREADS_MAX)
        return;
    dump->threads[dump->thread_count++] = (struct minidump_thread){tid, (ULONG_PTR)teb};
}

void minidump_drop_thread(struct minidump *dump, DWORD tid)
{
    for (size_t i = 0; i < dump->thread_count; i++)
        if (dump->threads[i].tid == tid)
            dump->threads[i--] = dump->threads[--dump->thread_count];
}

const struct minidump_module *minidump_find(const struct minidump *dump, uint64_t address)
{
    for (size_t i = 0; i < dump->module_count; i++)
        if (address >= dump->modules[i].base &&
            address - dump->modules[i].base < dump->modules[i].size)
            return &dump->modules[i];
    return NULL;
}

/* --- the file --- */

/* Room for size bytes, zeroed; NULL when the dump is full. The RVA of it goes to *rva. */
static void *minidump_reserve(struct minidump_out *out, size_t size, DWORD *rva)
{
    size_t padded = (size + 7) & ~(size_t)7;
    if (padded > MINIDUMP_SIZE_MAX - out->used)
        return NULL;
    void *room = out->data + out->used;
    *rva = out->used;
    out->used += (DWORD)padded;
    return room;
}

static MINIDUMP_LOCATION_DESCRIPTOR minidump_put(struct minidump_out *out, const void *data,
                                                 size_t size)
{
    MINIDUMP_LOCATION_DESCRIPTOR at = {0};
    void *room = minidump_reserve(out, size, &at.Rva);
    if (room) {
        memcpy(room, data, size);
        at.DataSize = (DWORD)size;
    }
    return at;
}

/* Copies memory of the process, as much of it as can be read from its start. */
static MINIDUMP_MEMORY_DESCRIPTOR minidump_put_memory(struct minidump_out *out,
                                                      const struct minidump *dump, uint64_t from,
                                                      size_t size)
{
    MINIDUMP_MEMORY_DESCRIPTOR memory = {.StartOfMemoryRange = from};
    void *room = out->memory_count < MINIDUMP_MEMORY_MAX
                     ? minidump_reserve(out, size, &memory.Memory.Rva)
                     : NULL;
    if (room && minidump_read(dump, from, room, size)) {
        memory.Memory.DataSize = (DWORD)size;
        out->memory[out->memory_count++] = memory;
    }
    return memory;
}

static MINIDUMP_MEMORY_DESCRIPTOR minidump_put_stack(struct minidump_out *out,
                                                     const struct minidump *dump,
                                                     const struct minidump_thread *thread,
                                                     uint64_t sp)
{
    MINIDUMP_MEMORY_DESCRIPTOR none = {0};
    NT_TIB tib;
    if (!minidump_read(dump, thread->teb, &tib, sizeof tib))
        return none;
    uint64_t top = (ULONG_PTR)tib.StackBase;
    uint64_t most = thread->tid == dump->tid ? MINIDUMP_STACK_FAULT : MINIDUMP_STACK_OTHER;
    if (sp < (ULONG_PTR)tib.StackLimit || sp >= top)
        return none;
    return minidump_put_memory(out, dump, sp, (size_t)min(top - sp, most));
}

static bool minidump_thread_context(const struct minidump *dump, DWORD tid, CONTEXT *context)
{
    if (tid == dump->tid) {
        *context = dump->context;
        return true;
    }
    HANDLE thread = OpenThread(THREAD_GET_CONTEXT, FALSE, tid);
    context->ContextFlags = CONTEXT_ALL;
    bool done = thread && GetThreadContext(thread, context);
    if (thread)
        CloseHandle(thread);
    return done;
}

static MINIDUMP_LOCATION_DESCRIPTOR minidump_put_threads(struct minidump_out *out,
                                                         const struct minidump *dump)
{
    static MINIDUMP_THREAD list[MINIDUMP_THREADS_MAX];
    ULONG32 count = 0;
    for (size_t i = 0; i < dump->thread_count; i++) {
        CONTEXT context;
        MINIDUMP_THREAD *entry = &list[count];
        if (!minidump_thread_context(dump, dump->threads[i].tid, &context))
            continue;
        entry->ThreadId = dump->threads[i].tid;
        entry->Teb = dump->threads[i].teb;
        entry->ThreadContext = minidump_put(out, &context, sizeof context);
        entry->Stack = minidump_put_stack(out, dump, &dump->threads[i], context.Rsp);
        count++;
    }
    MINIDUMP_LOCATION_DESCRIPTOR at = {0};
    size_t size = sizeof count + count * sizeof *list;
    BYTE *room = minidump_reserve(out, size, &at.Rva);
    if (room) {
        memcpy(room, &count, sizeof count);
        memcpy(room + sizeof count, list, count * sizeof *list);
        at.DataSize = (DWORD)size;
    }
    return at;
}

static DWORD minidump_put_string(struct minidump_out *out, const wchar_t *text)
{
    DWORD rva = 0;
    ULONG32 bytes = (ULONG32)(wcslen(text) * sizeof *text);
    BYTE *room = minidump_reserve(out, sizeof bytes + bytes + sizeof *text, &rva);
    if (!room)
        return 0;
    memcpy(room, &bytes, sizeof bytes);
    memcpy(room + sizeof bytes, text, bytes);
    return rva;
}

static MINIDUMP_LOCATION_DESCRIPTOR minidump_put_modules(struct minidump_out *out,
                                                         const struct minidump *dump)
{
    static MINIDUMP_MODULE list[MINIDUMP_MODULES_MAX];
    ULONG32 count = (ULONG32)dump->module_count;
    for (size_t i = 0; i < dump->module_count; i++) {
        const struct minidump_module *module = &dump->modules[i];
        list[i].BaseOfImage = module->base;
        list[i].SizeOfImage = module->size;
        list[i].CheckSum = module->checksum;
        list[i].TimeDateStamp = module->stamp;
        list[i].ModuleNameRva = minidump_put_string(out, module->path);
    }
    MINIDUMP_LOCATION_DESCRIPTOR at = {0};
    size_t size = sizeof count + count * sizeof *list; /* packed to 4 bytes: no gap */
    BYTE *room = minidump_reserve(out, size, &at.Rva);
    if (room) {
        memcpy(room, &count, sizeof count);
        memcpy(room + sizeof count, list, count * sizeof *list);
        at.DataSize = (DWORD)size;
    }
    return at;
}

static MINIDUMP_LOCATION_DESCRIPTOR minidump_put_exception(struct minidump_out *out,
                                                           const struct minidump *dump)
{
    MINIDUMP_EXCEPTION_STREAM stream = {.ThreadId = dump->tid};
    const EXCEPTION_RECORD *record = &dump->record;
    stream.ExceptionRecord.ExceptionCode = record->ExceptionCode;
    stream.ExceptionRecord.ExceptionFlags = record->ExceptionFlags;
    stream.ExceptionRecord.ExceptionAddress = (ULONG_PTR)record->ExceptionAddress;
    stream.ExceptionRecord.NumberParameters =
        min(record->NumberParameters, (DWORD)EXCEPTION_MAXIMUM_PARAMETERS);
    for (DWORD i = 0; i < stream.ExceptionRecord.NumberParameters; i++)
        stream.ExceptionRecord.ExceptionInformation[i] = record->ExceptionInformation[i];
    stream.ThreadContext = minidump_put(out, &dump->context, sizeof dump->context);
    return minidump_put(out, &stream, sizeof stream);
}

static MINIDUMP_LOCATION_DESCRIPTOR minidump_put_system(struct minidump_out *out)
{
    MINIDUMP_SYSTEM_INFO info = {.ProcessorArchitecture = PROCESSOR_ARCHITECTURE_AMD64,
                                 .NumberOfProcessors = 1,
                                 .ProductType = VER_NT_WORKSTATION,
                                 .PlatformId = VER_PLATFORM_WIN32_NT};
    OSVERSIONINFOW version = {.dwOSVersionInfoSize = sizeof version};
    GetVersionExW(&version);
    info.MajorVersion = version.dwMajorVersion;
    info.MinorVersion = version.dwMinorVersion;
    info.BuildNumber = version.dwBuildNumber;
    info.CSDVersionRva = minidump_put_string(out, version.szCSDVersion);
    return minidump_put(out, &info, sizeof info);
}

static MINIDUMP_LOCATION_DESCRIPTOR minidump_put_memory_list(struct minidump_out *out)
{
    MINIDUMP_LOCATION_DESCRIPTOR at = {0};
    ULONG32 count = out->memory_count;
    size_t size = sizeof count + count * sizeof *out->memory;
    BYTE *room = minidump_reserve(out, size, &at.Rva);
    if (room) {
        memcpy(room, &count, sizeof count);
        memcpy(room + sizeof count, out->memory, count * sizeof *out->memory);
        at.DataSize = (DWORD)size;
    }
    return at;
}

static void minidump_fill(struct minidump_out *out, const struct minidump *dump)
{
    DWORD rva = 0;
    MINIDUMP_HEADER *header = minidump_reserve(out, sizeof *header, &rva);
    MINIDUMP_DIRECTORY *directory =
        minidump_reserve(out, MINIDUMP_STREAMS * sizeof *directory, &rva);
    header->Signature = MINIDUMP_MDMP;
    header->Version = MINIDUMP_VERSION;
    header->NumberOfStreams = MINIDUMP_STREAMS;
    header->StreamDirectoryRva = rva;
    header->TimeDateStamp = (ULONG32)time(NULL);
    uint64_t ip = (ULONG_PTR)dump->record.ExceptionAddress;
    minidump_put_memory(out, dump, ip - MINIDUMP_CODE / 2, MINIDUMP_CODE);
    directory[0] = (MINIDUMP_DIRECTORY){SystemInfoStream, minidump_put_system(out)};
    directory[1] = (MINIDUMP_DIRECTORY){ModuleListStream, minidump_put_modules(out, dump)};
    directory[2] = (MINIDUMP_DIRECTORY){ExceptionStream, minidump_put_exception(out, dump)};
    directory[3] = (MINIDUMP_DIRECTORY){ThreadListStream, minidump_put_threads(out, dump)};
    directory[4] = (MINIDUMP_DIRECTORY){MemoryListStream, minidump_put_memory_list(out)};
}

bool minidump_write(const struct minidump *dump, HANDLE file)
{
    static struct minidump_out out;
    DWORD written = 0;
    out.data = calloc(1, MINIDUMP_SIZE_MAX);
    if (!out.data)
        return false;
    minidump_fill(&out, dump);
    bool done = WriteFile(file, out.data, out.used, &written, NULL) && written == out.used &&
                FlushFileBuffers(file);
    free(out.data);
    return done;
}
