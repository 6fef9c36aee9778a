!define PRODUCT "Alder Security"
!define KEY "Alder"
!define SETUP "aldersetup.exe"
!define CONTENT "content.acf"
!define REBOOT

!macro ProductFiles
    File "${BUILT}/aldersvc.exe"
    File "${BUILT}/alderctl.exe"
    File "${BUILT}/aldersetup.exe"
    File "${BUILT}/alderflt.sys"
!macroend

!include "${COMMON}/product.nsh"
