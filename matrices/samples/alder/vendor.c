#include "vendor.h"

const struct vendor *vendor_self(void)
{
    static const struct vendor vendor = {
        .id = "alder",
        .name = L"Alder",
        .service = L"AlderSvc",
        .service_title = L"Alder Security (sample) protection",
        .service_file = L"aldersvc.exe",
        .content_file = L"content.acf",
        .driver = L"AlderFlt",
        .driver_title = L"Alder Security (sample) filter",
        .driver_file = L"alderflt.sys",
    };

    return &vendor;
}
