#include "vendor.h"

const struct vendor *vendor_self(void)
{
    static const struct vendor vendor = {
        .id = "birch",
        .name = L"Birch",
        .service = L"BirchSvc",
        .service_title = L"Birch Labs (sample) protection",
        .service_file = L"birchsvc.exe",
        .content_file = L"content.bcf",
        .engine_file = L"bircheng.dll",
    };

    return &vendor;
}
