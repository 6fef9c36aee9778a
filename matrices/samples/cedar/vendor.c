#include "vendor.h"

const struct vendor *vendor_self(void)
{
    static const struct vendor vendor = {
        .id = "cedar",
        .name = L"Cedar",
        .service = L"CedarSvc",
        .service_title = L"Cedar Software (sample) protection",
        .service_file = L"cedarsvc.exe",
        .content_file = L"content.ccf",
        .engine_file = L"cedareng.dll",
    };

    return &vendor;
}
