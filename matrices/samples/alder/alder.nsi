!define PRODUCT "Alder Security"
!define KEY "Alder"
!define CTL "alderctl.exe"
!define CONTENT "content.acf"
!define REBOOT

!macro ProductFiles
    File "${BUILT}/aldersvc.exe"
    File "${BUILT}/alderctl.exe"
    File "${BUILT}/alderflt.sys"
!macroend

!include "${COMMON}/product.nsh"
