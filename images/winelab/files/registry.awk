# Makes a registry file of Wine (text, "WINE REGISTRY Version 2") small and the same in every build:
# no times, no random numbers, none of the keys that only cost time when the registry is loaded.
# A section starts at "[Key\\Sub] time" and ends before the next one.
/^\[/ {
    drop = /^\[Software\\\\Classes\\\\Interface\\\\\{/ ||
           /^\[Software\\\\Classes\\\\(Wow6432Node\\\\)?(MIME|MediaFoundation|DirectShow|Typelib)(\\\\|\])/ ||
           /^\[Software\\\\Microsoft\\\\Windows\\\\CurrentVersion\\\\Telephony/ ||
           (/^\[Software\\\\Microsoft\\\\Windows NT\\\\CurrentVersion\\\\Time Zones\\\\/ && !/\\\\UTC(\\\\|\])/) ||
           /^\[System\\\\CurrentControlSet\\\\Enum\\\\(ROOT\\\\WINE|WINEBUS)/
    sub(/\] [0-9]+$/, "] " epoch)
}
drop { next }
/^#time=/ { next }
/^"MachineGuid"=/ { $0 = "\"MachineGuid\"=\"" guid "\"" }
/^"VideoID"=/ { $0 = "\"VideoID\"=\"{" guid "}\"" }
/^"DriverDateData"=hex:/ { $0 = "\"DriverDateData\"=hex:00,00,00,00,00,00,00,00" }
# The display adapter's LUID: a count of what was allocated before it in that session.
/^@=hex\(ffff000[89]\):/ { sub(/:.*/, ":ef,03,00,00,00,00,00,00") }
/^"InstallDate"=/ { $0 = sprintf("\"InstallDate\"=dword:%08x", epoch) }
{ print }
