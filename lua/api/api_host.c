#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/helped.h"
#include "base/host.h"

struct host_job {
    struct helped helped;
    struct host host;
    char root[];
};

static void job_work(struct helped *h)
{
    struct host_job *j = (struct host_job *)h;
    host_read(&j->host, j->root[0] ? j->root : NULL);
}

static void job_free(struct helped *h) { free(h); }

/* Into the table on top, unless it is not known. */
static void set_integer(lua_State *L, const char *name, int64_t value)
{
    if (value < 0)
        return;
    lua_pushinteger(L, value);
    lua_setfield(L, -2, name);
}

static void set_number(lua_State *L, const char *name, double value)
{
    if (value < 0)
        return;
    lua_pushnumber(L, value);
    lua_setfield(L, -2, name);
}

static void set_amounts(lua_State *L, const char *name, int64_t total, int64_t available)
{
    if (total < 0 || available < 0)
        return;
    lua_createtable(L, 0, 2);
    set_integer(L, "total", total);
    set_integer(L, "available", available);
    lua_setfield(L, -2, name);
}

static int job_push(lua_State *L, struct helped *work)
{
    const struct host *h = &((struct host_job *)work)->host;
    lua_createtable(L, 0, 6);
    if (h->load[0] >= 0) {
        lua_createtable(L, 3, 0);
        for (int i = 0; i < 3; i++) {
            lua_pushnumber(L, h->load[i]);
            lua_rawseti(L, -2, i + 1);
        }
        lua_setfield(L, -2, "load");
    }
    set_integer(L, "processors", h->processors);
    set_number(L, "uptime", h->uptime);
    set_amounts(L, "memory", h->memory_total, h->memory_available);
    set_amounts(L, "disk", h->disk_total, h->disk_available);
    lua_createtable(L, 0, 4);
    set_number(L, "uptime", h->process_uptime);
    set_integer(L, "memory", h->process_memory);
    set_integer(L, "threads", h->process_threads);
    set_integer(L, "descriptors", h->process_descriptors);
    lua_setfield(L, -2, "process");
    return 1;
}

/* mcp.host.status() -> {load=, processors=, uptime=, memory=, disk=, process=}, or nil, message,
 * code (w). How the machine and the gateway's process are now, as the kernel tells; what it does
 * not tell is nil. load: a list, over 1, 5 and 15 minutes; processors: that are online; uptime in
 * seconds. memory and disk: {total=, available=} in bytes; disk is the file system that the root
 * lies on. process: {uptime=, memory=, threads=, descriptors=}; its memory is what is resident, in
 * bytes. In a container the machine's figures are mostly the host's. */
static int l_status(lua_State *L)
{
    static const struct helped_type type = { job_work, NULL, job_push, job_free };
    const char *root = vm_options_of(L)->root;
    lua_settop(L, 0);
    struct helped_op *op = helped_push(L);
    if (!op)
        return 3;
    size_t size = root ? strlen(root) + 1 : 1;
    struct host_job *j = calloc(1, sizeof *j + size);
    if (!j)
        return helped_refuse(L, op, "NOMEM", "no memory to ask the kernel");
    j->helped.type = &type;
    if (root)
        memcpy(j->root, root, size);
    return helped_run(L, op, &j->helped);
}

int mgl_open_host(lua_State *L)
{
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, l_status);
    lua_setfield(L, -2, "status");
    return 1;
}
