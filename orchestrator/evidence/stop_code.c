#include "evidence/stop_code.h"

#include <ctype.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/nearest.h"
#include "evidence/bugcheck.h"

/* Those that bugcheck_table.c says no more of. */
static const struct stop_code {
    uint32_t code;
    const char *name;
} stop_codes[] = {
    {0x03, "INVALID_AFFINITY_SET"},
    {0x04, "INVALID_DATA_ACCESS_TRAP"},
    {0x05, "INVALID_PROCESS_ATTACH_ATTEMPT"},
    {0x09, "IRQL_NOT_GREATER_OR_EQUAL"},
    {0x12, "TRAP_CAUSE_UNKNOWN"},
    {0x1C, "PFN_SHARE_COUNT"},
    {0x22, "FILE_SYSTEM"},
    {0x25, "NPFS_FILE_SYSTEM"},
    {0x26, "CDFS_FILE_SYSTEM"},
    {0x2A, "INCONSISTENT_IRP"},
    {0x2B, "PANIC_STACK_SWITCH"},
    {0x2D, "SCSI_DISK_DRIVER_INTERNAL"},
    {0x2E, "DATA_BUS_ERROR"},
    {0x2F, "INSTRUCTION_BUS_ERROR"},
    {0x34, "CACHE_MANAGER"},
    {0x36, "DEVICE_REFERENCE_COUNT_NOT_ZERO"},
    {0x40, "TARGET_MDL_TOO_SMALL"},
    {0x48, "CANCEL_STATE_IN_COMPLETED_IRP"},
    {0x49, "PAGE_FAULT_WITH_INTERRUPTS_OFF"},
    {0x4C, "FATAL_UNHANDLED_HARD_ERROR"},
    {0x4D, "NO_PAGES_AVAILABLE"},
    {0x4F, "NDIS_INTERNAL_ERROR"},
    {0x58, "FTDISK_INTERNAL_ERROR"},
    {0x5D, "UNSUPPORTED_PROCESSOR"},
    {0x5E, "OBJECT_INITIALIZATION_FAILED"},
    {0x5F, "SECURITY_INITIALIZATION_FAILED"},
    {0x60, "PROCESS_INITIALIZATION_FAILED"},
    {0x67, "CONFIG_INITIALIZATION_FAILED"},
    {0x69, "IO1_INITIALIZATION_FAILED"},
    {0x6B, "PROCESS1_INITIALIZATION_FAILED"},
    {0x6F, "SESSION3_INITIALIZATION_FAILED"},
    {0x73, "CONFIG_LIST_FAILED"},
    {0x75, "CANNOT_WRITE_CONFIGURATION"},
    {0x78, "PHASE0_EXCEPTION"},
    {0x79, "MISMATCHED_HAL"},
    {0x7C, "BUGCODE_NDIS_DRIVER"},
    {0x7D, "INSTALL_MORE_MEMORY"},
    {0x85, "SETUP_FAILURE"},
    {0x8B, "MBR_CHECKSUM_MISMATCH"},
    {0x8F, "PP0_INITIALIZATION_FAILED"},
    {0x90, "PP1_INITIALIZATION_FAILED"},
    {0x92, "UP_DRIVER_ON_MP_SYSTEM"},
    {0x94, "KERNEL_STACK_LOCKED_AT_EXIT"},
    {0x97, "BOUND_IMAGE_UNSUPPORTED"},
    {0x98, "END_OF_NT_EVALUATION_PERIOD"},
    {0x99, "INVALID_REGION_OR_SEGMENT"},
    {0x9A, "SYSTEM_LICENSE_VIOLATION"},
    {0x9B, "UDFS_FILE_SYSTEM"},
    {0x9E, "USER_MODE_HEALTH_MONITOR"},
    {0xA1, "PCI_BUS_DRIVER_INTERNAL"},
    {0xAB, "SESSION_HAS_VALID_POOL_ON_EXIT"},
    {0xAC, "HAL_MEMORY_ALLOCATION"},
    {0xB8, "ATTEMPTED_SWITCH_FROM_DPC"},
    {0xBF, "MUTEX_ALREADY_OWNED"},
    {0xCF, "TERMINAL_SERVER_DRIVER_MADE_INCORRECT_MEMORY_REFERENCE"},
    {0xD7, "DRIVER_UNMAPPING_INVALID_VIEW"},
    {0xD9, "LOCKED_PAGES_TRACKER_CORRUPTION"},
    {0xDB, "DRIVER_CORRUPTED_SYSPTES"},
    {0xDC, "DRIVER_INVALID_STACK_ACCESS"},
    {0xDF, "IMPERSONATING_WORKER_THREAD"},
    {0xE0, "ACPI_BIOS_FATAL_ERROR"},
    {0xE1, "WORKER_THREAD_RETURNED_AT_BAD_IRQL"},
    {0xE4, "WORKER_INVALID"},
    {0xE7, "INVALID_FLOATING_POINT_STATE"},
    {0xE8, "INVALID_CANCEL_OF_FILE_OPEN"},
    {0xE9, "ACTIVE_EX_WORKER_THREAD_TERMINATION"},
    {0xEB, "DIRTY_MAPPED_PAGES_CONGESTION"},
    {0xEC, "SESSION_HAS_VALID_SPECIAL_POOL_ON_EXIT"},
    {0xED, "UNMOUNTABLE_BOOT_VOLUME"},
    {0xF1, "SCSI_VERIFIER_DETECTED_VIOLATION"},
    {0xF2, "HARDWARE_INTERRUPT_STORM"},
    {0xF3, "DISORDERLY_SHUTDOWN"},
    {0xF5, "FLTMGR_FILE_SYSTEM"},
    {0xF6, "PCI_VERIFIER_DETECTED_VIOLATION"},
    {0xF8, "RAMDISK_BOOT_INITIALIZATION_FAILED"},
    {0xF9, "DRIVER_RETURNED_STATUS_REPARSE_FOR_VOLUME_OPEN"},
    {0xFA, "HTTP_DRIVER_CORRUPTED"},
    {0xFD, "DIRTY_NOWRITE_PAGES_CONGESTION"},
    {0xFF, "RESERVE_QUEUE_OVERFLOW"},
    {0x100, "LOADER_BLOCK_MISMATCH"},
    {0x102, "DPC_WATCHDOG_TIMEOUT"},
    {0x103, "MUP_FILE_SYSTEM"},
    {0x104, "AGP_INVALID_ACCESS"},
    {0x105, "AGP_GART_CORRUPTION"},
    {0x108, "THIRD_PARTY_FILE_SYSTEM_FAILURE"},
    {0x10A, "APP_TAGGING_INITIALIZATION_FAILED"},
    {0x10C, "FSRTL_EXTRA_CREATE_PARAMETER_VIOLATION"},
    {0x10F, "RESOURCE_MANAGER_EXCEPTION_NOT_HANDLED"},
    {0x111, "RECURSIVE_NMI"},
    {0x112, "MSRPC_STATE_VIOLATION"},
    {0x114, "VIDEO_SHADOW_DRIVER_FATAL_ERROR"},
    {0x115, "AGP_INTERNAL"},
    {0x11A, "EM_INITIALIZATION_FAILURE"},
    {0x11C, "ATTEMPTED_WRITE_TO_CM_PROTECTED_STORAGE"},
    {0x11D, "EVENT_TRACING_FATAL_ERROR"},
    {0x11E, "TOO_MANY_RECURSIVE_FAULTS"},
    {0x11F, "INVALID_DRIVER_HANDLE"},
    {0x120, "BITLOCKER_FATAL_ERROR"},
    {0x121, "DRIVER_VIOLATION"},
    {0x123, "CRYPTO_SELF_TEST_FAILURE"},
    {0x125, "NMR_INVALID_STATE"},
    {0x126, "NETIO_INVALID_POOL_CALLER"},
    {0x127, "PAGE_NOT_ZERO"},
    {0x128, "WORKER_THREAD_RETURNED_WITH_BAD_IO_PRIORITY"},
    {0x12A, "MUI_NO_VALID_SYSTEM_LANGUAGE"},
    {0x12C, "EXFAT_FILE_SYSTEM"},
    {0x135, "REGISTRY_FILTER_DRIVER_EXCEPTION"},
    {0x136, "VHD_BOOT_HOST_VOLUME_NOT_ENOUGH_SPACE"},
    {0x137, "WIN32K_HANDLE_MANAGER"},
    {0x138, "GPIO_CONTROLLER_DRIVER_ERROR"},
    {0x13B, "PASSIVE_INTERRUPT_ERROR"},
    {0x13C, "INVALID_IO_BOOST_STATE"},
    {0x13D, "CRITICAL_INITIALIZATION_FAILURE"},
    {0x140, "STORAGE_DEVICE_ABNORMALITY_DETECTED"},
    {0x143, "PROCESSOR_DRIVER_INTERNAL"},
    {0x145, "SECURE_BOOT_VIOLATION"},
    {0x147, "ABNORMAL_RESET_DETECTED"},
    {0x149, "REFS_FILE_SYSTEM"},
    {0x14A, "KERNEL_WMI_INTERNAL"},
    {0x14B, "SOC_SUBSYSTEM_FAILURE"},
    {0x14C, "FATAL_ABNORMAL_RESET_ERROR"},
    {0x14D, "EXCEPTION_SCOPE_INVALID"},
    {0x14E, "SOC_CRITICAL_DEVICE_REMOVED"},
    {0x14F, "PDC_WATCHDOG_TIMEOUT"},
    {0x150, "TCPIP_AOAC_NIC_ACTIVE_REFERENCE_LEAK"},
    {0x151, "UNSUPPORTED_INSTRUCTION_MODE"},
    {0x153, "KERNEL_LOCK_ENTRY_LEAKED_ON_THREAD_TERMINATION"},
    {0x155, "OS_DATA_TAMPERING"},
    {0x158, "ILLEGAL_IOMMU_PAGE_FAULT"},
    {0x15B, "WORKER_THREAD_RETURNED_WITH_SYSTEM_PAGE_PRIORITY_ACTIVE"},
    {0x160, "WIN32K_ATOMIC_CHECK_FAILURE"},
    {0x163, "WORKER_THREAD_TEST_CONDITION"},
    {0x164, "WIN32K_CRITICAL_FAILURE"},
    {0x16C, "INVALID_RUNDOWN_PROTECTION_FLAGS"},
    {0x16D, "INVALID_SLOT_ALLOCATOR_FLAGS"},
    {0x16E, "ERESOURCE_INVALID_RELEASE"},
    {0x175, "PREVIOUS_FATAL_ABNORMAL_RESET_ERROR"},
    {0x178, "ELAM_DRIVER_DETECTED_FATAL_ERROR"},
    {0x17B, "PROFILER_CONFIGURATION_ILLEGAL"},
    {0x17E, "MICROCODE_REVISION_MISMATCH"},
    {0x187, "VIDEO_DWMINIT_TIMEOUT_FALLBACK_BDD"},
    {0x189, "BAD_OBJECT_HEADER"},
    {0x18C, "HYPERGUARD_VIOLATION"},
    {0x18D, "SECURE_FAULT_UNHANDLED"},
    {0x18E, "KERNEL_PARTITION_REFERENCE_VIOLATION"},
    {0x191, "PF_DETECTED_CORRUPTION"},
    {0x192, "KERNEL_AUTO_BOOST_LOCK_ACQUISITION_WITH_RAISED_IRQL"},
    {0x195, "SMB_SERVER_LIVEDUMP"},
    {0x196, "LOADER_ROLLBACK_DETECTED"},
    {0x197, "WIN32K_SECURITY_FAILURE"},
    {0x199, "KERNEL_STORAGE_SLOT_IN_USE"},
    {0x19A, "WORKER_THREAD_RETURNED_WHILE_ATTACHED_TO_SILO"},
    {0x19B, "TTM_FATAL_ERROR"},
    {0x1A0, "TTM_WATCHDOG_TIMEOUT"},
    {0x1A2, "WIN32K_CALLOUT_WATCHDOG_BUGCHECK"},
    {0x1AA, "EXCEPTION_ON_INVALID_STACK"},
    {0x1AB, "UNWIND_ON_INVALID_STACK"},
    {0x1C6, "FAST_ERESOURCE_PRECONDITION_VIOLATION"},
    {0x1C7, "STORE_DATA_STRUCTURE_CORRUPTION"},
    {0x1CB, "INVALID_SILO_DETACH"},
    {0x1CD, "INVALID_CALLBACK_STACK_ADDRESS"},
    {0x1CE, "INVALID_KERNEL_STACK_ADDRESS"},
    {0x1CF, "HARDWARE_WATCHDOG_TIMEOUT"},
    {0x1D0, "ACPI_FIRMWARE_WATCHDOG_TIMEOUT"},
    {0x1D2, "WORKER_THREAD_INVALID_STATE"},
    {0x1D3, "WFP_INVALID_OPERATION"},
    {0x1D6, "WORKER_THREAD_RETURNED_WITH_NON_DEFAULT_WORKLOAD_CLASS"},
    {0x1D7, "EFS_FATAL_ERROR"},
    {0x1D8, "UCMUCSI_FAILURE"},
    {0x1D9, "HAL_IOMMU_INTERNAL_ERROR"},
    {0x1DA, "HAL_BLOCKED_PROCESSOR_INTERNAL_ERROR"},
    {0x1DB, "IPI_WATCHDOG_TIMEOUT"},
    {0x1DC, "DMA_COMMON_BUFFER_VECTOR_ERROR"},
    {0xBFE, "BC_BLUETOOTH_VERIFIER_FAULT"},
    {0xBFF, "BC_BTHMINI_VERIFIER_FAULT"},
    {0xC0000135, "STATUS_DLL_NOT_FOUND"},
    {0xC0000142, "STATUS_DLL_INIT_FAILED"},
    {0xC0000218, "STATUS_CANNOT_LOAD_REGISTRY_FILE"},
    {0xC0000221, "STATUS_IMAGE_CHECKSUM_MISMATCH"},
};

const char *stop_code_at(size_t i, uint32_t *code) {
    const struct bugcheck *b = bugcheck_at(i);
    size_t rest = i - bugcheck_count();
    if (b) {
        *code = b->code;
        return b->name;
    }
    if (rest >= ARRAY_LEN(stop_codes)) {
        return NULL;
    }
    *code = stop_codes[rest].code;
    return stop_codes[rest].name;
}

const char *stop_code_name(uint32_t code) {
    uint32_t plain = bugcheck_plain(code), at = 0;
    const char *name;
    for (size_t i = 0; (name = stop_code_at(i, &at)); i++) {
        if (at == plain) {
            return name;
        }
    }
    return NULL;
}

/* What OCR mixes up becomes one letter, and what it loses (the underscore) is left out. */
static void stop_code_fold(const char *text, char *out, size_t size) {
    static const char from[] = "015826|!", to[] = "OISBZGII";
    size_t n = 0;
    for (; *text && n + 1 < size; text++) {
        const char *at = strchr(from, *text);
        char c = at ? to[at - from] : (char)toupper((unsigned char)*text);
        if (c != '_' && c != '-' && c != '.' && !isspace((unsigned char)c)) {
            out[n++] = c;
        }
    }
    out[n] = '\0';
}

const char *stop_code_nearest(const char *text, uint32_t *code) {
    char want[72], have[72];
    stop_code_fold(text, want, sizeof(want));
    size_t allowed = strlen(want) / 8, best = SIZE_MAX, second = SIZE_MAX;
    const char *name, *found = NULL;
    uint32_t at = 0, found_code = 0;
    for (size_t i = 0; (name = stop_code_at(i, &at)); i++) {
        stop_code_fold(name, have, sizeof(have));
        size_t d = nearest_edits(want, have);
        if (d < best) {
            second = best;
            best = d;
            found = name;
            found_code = at;
        } else if (d < second) {
            second = d;
        }
    }
    if (strlen(want) < 8 || best > allowed || second == best) {
        return NULL;
    }
    *code = found_code;
    return found;
}
