!define PRODUCT "Cedar Software"
!define KEY "Cedar"
!define SETUP "cedarsetup.exe"
!define CONTENT "content.ccf"

!macro ProductFiles
    File "${BUILT}/cedarsvc.exe"
    File "${BUILT}/cedarscan.exe"
    File "${BUILT}/cedareng.dll"
    File "${BUILT}/cedarctl.exe"
    File "${BUILT}/cedarsetup.exe"
!macroend

!include "${COMMON}/product.nsh"
