/* feed.c - gives a target every file that is named, and every file of a folder that is. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

static unsigned long fed;

static void feed_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    size_t len = 0, cap = 1 << 20;
    uint8_t *all = malloc(cap);

    fuzz_hold(f && all, path);
    len = fread(all, 1, cap, f);
    fuzz_hold(len < cap && !ferror(f), path);
    fclose(f);
    /* A block of the exact size, so that reading behind it is found. */
    uint8_t *exact = realloc(all, len ? len : 1);
    fuzz_hold(exact != NULL, "there is memory");
    fprintf(stderr, "%s\n", path); /* the last one named is the one that ended it */
    LLVMFuzzerTestOneInput(exact, len);
    free(exact);
    fed++;
}

static void feed(const char *path)
{
    struct stat st;
    char name[4096];

    fuzz_hold(stat(path, &st) == 0, path);
    if (!S_ISDIR(st.st_mode)) {
        feed_file(path);
        return;
    }
    DIR *dir = opendir(path);
    fuzz_hold(dir != NULL, path);
    for (struct dirent *d; (d = readdir(dir));) {
        if (d->d_name[0] == '.')
            continue;
        snprintf(name, sizeof name, "%s/%s", path, d->d_name);
        feed_file(name);
    }
    closedir(dir);
}

int main(int argc, char **argv)
{
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    for (int i = 1; i < argc; i++)
        feed(argv[i]);
    fuzz_hold(fed > 0, "there is a corpus");
    printf("%lu inputs\n", fed);
    return 0;
}
