; The installer of a sample product. The vendor's own script defines, before including this:
;   PRODUCT  folder and display name      KEY      registry key name
;   SETUP    the control tool, windowless VERSION  1.0.0.0
;   CONTENT  the content file             REBOOT   defined when a driver waits for a reboot
; and a macro ProductFiles with the File lines; makensis gets OUTPUT and BUILT (a folder).
; Silent: /S. Removal, waiting until all is gone: /S /remove (uninstall.exe is there as well, but
; goes on in the background once it has copied itself away, as NSIS uninstallers do).
Target amd64-unicode
Unicode true
ManifestDPIAware true
RequestExecutionLevel admin
SetDateSave off
SetCompressor zlib ; under emulation the time to unpack counts more than a few kilobytes
Name "${PRODUCT}"
OutFile "${OUTPUT}"
InstallDir "$PROGRAMFILES64\${PRODUCT}"
VIProductVersion "${VERSION}"
VIAddVersionKey "ProductName" "${PRODUCT} (sample)"
VIAddVersionKey "CompanyName" "${PRODUCT} (sample)"
VIAddVersionKey "FileDescription" "${PRODUCT} (sample) setup"
VIAddVersionKey "FileVersion" "${VERSION}"
VIAddVersionKey "LegalCopyright" "sample, for lab machines only"
Page instfiles
UninstPage instfiles

!include "FileFunc.nsh"
!include "LogicLib.nsh"
!define ARP "Software\Microsoft\Windows\CurrentVersion\Uninstall\${KEY}"

; Exit code 2 is what NSIS itself uses for "ended by the script".
!macro Tool VERB MESSAGE
    ExecWait '"$INSTDIR\${SETUP}" ${VERB}' $0
    ${If} $0 <> 0
        DetailPrint "${MESSAGE} ($0)"
        SetErrorLevel 2
        Abort
    ${EndIf}
!macroend

!macro RemoveProduct
    SetRegView 64
    SetShellVarContext all
    SetOutPath "$TEMP"
    ${If} ${FileExists} "$INSTDIR\${SETUP}"
        !insertmacro Tool unregister "cannot remove the service"
        !insertmacro Tool purge "cannot remove the data"
    ${EndIf}
    RMDir /r "$INSTDIR"
    DeleteRegKey HKLM "${ARP}"
!macroend

Function RemoveNow
    !insertmacro RemoveProduct
FunctionEnd

Section
    SetRegView 64
    SetShellVarContext all
    ${GetParameters} $1
    ClearErrors
    ${GetOptions} $1 "/remove" $2
    ${IfNot} ${Errors}
        Call RemoveNow
        Return
    ${EndIf}
    SetOutPath "$INSTDIR"
    !insertmacro ProductFiles
    WriteUninstaller "$INSTDIR\uninstall.exe"
    SetOutPath "$APPDATA\${KEY}"
    File "${BUILT}/${CONTENT}"
    WriteRegStr HKLM "${ARP}" "DisplayName" "${PRODUCT} (sample)"
    WriteRegStr HKLM "${ARP}" "DisplayVersion" "${VERSION}"
    WriteRegStr HKLM "${ARP}" "Publisher" "${PRODUCT} (sample)"
    WriteRegStr HKLM "${ARP}" "InstallLocation" "$INSTDIR"
    WriteRegStr HKLM "${ARP}" "UninstallString" '"$INSTDIR\uninstall.exe"'
    WriteRegStr HKLM "${ARP}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
    !insertmacro Tool register "cannot start the service"
    !ifdef REBOOT
        SetRebootFlag true
        SetErrorLevel 3010
    !endif
SectionEnd

Section "Uninstall"
    !insertmacro RemoveProduct
SectionEnd
