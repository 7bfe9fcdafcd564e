/* fuzz_glob.c - path globs and .gitignore. Input: a glob, a path, a line each, then the .gitignore.
 * The matcher is held against one that tries everything; globs with alternatives against their
 * parts. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files/globs.h"
#include "files/ignore.h"
#include "fuzz.h"
#include "tools/pathglob.h"

/* Only bytes, ? and stars: sets are left to the matcher alone. */
static bool slow_match(const char *g, const char *p, const char *end, bool at_start)
{
    if (g[0] == '*' && g[1] == '*') {
        size_t n = g[2] == '/' ? 3 : 2;
        if (g[n] == '\0' && n == 2)
            return true;
        if (slow_match(g + n, p, end, at_start))
            return true;
        for (const char *s = p; s < end; s++)
            if (*s == '/' && slow_match(g + n, s + 1, end, true))
                return true;
        /* What ends a double star may be empty. */
        return slow_match(g + n, end, end, at_start);
    }
    if (g[0] == '*') {
        for (const char *s = p;; s++) {
            if (slow_match(g + 1, s, end, false))
                return true;
            if (s == end || *s == '/')
                return false;
        }
    }
    if (g[0] == '\0')
        return p == end;
    if (p == end || (g[0] == '?' ? *p == '/' : *g != *p))
        return false;
    return slow_match(g + 1, p + 1, end, *p == '/');
}

static void check_glob(const char *glob, const char *path, size_t len)
{
    struct globs globs;
    struct fail f;
    size_t stars = 0;

    bool matches = pathglob_match(glob, path, len);
    for (const char *g = glob; *g; g++)
        stars += *g == '*';
    if (!strchr(glob, '[') && stars <= 6 && len <= 40 && strlen(glob) <= 40)
        fuzz_hold(matches == slow_match(glob, path, path + len, true),
                  "the matcher finds what trying everything finds");
    if (!strpbrk(glob, "*?["))
        fuzz_hold(matches == (strlen(glob) == len && memcmp(glob, path, len) == 0),
                  "a glob without signs is a path");
#ifdef FUZZ_PLANT
    if (matches && strstr(glob, "**/") && strchr(glob, '['))
        fuzz_overrun(path, len);
#endif
    if (globs_init(&globs, glob, &f) == 0) {
        bool any = false;
        for (size_t i = 0; i < globs.count; i++)
            any |= pathglob_match(globs.items[i], path, len);
        fuzz_hold(any == globs_match(&globs, path, len), "alternatives match when one does");
        fuzz_hold(strchr(glob, '{') || any == matches, "without alternatives it is one glob");
        fuzz_hold(glob_base(glob) <= strlen(glob), "a base is part of its glob");
        size_t depth = 0;
        for (const char *p = path; p < path + len; p++)
            depth += *p == '/';
        fuzz_hold(!any || depth <= globs_depth(&globs), "what matches is not below the depth");
    }
    globs_fini(&globs);
}

static void check_ignore(const char *path, size_t len, const void *text, size_t text_len)
{
    struct ignore *g = NULL;
    struct fail f;
    int folder = open(fuzz_folder(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    fuzz_write(".gitignore", text, text_len);
    fuzz_hold(folder >= 0 && ignore_read(folder, 0, NULL, &g, &f) == 0, "a .gitignore is read");
    bool has = ignore_has(g, path, len, false);
    fuzz_hold(!has || ignore_has(g, path, len, true) || memchr(text, '!', text_len),
              "what is ignored as a file is ignored as a folder");
    ignore_free(g);
    close(folder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t len;
    char *glob = fuzz_take(&data, &size, '\n', NULL);
    char *path = fuzz_take(&data, &size, '\n', &len);

    len = strlen(path);
    if (len > 0 && path[0] != '/' && path[len - 1] != '/' && !strstr(path, "//")) {
        check_glob(glob, path, len);
        check_ignore(path, len, size ? (const char *)data : "", size);
    }
    free(glob);
    free(path);
    return 0;
}
