/* The scripts that the answer file's two commands run. Registry values after Microsoft's documentation: CrashControl
 * ("Varieties of kernel-mode dump files"), Windows Update ("Manage additional Windows Update settings"), Defender
 * ("Microsoft Defender Antivirus on Windows Server", "compatibility with other security products"), DataCollection
 * ("Configure Windows diagnostic data"). */
#include "base/cleanup.h"
#include "base/str.h"
#include "media/answer.h"

#define HKLM_CRASH "HKLM\\SYSTEM\\CurrentControlSet\\Control\\CrashControl"
#define HKLM_POLICY "HKLM\\SOFTWARE\\Policies\\Microsoft"

#define SCRIPT_KEYS "%ProgramData%\\ssh\\administrators_authorized_keys"

struct script_value { const char *key, *name; unsigned value; };

static void script_line(struct str *out, const char *line) {
    str_addf(out, "%s\r\n", line);
}

static void script_values(struct str *out, const struct script_value *values, size_t count) {
    for (size_t i = 0; i < count; i++) {
        str_addf(out, "reg.exe add \"%s\" /v %s /t REG_DWORD /d %u /f\r\n", values[i].key, values[i].name,
                 values[i].value);
    }
}

/* Everything it says goes to a log beside what it copied; a line that fails does not stop the others. */
static void script_begin(struct str *out, const char *log) {
    script_line(out, "@echo off");
    script_line(out, "if not exist " ANSWER_HOME " mkdir " ANSWER_HOME);
    str_addf(out, "call :main >>%s\\%s 2>&1\r\n", ANSWER_HOME, log);
    script_line(out, "exit /b 0");
    script_line(out, ":main");
    script_line(out, "echo on");
}

static void script_evidence(struct str *out) {
    static const struct script_value values[] = {
        {HKLM_CRASH, "CrashDumpEnabled", 2},     /* the kernel's memory */
        {HKLM_CRASH, "AutoReboot", 1},
        {HKLM_CRASH, "LogEvent", 1},
        {HKLM_CRASH, "Overwrite", 1},
        {HKLM_CRASH, "AlwaysKeepMemoryDump", 1}, /* however little room there is */
        {HKLM_CRASH, "DisplayParameters", 1},    /* of the bugcheck, on the stop screen */
        {"HKLM\\SYSTEM\\CurrentControlSet\\Control\\TimeZoneInformation", "RealTimeIsUniversal", 1},
    };
    script_values(out, values, ARRAY_LEN(values));
}

static void script_quiet(struct str *out, bool server) {
    static const struct script_value values[] = {
        {HKLM_POLICY "\\Windows\\WindowsUpdate\\AU", "NoAutoUpdate", 1},
        {HKLM_POLICY "\\Windows\\WindowsUpdate", "ExcludeWUDriversInQualityUpdate", 1},
        {HKLM_POLICY "\\WindowsStore", "AutoDownload", 2},
        {HKLM_POLICY "\\Windows\\DataCollection", "AllowTelemetry", 0},
        {HKLM_POLICY "\\Windows\\OOBE", "DisablePrivacyExperience", 1},
        {HKLM_POLICY "\\Windows\\CloudContent", "DisableWindowsConsumerFeatures", 1},
        {"HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Policies\\System", "EnableFirstLogonAnimation", 0},
        {"HKLM\\SYSTEM\\CurrentControlSet\\Control\\BitLocker", "PreventDeviceEncryption", 1},
    };
    static const struct script_value server_values[] = {
        {"HKLM\\SOFTWARE\\Microsoft\\ServerManager", "DoNotOpenServerManagerAtLogon", 1},
        {HKLM_POLICY "\\Windows NT\\Reliability", "ShutdownReasonOn", 0},
    };
    static const struct script_value client_values[] = {
        {"HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\OOBE", "BypassNRO", 1},
    };
    script_values(out, values, ARRAY_LEN(values));
    script_values(out, server ? server_values : client_values,
                  server ? ARRAY_LEN(server_values) : ARRAY_LEN(client_values));
    script_line(out, "reg.exe add HKLM\\SYSTEM\\CurrentControlSet\\Control\\Network\\NewNetworkWindowOff /f");
    script_line(out, "net.exe accounts /maxpwage:unlimited");
    static const char *const power[] = {"standby-timeout-ac", "monitor-timeout-ac", "disk-timeout-ac",
                                        "hibernate-timeout-ac"};
    script_line(out, "powercfg.exe /hibernate off");
    for (size_t i = 0; i < ARRAY_LEN(power); i++) {
        str_addf(out, "powercfg.exe /change %s 0\r\n", power[i]);
    }
}

/* Before Defender has run for the first time, and so before tamper protection is on. */
static void script_defender(struct str *out) {
    static const struct script_value values[] = {
        {HKLM_POLICY "\\Windows Advanced Threat Protection", "ForceDefenderPassiveMode", 1},
        {HKLM_POLICY "\\Windows Defender\\Real-Time Protection", "DisableRealtimeMonitoring", 1},
        {HKLM_POLICY "\\Windows Defender\\Real-Time Protection", "DisableBehaviorMonitoring", 1},
        {HKLM_POLICY "\\Windows Defender\\Real-Time Protection", "DisableOnAccessProtection", 1},
        {HKLM_POLICY "\\Windows Defender\\Real-Time Protection", "DisableScanOnRealtimeEnable", 1},
        {HKLM_POLICY "\\Windows Defender\\Spynet", "SubmitSamplesConsent", 2},
    };
    script_values(out, values, ARRAY_LEN(values));
}

char *answer_script_specialize(const struct answer_script_spec *s) {
    struct str out = STR_INIT;
    script_begin(&out, "specialize.log");
    script_line(&out, "copy /y \"%~dp0*.*\" " ANSWER_HOME "\\");
    script_evidence(&out);
    script_quiet(&out, s->server);
    if (s->defender_passive) {
        script_defender(&out);
    }
    if (s->test_signing) {
        script_line(&out, "bcdedit.exe /set testsigning on");
    }
    str_addf(&out, "%s\\agent.exe --install --port %s\r\n", ANSWER_HOME, s->agent_port);
    script_line(&out, "exit /b 0");
    return str_take(&out);
}

/* Win32-OpenSSH, as MSI or as ZIP (its wiki, "Install Win32 OpenSSH"); the keys of administrators have a file of their
 * own, which sshd reads when it belongs to them or the system and nobody else may write it ("OpenSSH Server
 * configuration for Windows"). Groups by SID: their names are translated. Its first start makes ANSWER_SSH_HOST_KEY. */
static void script_openssh(struct str *out) {
    script_line(out, "if exist " ANSWER_HOME "\\openssh.msi msiexec.exe /i " ANSWER_HOME
                     "\\openssh.msi /qn /norestart ADDLOCAL=Server /l*v " ANSWER_HOME "\\openssh.log");
    script_line(out, "if not exist " ANSWER_HOME "\\openssh.zip goto key");
    script_line(out, "powershell.exe -NoProfile -ExecutionPolicy Bypass -Command \"Expand-Archive -Force "
                     ANSWER_HOME "\\openssh.zip $env:ProgramFiles; "
                     "$d = Get-ChildItem $env:ProgramFiles -Filter install-sshd.ps1 -Recurse -Depth 2; "
                     "& $d[0].FullName\"");
    script_line(out, ":key");
    script_line(out, "if not exist %ProgramData%\\ssh mkdir %ProgramData%\\ssh");
    script_line(out, "copy /y " ANSWER_HOME "\\authorized_key " SCRIPT_KEYS);
    script_line(out, "icacls.exe " SCRIPT_KEYS " /setowner *S-1-5-32-544");
    script_line(out, "icacls.exe " SCRIPT_KEYS " /inheritance:r /grant:r *S-1-5-32-544:F /grant:r *S-1-5-18:F");
    script_line(out, "netsh.exe advfirewall firewall add rule name=coexist-sshd dir=in action=allow protocol=TCP "
                     "localport=22");
    script_line(out, "sc.exe config sshd start= auto");
    script_line(out, "net.exe start sshd");
}

char *answer_script_logon(const struct answer_script_spec *s) {
    struct str out = STR_INIT;
    script_begin(&out, "logon.log");
    if (s->openssh) {
        script_openssh(&out);
    }
    script_line(&out, "echo done> " ANSWER_DONE);
    script_line(&out, "exit /b 0");
    return str_take(&out);
}
