/* coexist image list: what the lab has. */
#include <stdio.h>

#include "cli/cli.h"
#include "images/image.h"

static const struct cli_option options[] = {
    {"json", NULL, "print the manifests as a JSON array"},
    {NULL, NULL, NULL},
};

struct list {
    json_t *manifests; /* NULL: print as we go */
    size_t count;
};

static double list_mib(const struct image *image) {
    double bytes = 0;
    size_t i;
    json_t *file;
    json_array_foreach(json_object_get(image->manifest, "files"), i, file) {
        bytes += json_number_value(json_object_get(file, "bytes"));
    }
    return bytes / (1 << 20);
}

static int list_one(const char *name, const struct image *image, const char *why, void *ctx) {
    struct list *l = ctx;
    l->count++;
    if (l->manifests) {
        json_array_append_new(l->manifests, image ? json_deep_copy(image->manifest)
                                                  : json_pack("{s:s, s:s}", "name", name, "error", why));
    } else if (image) {
        const char *title = json_string_value(json_object_get(image->manifest, "title"));
        printf("%-16s %7.0f MiB  %s\n", name, list_mib(image), title ? title : "");
    } else {
        printf("%-16s  broken: %s\n", name, why);
    }
    return 0;
}

static int list_run(struct cli *cli, const struct cli_args *args) {
    bool as_json = cli_value(cmd_image_list(), args, "json") != NULL;
    struct list l = {as_json ? json_array() : NULL, 0};
    CLEANUP_ERR struct err err = ERR_INIT;
    if (image_each(cli->lab_dir, list_one, &l, &err) < 0) {
        json_decref(l.manifests);
        return cli_fail(&err);
    }
    if (as_json) {
        json_dumpf(l.manifests, stdout, JSON_INDENT(2));
        putchar('\n');
        json_decref(l.manifests);
    } else if (l.count == 0) {
        printf("no images in %s/images; 'coexist image build' makes one\n", cli->lab_dir);
    }
    return CLI_SHIP;
}

const struct cli_verb *cmd_image_list(void) {
    static const struct cli_verb verb = {
        .name = "image list",
        .operands = "",
        .summary = "list the images of the lab",
        .about = "Lists the images of the lab with their sizes; --json prints their manifests.",
        .options = options,
        .run = list_run,
    };
    return &verb;
}
