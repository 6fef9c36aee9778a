#include "evidence/microsoft.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/str.h"

/* Each sorted, in lower case. */
static const char *const microsoft_kernel[] = {
    "bootvid.dll", "ext-ms-win-ntos-werkernel-l1-1-0.dll", "hal.dll", "halaacpi.dll", "halacpi.dll", "halapic.dll",
    "halmacpi.dll", "halmps.dll", "kd.dll", "kd1394.dll", "kd_02_10ec.dll", "kd_02_8086.dll", "kdcom.dll",
    "kdhv1394.dll", "kdnet.dll", "kdstub.dll", "kdusb.dll", "mcupdate.dll", "mcupdate_authenticamd.dll",
    "mcupdate_genuineintel.dll", "nt", "ntkrnlmp.exe", "ntkrnlpa.exe", "ntkrpamp.exe", "ntoskrnl.exe",
    "securekernel.exe", "skci.dll",
};

static const char *const microsoft_carriers[] = {
    "acpi.sys", "afd.sys", "ataport.sys", "bindflt.sys", "bthport.sys", "cdfs.sys", "cdrom.sys", "ci.dll",
    "classpnp.sys", "cldflt.sys", "clfs.sys", "cng.sys", "crashdmp.sys", "disk.sys", "drmk.sys", "dump_diskdump.sys",
    "dump_dumpata.sys", "dump_dumpstorport.sys", "dxgkrnl.sys", "dxgmms1.sys", "dxgmms2.sys", "ehstorclass.sys",
    "exfat.sys", "fastfat.sys", "filecrypt.sys", "fileinfo.sys", "fltmgr.sys", "fvevol.sys", "fwpkclnt.sys",
    "hidclass.sys", "hidparse.sys", "http.sys", "iorate.sys", "ks.sys", "ksecdd.sys", "ksecpkg.sys", "luafv.sys",
    "mountmgr.sys", "mrxsmb.sys", "mrxsmb10.sys", "mrxsmb20.sys", "msgpioclx.sys", "msrpc.sys", "mup.sys", "ndis.sys",
    "netadaptercx.sys", "netio.sys", "ntfs.sys", "ntosext.sys", "nwifi.sys", "pacer.sys", "partmgr.sys", "pci.sys",
    "pdc.sys", "portcls.sys", "rdbss.sys", "rdyboost.sys", "refs.sys", "refsv1.sys", "scsiport.sys", "sercx.sys",
    "sercx2.sys", "spaceport.sys", "spbcx.sys", "storport.sys", "storqosflt.sys", "tcpip.sys", "tdi.sys", "tdx.sys",
    "tm.sys", "ucmcx.sys", "ucx01000.sys", "udfs.sys", "usbccgp.sys", "usbd.sys", "usbhub.sys", "usbhub3.sys",
    "usbport.sys", "vfpext.sys", "vid.sys", "videoprt.sys", "vmswitch.sys", "volmgr.sys", "volmgrx.sys",
    "volsnap.sys", "volume.sys", "watchdog.sys", "wcifs.sys", "wdf01000.sys", "wdfldr.sys", "wdiwifi.sys",
    "wfplwfs.sys", "win32k.sys", "win32kbase.sys", "win32kfull.sys", "win32kns.sys", "wmilib.sys", "wof.sys",
    "wudfpf.sys", "wudfrd.sys",
};

static const char *const microsoft_own[] = {
    "1394bus.sys", "1394ohci.sys", "acpidev.sys", "acpiex.sys", "acpipagr.sys", "acpipmi.sys", "acpitime.sys",
    "advapi32.dll", "aec.sys", "afunix.sys", "agilevpn.sys", "agp440.sys", "ahcache.sys", "aliide.sys", "amdk8.sys",
    "amdppm.sys", "amsi.dll", "apphelp.dll", "appid.sys", "applockerfltr.sys", "appvstrm.sys", "appvvemgr.sys",
    "appvvfs.sys", "arp1394.sys", "asyncmac.sys", "atapi.sys", "atmfd.dll", "audioses.dll", "audstub.sys", "avrt.dll",
    "bam.sys", "basicdisplay.sys", "basicrender.sys", "battc.sys", "bcrypt.dll", "bcryptprimitives.dll", "beep.sys",
    "bowser.sys", "bridge.sys", "bthenum.sys", "bthhfenum.sys", "bthhfhid.sys", "bthleenum.sys", "bthmini.sys",
    "bthmodem.sys", "bthpan.sys", "bthusb.sys", "buttonconverter.sys", "cabinet.dll", "cad.sys", "capimg.sys",
    "cbidf2k.sys", "cdaudio.sys", "cdd.dll", "cea.sys", "cfgmgr32.dll", "cimfs.sys", "circlass.sys", "clbcatq.dll",
    "clipsp.sys", "clr.dll", "clrjit.dll", "cmbatt.sys", "cmd.exe", "cmdide.sys", "cmimcext.sys", "cnghwassist.sys",
    "combase.dll", "comctl32.dll", "comdlg32.dll", "compbatt.sys", "compositebus.sys", "condrv.sys", "conhost.exe",
    "coreclr.dll", "coremessaging.dll", "coreuicomponents.dll", "credui.dll", "crypt32.dll", "cryptbase.dll",
    "cryptsp.dll", "cryptui.dll", "csc.sys", "csrss.exe", "d2d1.dll", "d3d11.dll", "d3d9.dll", "dam.sys",
    "dbgcore.dll", "dbghelp.dll", "devauthe.sys", "devobj.dll", "dfs.sys", "dfsc.sys", "dhcpcsvc.dll",
    "dhcpcsvc6.dll", "discache.sys", "diskdump.sys", "diskdumpport.sys", "dmboot.sys", "dmio.sys", "dmload.sys",
    "dmusic.sys", "dmvsc.sys", "dnsapi.dll", "dpapi.dll", "drmkaud.sys", "dui70.dll", "dump_atapi.sys",
    "dump_dumpfve.sys", "dump_msahci.sys", "dump_storahci.sys", "dump_stornvme.sys", "dump_storufs.sys",
    "dumpfve.sys", "duser.dll", "dwm.exe", "dwmapi.dll", "dwrite.dll", "dxapi.sys", "dxg.sys", "dxgi.dll",
    "dxgthk.sys", "errdev.sys", "explorer.exe", "faultrep.dll", "fdc.sys", "filetrace.sys", "fips.sys",
    "flpydisk.sys", "fltlib.dll", "framebuf.dll", "fs_rec.sys", "fsdepends.sys", "ftdisk.sys", "fwpuclnt.dll",
    "fxppm.sys", "gagp30kx.sys", "gameenum.sys", "gdi32.dll", "gdi32full.dll", "gdiplus.dll", "genericusbfn.sys",
    "gpapi.dll", "gpuenergydrv.sys", "gsfs.sys", "hdaudbus.sys", "hdaudio.sys", "hid.dll", "hidbatt.sys",
    "hidbth.sys", "hidgame.sys", "hidi2c.sys", "hidinterrupt.sys", "hidir.sys", "hidspi.sys", "hidusb.sys",
    "hnetcfg.dll", "hnswfpdriver.sys", "hvcrash.sys", "hvservice.sys", "hvsocket.sys", "hvsocketcontrol.sys",
    "hwpolicy.sys", "hypervideo.sys", "i8042prt.sys", "imagehlp.dll", "imapi.sys", "imm32.dll", "indirectkmd.sys",
    "intelide.sys", "intelpep.sys", "intelpmax.sys", "intelppm.sys", "intelta.sys", "ip6fw.sys", "ipfltdrv.sys",
    "iphlpapi.dll", "ipmidrv.sys", "ipnat.sys", "ipsec.sys", "isapnp.sys", "kbdclass.sys", "kbdhid.sys",
    "kbldfltr.sys", "kdnic.sys", "kernel.appcore.dll", "kernel32.dll", "kernelbase.dll", "kmddsp.sys", "kmixer.sys",
    "kmpdc.sys", "ksthunk.sys", "l1vhlwf.sys", "l2bridge.sys", "lltdio.sys", "loop.sys", "lpk.dll",
    "lsass.exe", "lxcore.sys",
    "lxmonika.sys", "lxss.sys", "microsoft.bluetooth.avrcptransport.sys",
    "microsoft.bluetooth.legacy.leenumerator.sys", "mlang.dll", "mmcss.sys", "mmdevapi.dll", "modem.sys",
    "monitor.sys", "mouclass.sys", "mouhid.sys", "mpclient.dll", "mpengine.dll", "mpfilter.sys", "mpio.sys",
    "mpksldrv.sys", "mpoav.dll", "mpr.dll", "mpsdrv.sys", "mqac.sys", "mrxdav.sys", "msahci.sys", "msasn1.dll",
    "mscoree.dll", "mscoreei.dll", "msctf.dll", "msdsm.sys", "msfs.sys", "msgpiowin32.sys", "mshidkmdf.sys",
    "mshidumdf.sys", "mshwnclx.sys", "msi.dll", "msiexec.exe", "msimg32.dll", "msisadrv.sys", "mskssrv.sys",
    "mslbfoprovider.sys", "mslldp.sys", "msmpeng.exe", "msnvme.sys", "mspclock.sys", "mspqm.sys", "msquic.sys",
    "mssecflt.sys", "mssecwfp.sys", "mssmbios.sys", "mstee.sys", "msvcp100.dll", "msvcp120.dll", "msvcp140.dll",
    "msvcp_win.dll", "msvcr100.dll", "msvcr110.dll", "msvcr120.dll", "msvcrt.dll", "mswsock.dll", "msxml3.dll",
    "msxml6.dll", "mtconfig.sys", "nativewifip.sys", "ncrypt.dll", "ndiscap.sys", "ndisimplatform.sys",
    "ndistapi.sys", "ndisuio.sys", "ndisvirtualbus.sys", "ndiswan.sys", "ndproxy.sys", "ndu.sys", "netapi32.dll",
    "netbios.sys", "netbt.sys", "netutils.dll", "netvsc.sys", "netvsc63.sys", "nfsrdr.sys", "nfsrdrv.sys",
    "nic1394.sys", "normaliz.dll", "npfs.sys", "npsvctrig.sys", "nsi.dll", "nsiproxy.sys", "ntasn1.dll", "ntdll.dll",
    "ntmarta.dll", "null.sys", "nv_agp.sys", "nvdimm.sys", "ohci1394.sys", "ole32.dll", "oleacc.dll", "oleaut32.dll",
    "olepro32.dll", "opengl32.dll", "p9rdr.sys", "parport.sys", "parvdm.sys", "pciide.sys", "pciidex.sys",
    "pcmcia.sys", "pcw.sys", "pdh.dll", "peauth.sys", "pktmon.sys", "pmem.sys", "pnpmem.sys", "pnprt.sys",
    "portcfg.sys", "portmap.sys", "powrprof.dll", "prjflt.sys", "processr.sys", "profapi.dll", "propsys.dll",
    "psapi.dll", "psched.sys", "pshed.dll", "ptilink.sys", "qwavedrv.sys", "ramdisk.sys", "rasacd.sys",
    "rasadhlp.dll", "rasapi32.dll", "rasl2tp.sys", "rasman.dll", "raspppoe.sys", "raspptp.sys", "raspti.sys",
    "rassstp.sys", "rdpbus.sys", "rdpcdd.sys", "rdpdd.dll", "rdpdr.sys", "rdpencdd.sys", "rdprefmp.sys",
    "rdpvideominiport.sys", "rdpwd.sys", "redbook.sys", "rfcomm.sys", "rhproxy.sys", "riched20.dll", "rootmdm.sys",
    "rpcrt4.dll", "rpcxdr.sys", "rsaenh.dll", "rspndr.sys", "rundll32.exe", "samcli.dll", "sbp2port.sys",
    "scfilter.sys", "schannel.dll", "scmbus.sys", "sdbus.sys", "sdport.sys", "sdstor.sys", "searchindexer.exe",
    "sechost.dll", "secur32.dll", "serenum.sys", "serial.sys", "sermouse.sys", "services.exe", "setupapi.dll",
    "sfc.dll", "sfc_os.dll", "sfloppy.sys", "sgrmagent.sys", "shcore.dll", "shell32.dll", "shlwapi.dll",
    "sleepstudyhelper.sys", "smbdirect.sys", "smclib.sys", "smss.exe", "spacedump.sys", "spldr.sys", "splitter.sys",
    "spoolsv.exe", "srv.sys", "srv2.sys", "srvcli.dll", "srvnet.sys", "sspicli.dll", "storahci.sys", "storflt.sys",
    "stornvme.sys", "storufs.sys", "storvsc.sys", "storvsp.sys", "stream.sys", "svchost.exe", "swenum.sys",
    "swmidi.sys", "synth3dvsc.sys", "synth3dvsp.sys", "sysaudio.sys", "tape.sys", "taskhostw.exe", "tbs.sys",
    "tcpip6.sys", "tcpipreg.sys", "tdpipe.sys", "tdtcp.sys", "termdd.sys", "terminpt.sys", "textinputframework.dll",
    "textshaping.dll", "tpm.sys", "tsddd.dll", "tsfairshare.sys", "tssecsrv.sys", "tsusbflt.sys", "tsusbgd.sys",
    "tsusbhub.sys", "tunmp.sys", "tunnel.sys", "uagp35.sys", "uaspstor.sys", "ucmcxucsinvppc.sys", "ucmtcpcicx.sys",
    "ucmucsi.sys", "ucmucsiacpiclient.sys", "ucmucsicx.sys", "ucrtbase.dll", "ucrtbased.dll", "uefi.sys",
    "ufx01000.sys", "ufxchipidea.sys", "ufxsynopsys.sys", "umbus.sys", "umpass.sys", "umpdc.dll", "update.sys",
    "urlmon.dll", "urschipidea.sys", "urscx01000.sys", "urssynopsys.sys", "usb8023.sys", "usb8023x.sys",
    "usbaudio.sys", "usbaudio2.sys", "usbcir.sys", "usbehci.sys", "usbohci.sys", "usbprint.sys", "usbscan.sys",
    "usbser.sys", "usbstor.sys", "usbuhci.sys", "usbvideo.sys", "usbxhci.sys", "user32.dll", "userenv.dll",
    "usp10.dll", "uxtheme.dll", "vcruntime140.dll", "vcruntime140_1.dll", "vdrvroot.sys", "verifier.dll",
    "verifierext.sys", "version.dll", "vga.dll", "vga.sys", "vgapnp.sys", "vhdmp.sys", "vhdparser.sys", "vhf.sys",
    "viaide.sys", "vkrnlintvsc.sys", "vkrnlintvsp.sys", "vmbkmcl.sys", "vmbkmclr.sys", "vmbus.sys", "vmbushid.sys",
    "vmbusr.sys", "vmgencounter.sys", "vmgid.sys", "vms3cap.sys", "vmsproxy.sys", "vmsproxyhnic.sys", "vmstorfl.sys",
    "vpci.sys", "vpcivsp.sys", "vrfcore.dll", "vwifibus.sys", "vwififlt.sys", "vwifimp.sys", "wanarp.sys",
    "wanarpv6.sys", "wcnfs.sys", "wdboot.sys", "wddevflt.sys", "wdfilter.sys", "wdmaud.sys", "wdnisdrv.sys",
    "wer.dll", "werfault.exe", "werkernel.sys", "wevtapi.dll", "wimmount.sys", "win32u.dll", "windows.storage.dll",
    "windowscodecs.dll", "windowstrustedrt.sys", "windowstrustedrtproxy.sys", "winedevice.exe", "winhttp.dll",
    "winhv.sys", "winhvr.sys", "wininet.dll", "wininit.exe", "winlogon.exe", "winmm.dll", "winnat.sys", "winnsi.dll",
    "winspool.drv", "winsta.dll", "wintrust.dll", "wintypes.dll", "winusb.sys", "wkscli.dll", "wldap32.dll",
    "wmiacpi.sys", "wow64.dll", "wow64base.dll", "wow64cpu.dll", "wow64win.dll", "wpdupfltr.sys", "wpprecorder.sys",
    "ws2_32.dll", "ws2ifsl.sys", "wsdprint.sys", "wsdscan.sys", "wstcodec.sys", "wtsapi32.dll", "xboxgip.sys",
    "xboxgipsynthetic.sys", "xinputhid.sys", "xmllite.dll", "xtajit.dll", "xusb22.sys",
};

static int microsoft_compare(const void *key, const void *element) {
    return strcasecmp(key, *(const char *const *)element);
}

static bool microsoft_listed(const char *name, const char *const *list, size_t count) {
    return bsearch(name, list, count, sizeof(*list), microsoft_compare) != NULL;
}

/* Driver libraries of a family: API sets, bug check helpers, Defender's generations. */
static bool microsoft_family(const char *name) {
    static const char *const begins[] = {"api-ms-win-", "ext-ms-win-", "ext-ms-onecore-", "dump_dump", "mpksl",
                                         "microsoft.bluetooth.", "kdnet_", "kd_0", "kd_8", "mcupdate_"};
    for (size_t i = 0; i < ARRAY_LEN(begins); i++) {
        if (strncasecmp(name, begins[i], strlen(begins[i])) == 0) {
            return true;
        }
    }
    return false;
}

enum microsoft_kind microsoft_name(const char *name) {
    if (microsoft_listed(name, microsoft_kernel, ARRAY_LEN(microsoft_kernel))) {
        return MICROSOFT_KERNEL;
    }
    if (microsoft_listed(name, microsoft_carriers, ARRAY_LEN(microsoft_carriers))) {
        return MICROSOFT_CARRIER;
    }
    bool own = microsoft_listed(name, microsoft_own, ARRAY_LEN(microsoft_own)) || microsoft_family(name);
    return own ? MICROSOFT_OWN : MICROSOFT_NOT;
}

/* System libraries carry the version of the Windows they belong to. */
static bool microsoft_version(const struct dump *d, const struct dump_module *m) {
    char want[48];
    if (d->kind != DUMP_USER || !d->is_windows || !d->os_build) {
        return false;
    }
    snprintf(want, sizeof(want), "%u.%u.%u.", d->os_major, d->os_minor, d->os_build);
    return strncmp(m->version, want, strlen(want)) == 0;
}

/* A folder where only Windows puts its own: not System32 as such, where drivers of all vendors lie. */
static bool microsoft_folder(const char *path) {
    static const char *const folders[] = {"\\windows\\winsxs\\", "\\windows defender\\", "\\microsoft.net\\framework",
                                          "\\windows\\systemapps\\", "\\drivers\\wd\\"};
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        if (strcasestr(path, folders[i])) {
            return true;
        }
    }
    return false;
}

static bool microsoft_system_library(const struct dump *d, const char *path) {
    static const char *const folders[] = {"\\windows\\system32\\", "\\windows\\syswow64\\"};
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        const char *at = d->kind == DUMP_USER ? strcasestr(path, folders[i]) : NULL;
        if (at && !strchr(at + strlen(folders[i]), '\\')) {
            return true;
        }
    }
    return false;
}

enum microsoft_kind microsoft_module(const struct dump *d, const struct dump_module *m, const char **why) {
    enum microsoft_kind kind = microsoft_name(m->name);
    const char *reason = "its name is one of Windows' own";
    if (kind == MICROSOFT_NOT && d->kind != DUMP_USER && m == d->modules) {
        kind = MICROSOFT_KERNEL;
        reason = "the kernel comes first in the list of modules";
    } else if (kind == MICROSOFT_NOT && microsoft_folder(m->path)) {
        kind = MICROSOFT_OWN;
        reason = "it lies in a folder of Windows' own";
    } else if (kind == MICROSOFT_NOT && microsoft_version(d, m)) {
        kind = MICROSOFT_OWN;
        reason = "its version is that of this Windows";
    } else if (kind == MICROSOFT_NOT && microsoft_system_library(d, m->path)) {
        kind = MICROSOFT_OWN;
        reason = "it lies in System32";
    } else if (kind == MICROSOFT_NOT) {
        reason = "its name is none of Windows' own";
    }
    if (why) {
        *why = reason;
    }
    return kind;
}
