#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "cli/cli.h"

int cli_hosts(const struct cli_verb *verb, const struct cli_args *args, struct hosts *out) {
    const char *file = cli_value(verb, args, "hosts");
    CLEANUP_FREE char *texts = str_dup(cli_value(verb, args, "host"));
    struct diags diags = DIAGS_INIT;
    if (file) {
        hosts_load(out, file, &diags);
    }
    for (char *t = texts, *next; t; t = next) {
        next = strchr(t, '\n');
        if (next) {
            *next++ = '\0';
        }
        if (*t) {
            hosts_add_text(out, t, &diags);
        } else {
            diags_add(&diags, "--host", (struct diag_pos){0, 0}, "missing", NULL, "a host without a URI");
        }
    }
    int rc = diags.count ? -1 : 0;
    if (rc < 0) {
        cli_fail_input(&diags, false);
    }
    diags_free(&diags);
    return rc;
}
