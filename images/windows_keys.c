/* KMS client setup keys, which Microsoft publishes for everybody: they choose the edition and activate nothing by
 * themselves. https://learn.microsoft.com/windows-server/get-started/kms-client-activation-keys */
#include "images/windows_impl.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

static const struct { const char *version, *edition, *key; } windows_keys[] = {
    {"client", "Professional", "W269N-WFGWX-YVC9B-4J6C9-T83GX"},
    {"client", "ProfessionalN", "MH37W-N47XK-V7XM9-C7227-GCQG9"},
    {"client", "ProfessionalWorkstation", "NRG8B-VKK3Q-CXVCJ-9G2XF-6Q84J"},
    {"client", "ProfessionalWorkstationN", "9FNHH-K3HBT-3W4TD-6383H-6XYWF"},
    {"client", "ProfessionalEducation", "6TP4R-GNPTD-KYYHQ-7B7DP-J447Y"},
    {"client", "ProfessionalEducationN", "YVWGF-BXNMC-HTQYQ-CPQ99-66QFC"},
    {"client", "Education", "NW6C2-QMPVW-D7KKK-3GKT6-VCFB2"},
    {"client", "EducationN", "2WH4N-8QGBV-H22JP-CT43Q-MDWWJ"},
    {"client", "Enterprise", "NPPR9-FWDCX-D2C8J-H872K-2YT43"},
    {"client", "EnterpriseN", "DPH2V-TTNVB-4X9Q3-TJR4H-KHJW4"},
    {"server-2016", "ServerStandard", "WC2BQ-8NRM3-FDDYY-2BFGV-KHKQY"},
    {"server-2016", "ServerDatacenter", "CB7KF-BWN84-R7R2Y-793K2-8XDDG"},
    {"server-2019", "ServerStandard", "N69G4-B89J2-4G8F4-WWYCC-J464C"},
    {"server-2019", "ServerDatacenter", "WMDGN-G9PQG-XVVXX-R3X43-63DFG"},
    {"server-2022", "ServerStandard", "VDYBN-27WPP-V4HQT-9VMD4-VMK7H"},
    {"server-2022", "ServerDatacenter", "WX4NM-KYWYW-QJJR4-XV3QB-6VM33"},
    {"server-2025", "ServerStandard", "TVRH6-WHNXV-R9WG3-9XRFY-MY832"},
    {"server-2025", "ServerDatacenter", "D764K-2NDRG-47T6Q-P8T8W-YP6DF"},
};

const char *windows_kms_key(const char *version, const char *edition) {
    const char *family = strncmp(version, "server-", 7) == 0 ? version : "client";
    for (size_t i = 0; i < ARRAY_LEN(windows_keys); i++) {
        if (str_eq(windows_keys[i].version, family) && str_eq(windows_keys[i].edition, edition)) {
            return windows_keys[i].key;
        }
    }
    return NULL;
}
