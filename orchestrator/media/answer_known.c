/* Components of answer files with the passes they are valid in and their settings, and what is below a setting: the
 * part of Microsoft's Unattended Windows Setup Reference (Windows 10, 11, Server 2016 to 2025) that answer files for
 * test machines use. What is not here is no error. */
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "media/answer_impl.h"

const char *const *answer_pass_names(void) {
    static const char *const names[ANSWER_PASS_COUNT] = {"windowsPE",   "offlineServicing", "generalize", "specialize",
                                                         "auditSystem", "auditUser",        "oobeSystem"};
    return names;
}

#define PASS_INSTALLED (PASS_GENERALIZE | PASS_SPECIALIZE | PASS_AUDIT_SYSTEM | PASS_AUDIT_USER | PASS_OOBE)
#define PASS_LATE (PASS_OFFLINE | PASS_INSTALLED)

static const struct answer_known known_components[] = {
    {"Microsoft-Windows-Setup", PASS_PE,
     " ComplianceCheck Diagnostics DiskConfiguration Display DynamicUpdate EnableFirewall EnableNetwork ImageInstall "
     "LogPath PageFile Restart RunAsynchronous RunSynchronous UpgradeData UseConfigurationSet UserData "
     "WindowsDeploymentServices "},
    {"Microsoft-Windows-International-Core-WinPE", PASS_PE,
     " InputLocale LayeredDriver SetupUILanguage SystemLocale UILanguage UILanguageFallback UserLocale "},
    {"Microsoft-Windows-PnpCustomizationsWinPE", PASS_PE, " DriverPaths "},
    {"Microsoft-Windows-PnpCustomizationsNonWinPE", PASS_OFFLINE | PASS_AUDIT_SYSTEM, " DriverPaths "},
    {"Microsoft-Windows-International-Core", PASS_SPECIALIZE | PASS_OOBE,
     " InputLocale SystemLocale UILanguage UILanguageFallback UserLocale "},
    {"Microsoft-Windows-Shell-Setup", PASS_LATE,
     " AutoLogon BluetoothTaskbarIconEnabled ClientApplications ComputerName ConvertibleSlateModePromptPreference "
     "CopyProfile DesktopOptimization DisableAutoDaylightTimeSet Display DoNotCleanTaskBar EnableStartMenu "
     "FirstLogonCommands FolderLocations LogonCommands NotificationArea OEMInformation OEMName OEMWelcomeCenter OOBE "
     "OfflineUserAccounts ProductKey RegisteredOrganization RegisteredOwner ShowPowerButtonOnStartScreen "
     "ShowWindowsLive SignInMode StartPanelOff StartTiles StartMenu TaskbarLinks Themes TimeZone UserAccounts "
     "VisualEffects WindowsFeatures "},
    {"Microsoft-Windows-Deployment", PASS_INSTALLED | PASS_OFFLINE,
     " ExtendOSPartition Generalize Reseal RunAsynchronous RunSynchronous "},
    {"Microsoft-Windows-Security-SPP", PASS_GENERALIZE | PASS_SPECIALIZE, NULL},
    {"Microsoft-Windows-Security-SPP-UX", PASS_SPECIALIZE, " SkipAutoActivation "},
    {"Microsoft-Windows-PnPSysprep", PASS_GENERALIZE, " DoNotCleanUpNonPresentDevices PersistAllDeviceInstalls "},
    {"Microsoft-Windows-UnattendedJoin", PASS_SPECIALIZE, " Identification "},
    {"Microsoft-Windows-TCPIP", PASS_PE | PASS_SPECIALIZE, " IcmpRedirectsEnabled Interfaces "},
    {"Microsoft-Windows-DNS-Client", PASS_PE | PASS_SPECIALIZE,
     " DNSDomain DNSSuffixSearchOrder Interfaces UseDomainNameDevolution "},
    {"Microsoft-Windows-NetBT", PASS_PE | PASS_SPECIALIZE, NULL},
    {"Microsoft-Windows-LUA-Settings", PASS_OFFLINE | PASS_SPECIALIZE | PASS_GENERALIZE, " EnableLUA "},
    {"Microsoft-Windows-SecureStartup-FilterDriver", 0, NULL},
    {"Microsoft-Windows-EnhancedStorage-Adm", 0, " TCGSecurityActivationDisabled "},
    {"Microsoft-Windows-ServerManager-SvrMgrNc", PASS_SPECIALIZE | PASS_GENERALIZE, " DoNotOpenServerManagerAtLogon "},
    {"Microsoft-Windows-OutOfBoxExperience", PASS_SPECIALIZE | PASS_GENERALIZE,
     " DoNotOpenInitialConfigurationTasksAtLogon "},
    {"Microsoft-Windows-TerminalServices-LocalSessionManager", 0, " fDenyTSConnections "},
    {"Microsoft-Windows-TerminalServices-RDP-WinStationExtensions", 0, " SecurityLayer UserAuthentication "},
    {"Microsoft-Windows-TerminalServices-Publishing-WMIProvider", 0, NULL},
    {"Microsoft-Windows-RemoteAssistance-Exe", 0, NULL},
    {"Microsoft-Windows-SystemRestore-Main", 0, " DisableSR "},
    {"Microsoft-Windows-ErrorReportingCore", 0, " DisableWER "},
    {"Microsoft-Windows-SQMApi", 0, " CEIPEnabled "},
    {"Microsoft-Windows-SQMAPI", 0, " CEIPEnabled "},
    {"Microsoft-Windows-CorruptedFileRecovery-Leak", 0, NULL},
    {"Microsoft-Windows-powercpl", 0, " PreferredPlan "},
    {"Microsoft-Windows-powershell-cmdlets", 0, NULL},
    {"Microsoft-Windows-IE-InternetExplorer", 0, NULL},
    {"Microsoft-Windows-IE-ESC", 0, " IEHardenAdmin IEHardenUser "},
    {"Microsoft-Windows-IE-ClientNetworkProtocolImplementation", 0, NULL},
    {"Microsoft-Windows-Browsers", 0, NULL},
    {"Microsoft-Windows-Store-Client-UI", 0, NULL},
    {"Microsoft-Windows-WebcamExperience", 0, NULL},
    {"Microsoft-Windows-ehome-reg-inf", 0, NULL},
    {"Microsoft-Windows-MobilePC-Sensors-API", 0, NULL},
    {"Microsoft-Windows-NetworkDiagnosticsFramework", 0, NULL},
    {"Microsoft-Windows-NetworkLoadBalancing-Core", 0, NULL},
    {"Microsoft-Windows-DeviceAccess", 0, NULL},
    {"Microsoft-Windows-DeviceGuard-Unattend", 0, NULL},
    {"Microsoft-Windows-Embedded-BootExp", 0, NULL},
    {"Microsoft-Windows-Embedded-EmbeddedLogon", 0, NULL},
    {"Microsoft-Windows-Embedded-UnifiedWriteFilter", 0, NULL},
    {"Microsoft-Windows-HyperV-PSHelper", 0, NULL},
    {"Microsoft-Windows-Fax-Service", 0, NULL},
    {"Microsoft-Windows-Feeds-Platform", 0, NULL},
    {"Microsoft-Windows-Help-AndSupport", 0, NULL},
    {"Microsoft-Windows-PowerShell-MSI", 0, NULL},
    {"Microsoft-Windows-Printing-Spooler-Core", 0, NULL},
    {"Microsoft-Windows-RemoteDesktopServices-RemoteDesktopSessionHost", 0, NULL},
    {"Microsoft-Windows-SMIEngine", 0, NULL},
    {"Microsoft-Windows-SMBServer", 0, NULL},
    {"Microsoft-Windows-SMBClient", 0, NULL},
    {"Microsoft-Windows-SharedAccess", 0, NULL},
    {"Microsoft-Windows-SNMP-Agent-Service", 0, NULL},
    {"Microsoft-Windows-Sysprep", PASS_GENERALIZE, NULL},
    {"Microsoft-Windows-TabletPC-Platform-Input-Core", 0, NULL},
    {"Microsoft-Windows-TapiSetup", 0, NULL},
    {"Microsoft-Windows-UnattendTest", 0, NULL},
    {"Microsoft-Windows-WinRE-RecoveryAgent", 0, NULL},
    {"Microsoft-Windows-WindowsUpdateClient-UI", 0, NULL},
    {"Microsoft-Windows-WMPNSS-Service", 0, NULL},
    {"Networking-MPSSVC-Svc", 0, NULL},
    {"Security-Malware-Windows-Defender", 0, NULL},
    {"Windows-Defender-Management", 0, NULL},
    {"Microsoft-Windows-Authentication-AuthUI", 0, NULL},
    {"Microsoft-Windows-BLB-WSB-Online-Main", 0, NULL},
    {"Microsoft-Windows-Bluetooth-Service", 0, NULL},
    {"Microsoft-Windows-IIS-WebServer", 0, NULL},
    {"Microsoft-Windows-Shell-CustomizationsAdm", 0, NULL},
    {"Microsoft-Windows-ICM-Profiles", 0, NULL},
};

const struct answer_known *answer_known_find(const char *name) {
    for (size_t i = 0; i < ARRAY_LEN(known_components); i++) {
        if (strcasecmp(known_components[i].name, name) == 0) {
            return &known_components[i];
        }
    }
    return NULL;
}

const char **answer_known_names(size_t *count) {
    const char **names = mem_zalloc(ARRAY_LEN(known_components), sizeof(*names));
    for (size_t i = 0; i < ARRAY_LEN(known_components); i++) {
        names[i] = known_components[i].name;
    }
    *count = ARRAY_LEN(known_components);
    return names;
}

static const struct { const char *setting, *children; } known_settings[] = {
    {"AutoLogon", " Domain Enabled LogonCount Password Username "},
    {"CreatePartition", " Extend Order Size Type "},
    {"CreatePartitions", " CreatePartition "},
    {"Credentials", " Domain Password Username "},
    {"Diagnostics", " OptIn "},
    {"Disk", " CreatePartitions DiskID ModifyPartitions WillWipeDisk "},
    {"DiskConfiguration", " DisableEncryptedDiskProvisioning Disk WillShowUI "},
    {"DriverPaths", " PathAndCredentials "},
    {"DynamicUpdate", " Enable WillShowUI "},
    {"FirstLogonCommands", " SynchronousCommand "},
    {"ImageInstall", " DataImage OSImage "},
    {"InstallFrom", " Credentials MetaData Path "},
    {"InstallTo", " DiskID PartitionID "},
    {"LocalAccount", " Description DisplayName Group Name Password "},
    {"LocalAccounts", " LocalAccount "},
    {"LogonCommands", " AsynchronousCommand "},
    {"MetaData", " Key Value "},
    {"ModifyPartition", " Active Extend Format Label Letter Order PartitionID TypeID "},
    {"ModifyPartitions", " ModifyPartition "},
    {"OOBE",
     " HideEULAPage HideLocalAccountScreen HideOEMRegistrationScreen HideOnlineAccountScreens HideWirelessSetupInOOBE "
     "NetworkLocation OEMAppId OEMAppID ProtectYourPC SkipMachineOOBE SkipUserOOBE UnattendEnableRetailDemo "
     "VMModeOptimizations "},
    {"OSImage", " Compact InstallFrom InstallTo InstallToAvailablePartition WillShowUI "},
    {"PathAndCredentials", " Credentials Path "},
    {"RunAsynchronous", " RunAsynchronousCommand "},
    {"RunAsynchronousCommand", " Credentials Description Order Path "},
    {"RunSynchronous", " RunSynchronousCommand "},
    {"RunSynchronousCommand", " Credentials Description Order Path WillReboot "},
    {"SetupUILanguage", " UILanguage WillShowUI "},
    {"SynchronousCommand", " CommandLine Description Order RequiresUserInput "},
    {"UpgradeData", " Upgrade WillShowUI "},
    {"UserAccounts", " AdministratorPassword DomainAccounts LocalAccounts "},
    {"UserData", " AcceptEula FullName Organization ProductKey "},
};

const char *answer_known_children(const char *setting) {
    for (size_t i = 0; i < ARRAY_LEN(known_settings); i++) {
        if (str_eq(known_settings[i].setting, setting)) {
            return known_settings[i].children;
        }
    }
    return NULL;
}
