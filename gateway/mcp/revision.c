#include "mcp/revision.h"

#include <string.h>

static const char *const names[MCP_REVISIONS] = {
    [MCP_2024_11_05] = "2024-11-05", [MCP_2025_03_26] = "2025-03-26",
    [MCP_2025_06_18] = "2025-06-18", [MCP_2025_11_25] = "2025-11-25",
    [MCP_2026_07_28] = "2026-07-28",
};

static const char *const levels[] = {
    "debug", "info", "notice", "warning", "error", "critical", "alert", "emergency",
};

const char *mcp_revision_text(enum mcp_revision r) { return names[r]; }

bool revision_parse_legacy(struct span name, enum mcp_revision *out)
{
    for (enum mcp_revision r = MCP_2024_11_05; r <= MCP_NEWEST_LEGACY; r++) {
        if (span_is(name, names[r])) {
            *out = r;
            return true;
        }
    }
    return false;
}

static bool is_from(struct span name, enum mcp_revision r)
{
    const char *first = names[r];
    size_t n = strlen(first);

    if (!name.p)
        return false;
    int order = memcmp(name.p, first, name.len < n ? name.len : n);
    return order > 0 || (order == 0 && name.len >= n);
}

bool revision_names_modern(struct span name) { return is_from(name, MCP_2026_07_28); }

bool revision_omits_id(struct span name) { return is_from(name, MCP_2025_11_25); }

bool mcp_header_omits_id(const char *protocol_version)
{
    return revision_omits_id(span_trim(protocol_version));
}

bool mcp_header_is_modern(const char *protocol_version)
{
    return revision_names_modern(span_trim(protocol_version));
}

const char *mcp_log_level_text(enum mcp_log_level l)
{
    return l == MCP_LOG_NONE ? NULL : levels[l];
}

enum mcp_log_level mcp_log_level_parse(const char *s, size_t len)
{
    for (enum mcp_log_level l = MCP_LOG_DEBUG; l <= MCP_LOG_EMERGENCY; l++)
        if (strlen(levels[l]) == len && memcmp(levels[l], s, len) == 0)
            return l;
    return MCP_LOG_NONE;
}
